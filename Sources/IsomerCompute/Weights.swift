internal import CKernels
public import IsomerBytes
public import IsomerTensors

/// The weights of a network by name, straight from where they are stored.
///
/// Keeps account of what was asked for: a plan with `isLenient` collects every missing or misshapen tensor instead of stopping at the first.
public final class Weights {
    /// A tensor that a network asked for.
    public struct Request: Hashable, Sendable {
        /// Its name, without the source's prefix.
        public let name: String
        /// The extents it must have.
        public let shape: [Int]
    }

    /// What was asked for, once each, in order.
    public private(set) var requests: [Request] = []
    /// What was asked for and is not there, or is something else.
    public private(set) var problems: [IsomerError] = []

    /// What changes parameters before they are used, in order.
    public var adapters: [any WeightAdapter] = []
    /// Whether what the adapters make of a parameter is kept in memory: LoRA applied on load rather than in every pass.
    public var keepsAdapted = false
    var kept: [String: Slots<Float>] = [:]
    /// Whether tensors that a source has to make, rather than has stored, stay in memory once they are made: sums with adapters, which would
    /// cost as much as a pass.
    public var keepsMade = false
    private var made: [Int: Slots<UInt8>] = [:]
    /// The most bytes that one parameter takes beside the file it is stored in, of those that were asked for: where it is not stored as it is
    /// used, or not as bytes, or changed by an adapter.
    public private(set) var widenedPeak = 0

    private let source: (any TensorSource)?
    private let prefix: String
    private let isLenient: Bool
    private let positions: TensorPositions
    private var requested: Set<String> = []
    private var mappings: [ObjectIdentifier: MappedFile] = [:]

    /// The tensors of `source` whose names begin with `prefix`.
    public init(_ source: any TensorSource, under prefix: String = "", isLenient: Bool = false) {
        self.source = source
        self.prefix = prefix
        self.isLenient = isLenient
        positions = TensorPositions(source.tensors, under: prefix)
    }

    /// No tensors: for plans that only ask.
    public init() {
        source = nil
        prefix = ""
        isLenient = true
        positions = TensorPositions()
    }

    /// The weights of the network's outermost module.
    public var root: Module { Module(weights: self, path: "") }

    /// Names of the source that were not asked for.
    public var unused: [String] {
        guard let source else { return [] }
        return source.tensors.map(\.name).filter { $0.utf8.starts(with: prefix.utf8) }
            .map { String(decoding: $0.utf8.dropFirst(prefix.utf8.count), as: UTF8.self) }.filter { !requested.contains($0) }
    }

    /// Finds a tensor and checks its shape. `nil` if it is not there and that was noted rather than thrown.
    private func position(of name: String, _ shape: [Int]) throws(IsomerError) -> Int? {
        if requested.insert(name).inserted {
            requests.append(Request(name: name, shape: shape))
        } else {
            return positions[prefix + name]
        }
        guard let source else { return nil }
        var problem: IsomerError?
        if let index = positions[prefix + name] {
            let found = source.tensors[index]
            if found.shape.dimensions != shape {
                problem = IsomerError(
                    .mismatch, "the tensor has the wrong shape", item: prefix + name, expected: "\(shape)", found: found.shape.description)
            } else if !Self.isComputable(found.scalarType) {
                problem = IsomerError(
                    .unsupported, "the tensor's numbers cannot be computed with", item: prefix + name, expected: "a floating type",
                    found: found.scalarType.rawValue)
            } else {
                widenedPeak = max(widenedPeak, widenedBytes(index, source, name))
                return index
            }
        } else {
            problem = IsomerError(.mismatch, "the tensor is missing", item: prefix + name, expected: "\(shape)")
        }
        guard let problem else { return nil }
        if !isLenient { throw problem }
        problems.append(problem)
        return nil
    }

    /// Notes that a tensor will be read, in a plan.
    func expect(_ name: String, _ shape: [Int]) throws(IsomerError) { _ = try position(of: name, shape) }

    /// Lends a tensor's bytes to `body`, changed by the adapters if there are any: mapped where they lie in a file as they are, else read.
    func withBytes(
        _ name: String, _ shape: [Int], _ body: (UnsafeRawPointer, ScalarType) throws(IsomerError) -> Void
    ) throws(IsomerError) {
        if isAdapted(name) { return try withAdapted(name, shape, body) }
        try withStoredBytes(name, shape, body)
    }

    /// Whether there is a way from the type's elements to numbers.
    private static func isComputable(_ type: ScalarType) -> Bool {
        type.kind == .float || type.kind == .block
    }

    /// Whether the kernels take a tensor's bytes as they are stored: elements that have addresses, or rows of whole blocks.
    private static func isUsedAsStored(_ tensor: TensorDescriptor) -> Bool {
        if tensor.scalarType.kernelScalar != nil { return true }
        let extents = tensor.shape.dimensions
        guard tensor.scalarType.nativeBlock != nil, extents.count >= 2, extents.dropFirst(2).allSatisfy({ $0 == 1 }) else { return false }
        return extents[1] % tensor.scalarType.group.elementCount == 0
    }

    /// Bytes that a parameter takes while it is used, beside the file it is stored in.
    private func widenedBytes(_ index: Int, _ source: any TensorSource, _ name: String) -> Int {
        let tensor = source.tensors[index]
        let wide = tensor.shape.elementCount.multipliedReportingOverflow(by: MemoryLayout<Float>.stride)
        var bytes = 0
        if !Self.isUsedAsStored(tensor) {
            bytes = tensor.byteCount.addingReportingOverflow(wide.partialValue).partialValue
        } else if source.storedRange(of: index) == nil {
            bytes = tensor.byteCount
        }
        // What is stored, its sum, and the copies that the sum is made of.
        return isAdapted(name) ? bytes.addingReportingOverflow(3 * (wide.partialValue / 4 * 4)).partialValue : bytes
    }

    /// Lends a tensor's bytes to `body` as they are stored, or widened to f32 if there is no way to compute with those.
    func withStoredBytes(
        _ name: String, _ shape: [Int], _ body: (UnsafeRawPointer, ScalarType) throws(IsomerError) -> Void
    ) throws(IsomerError) {
        guard let index = try position(of: name, shape), let source else {
            throw IsomerError(.mismatch, "the tensor is missing", item: prefix + name, expected: "\(shape)")
        }
        let descriptor = source.tensors[index]
        guard descriptor.shape.dimensions == shape else {
            throw IsomerError(.mismatch, "the tensor has the wrong shape", item: prefix + name, expected: "\(shape)")
        }
        guard Self.isComputable(descriptor.scalarType) else {
            throw IsomerError(.unsupported, "the tensor's numbers cannot be computed with", item: prefix + name)
        }
        guard descriptor.byteCount > 0 else { return }
        if !Self.isUsedAsStored(descriptor) { return try withWidened(index, source, body) }
        if let range = source.storedRange(of: index) {
            let mapping = try mapping(of: range.file)
            return try mapping.withBytes { bytes throws(IsomerError) in
                guard let start = Int(exactly: range.offset), start <= bytes.count, range.count <= bytes.count - start,
                    range.count >= descriptor.byteCount, let base = bytes.baseAddress
                else { throw IsomerError(.malformed, "the tensor lies outside its file", path: range.file.path, item: prefix + name) }
                try body(base + start, descriptor.scalarType)
            }
        }
        if let known = made[index] { return try body(known.address, descriptor.scalarType) }
        if keepsMade {
            let slots = Slots<UInt8>(count: descriptor.byteCount)
            try source.read(index, at: 0, into: UnsafeMutableRawBufferPointer(start: slots.address, count: descriptor.byteCount))
            made[index] = slots
            return try body(slots.address, descriptor.scalarType)
        }
        let memory = try Arena.allocate(descriptor.byteCount)
        defer { Arena.release(memory) }
        try source.read(index, at: 0, into: UnsafeMutableRawBufferPointer(start: memory, count: descriptor.byteCount))
        try body(memory, descriptor.scalarType)
    }

    private func withWidened(
        _ index: Int, _ source: any TensorSource, _ body: (UnsafeRawPointer, ScalarType) throws(IsomerError) -> Void
    ) throws(IsomerError) {
        let descriptor = source.tensors[index]
        let bytes = try source.bytes(of: index)
        guard let count = ScalarType.f32.byteCount(of: descriptor.shape.elementCount) else { return }
        let memory = try Arena.allocate(count)
        defer { Arena.release(memory) }
        let target = UnsafeMutableRawBufferPointer(start: memory, count: count)
        var failure: IsomerError?
        bytes.withUnsafeBytes { bytes in
            do throws(IsomerError) {
                try Cast(from: descriptor.scalarType, to: .f32).apply(bytes, target, elementCount: descriptor.shape.elementCount)
            } catch { failure = error }
        }
        if let failure { throw failure }
        try body(memory, .f32)
    }

    private func mapping(of file: ReadableFile) throws(IsomerError) -> MappedFile {
        if let known = mappings[ObjectIdentifier(file)] { return known }
        let made = try MappedFile(file)
        mappings[ObjectIdentifier(file)] = made
        return made
    }

    /// A whole tensor as f32. For small ones.
    func values(_ name: String, _ shape: [Int]) throws(IsomerError) -> [Float] {
        var values: [Float] = []
        try withBytes(name, shape) { bytes, type throws(IsomerError) in
            let count = shape.reduce(1, *)
            guard let size = type.byteCount(of: count) else { return }
            values = Array(repeating: 0, count: count)
            var failure: IsomerError?
            values.withUnsafeMutableBytes { target in
                do throws(IsomerError) {
                    try Cast(from: type, to: .f32).apply(
                        UnsafeRawBufferPointer(start: bytes, count: size), target, elementCount: count)
                } catch { failure = error }
            }
            if let failure { throw failure }
        }
        return values
    }
}

/// A module of a network: its weights stand under its path.
public struct Module {
    let weights: Weights
    /// The dotted path, with a dot at its end unless empty.
    let path: String

    /// The module `name` inside this one.
    public subscript(_ name: String) -> Module { Module(weights: weights, path: path + name + ".") }

    /// The path without the last dot.
    public var name: String { path.isEmpty ? "" : String(path.dropLast()) }
}

extension ScalarType {
    /// The kernels' name of a floating type whose elements have addresses.
    var kernelScalar: isomer_scalar? { kind == .float && isByteAligned ? native : nil }
}
