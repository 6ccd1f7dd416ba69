internal import IsomerBytes
internal import IsomerTensors

/// Everything before a GGUF file's data, read and checked.
struct GGUFHeader {
    private(set) var version: UInt32 = 0
    private(set) var alignment: UInt64 = 32
    private(set) var keyValues: [GGUFKeyValue] = []
    private(set) var tensors: [TensorDescriptor] = []
    /// Where each tensor starts, counted from `dataOffset`.
    private(set) var offsets: [UInt64] = []
    private(set) var dataOffset: UInt64 = 0
    private(set) var warnings: [String] = []

    private let fileSize: UInt64
    private let limits: Limits

    /// The key under which ComfyUI's readers find the shape that a tensor had before it was flattened, followed by the tensor's name.
    static let originalShapePrefix = "comfy.gguf.orig_shape."
    static let alignmentKey = "general.alignment"

    init(_ bytes: UnsafeRawBufferPointer, limits: Limits) throws(IsomerError) {
        fileSize = UInt64(bytes.count)
        self.limits = limits
        var cursor = GGUFCursor(bytes)
        let (tensorCount, keyCount) = try readCounts(&cursor)
        try readKeyValues(&cursor, count: keyCount)
        try readAlignment()
        try readTensors(&cursor, count: tensorCount)
        let start = UInt64(cursor.position)
        dataOffset = (start + alignment - 1) / alignment * alignment
        // A file without tensors may end before the padding.
        guard dataOffset <= fileSize || tensors.allSatisfy({ $0.byteCount == 0 }) else {
            throw IsomerError(
                .malformed, "the file ends before its data", byteOffset: start, expected: "data from byte \(dataOffset)",
                found: "\(fileSize) bytes in all", remedy: "the file is cut short: get it again")
        }
        try checkPlaces()
    }

    private mutating func readCounts(_ cursor: inout GGUFCursor) throws(IsomerError) -> (tensors: Int, keys: Int) {
        let magic = try cursor.take(4, "the magic number")
        guard magic.elementsEqual("GGUF".utf8) else {
            throw IsomerError(.malformed, "this is not a GGUF file", byteOffset: 0, expected: "the letters GGUF")
        }
        version = try cursor.number(UInt32.self, "the version")
        guard (2...3).contains(version) else {
            let reason =
                version.byteSwapped <= 3
                ? "its numbers have the most significant byte first"
                : version == 1 ? "version 1 counts with 32 bits and was in use for a few weeks" : "versions 2 and 3 are known"
            throw IsomerError(
                .unsupported, "this kind of GGUF file is not read: \(reason)", byteOffset: 4, expected: "version 2 or 3",
                found: "\(version)", remedy: "get the model in another file")
        }
        let place = cursor.position
        let tensorCount = try cursor.number(UInt64.self, "the number of tensors")
        let keyCount = try cursor.number(UInt64.self, "the number of keys")
        // A tensor's entry takes 24 bytes at least, a key's 13.
        guard tensorCount <= UInt64(cursor.remaining) / 24, let tensors = Int(exactly: tensorCount) else {
            throw IsomerError(
                .malformed, "the file is too short for its tensors", byteOffset: UInt64(place),
                expected: "at most \(cursor.remaining / 24)", found: "\(tensorCount)", remedy: "the file is damaged: get it again")
        }
        guard tensors <= limits.tensors else {
            throw IsomerError(
                .limitExceeded, "the file has more tensors than are read", byteOffset: UInt64(place), expected: "at most \(limits.tensors)",
                found: "\(tensorCount)")
        }
        guard keyCount <= UInt64(cursor.remaining) / 13, let keys = Int(exactly: keyCount) else {
            throw IsomerError(
                .malformed, "the file is too short for its keys", byteOffset: UInt64(place + 8),
                expected: "at most \(cursor.remaining / 13)", found: "\(keyCount)", remedy: "the file is damaged: get it again")
        }
        return (tensors, keys)
    }

    // MARK: Keys

    private mutating func readKeyValues(_ cursor: inout GGUFCursor, count: Int) throws(IsomerError) {
        var seen: Set<ExactString> = []
        for _ in 0..<count {
            let start = cursor.position
            let key = try cursor.text("a key")
            guard seen.insert(ExactString(key)).inserted else {
                throw IsomerError(.malformed, "a key comes twice", item: key, byteOffset: UInt64(start))
            }
            do throws(IsomerError) {
                keyValues.append(GGUFKeyValue(key, try value(&cursor)))
            } catch {
                throw error.about(key)
            }
        }
    }

    private func type(_ cursor: inout GGUFCursor, _ meaning: String) throws(IsomerError) -> GGUFValueType {
        let start = cursor.position
        let number = try cursor.number(UInt32.self, meaning)
        guard let type = GGUFValueType(rawValue: number) else {
            throw IsomerError(
                .malformed, "there is no such type of value", byteOffset: UInt64(start), expected: "0 to 12", found: "\(number)",
                remedy: "the file is damaged or of a newer kind")
        }
        return type
    }

    private func value(_ cursor: inout GGUFCursor) throws(IsomerError) -> GGUFValue {
        switch try type(&cursor, "the type of a value") {
        case .u8: return .u8(try cursor.number(UInt8.self, "a value"))
        case .i8: return .i8(try cursor.number(Int8.self, "a value"))
        case .u16: return .u16(try cursor.number(UInt16.self, "a value"))
        case .i16: return .i16(try cursor.number(Int16.self, "a value"))
        case .u32: return .u32(try cursor.number(UInt32.self, "a value"))
        case .i32: return .i32(try cursor.number(Int32.self, "a value"))
        case .f32: return .f32(Float(bitPattern: try cursor.number(UInt32.self, "a value")))
        case .u64: return .u64(try cursor.number(UInt64.self, "a value"))
        case .i64: return .i64(try cursor.number(Int64.self, "a value"))
        case .f64: return .f64(Double(bitPattern: try cursor.number(UInt64.self, "a value")))
        case .bool:
            let start = cursor.position
            let byte = try cursor.number(UInt8.self, "a value")
            guard byte <= 1 else {
                throw IsomerError(
                    .malformed, "a truth value is neither 0 nor 1", byteOffset: UInt64(start), expected: "0 or 1", found: "\(byte)")
            }
            return .bool(byte == 1)
        case .string: return .string(try cursor.text("a text"))
        case .array: return try array(&cursor)
        }
    }

    private func array(_ cursor: inout GGUFCursor) throws(IsomerError) -> GGUFValue {
        let start = cursor.position
        let type = try type(&cursor, "the type of an array")
        guard type != .array else {
            throw IsomerError(.unsupported, "an array holds arrays, which no reader of GGUF accepts", byteOffset: UInt64(start))
        }
        let number = try cursor.number(UInt64.self, "the length of an array")
        // A text takes eight bytes at least.
        let least = type.byteCount ?? 8
        guard let count = Int(exactly: number), count <= cursor.remaining / least else {
            throw IsomerError(
                .malformed, "an array is longer than the file", byteOffset: UInt64(start + 4),
                expected: "at most \(cursor.remaining / least) elements", found: "\(number)", remedy: "the file is damaged: get it again")
        }
        if let size = type.byteCount {
            return .array(type, count: count, bytes: Array(try cursor.take(count * size, "an array")))
        }
        var probe = cursor
        for _ in 0..<count { _ = try probe.counted("a text of an array") }
        return .array(type, count: count, bytes: Array(try cursor.take(probe.position - cursor.position, "an array")))
    }

    private mutating func readAlignment() throws(IsomerError) {
        guard let entry = keyValues.first(where: { $0.key == Self.alignmentKey }) else { return }
        guard case .u32(let value) = entry.value, value > 0, value & (value - 1) == 0, value >= 8 else {
            throw IsomerError(
                .malformed, "the alignment is not one", item: entry.key, expected: "a power of two from 8 on, as a 32-bit number",
                found: entry.value.text)
        }
        alignment = UInt64(value)
    }

    // MARK: Tensors

    private mutating func readTensors(_ cursor: inout GGUFCursor, count: Int) throws(IsomerError) {
        var seen: Set<ExactString> = []
        var originalShapes: [ExactString: GGUFValue] = [:]
        for entry in keyValues where entry.key.utf8.starts(with: Self.originalShapePrefix.utf8) {
            let name = String(entry.key.utf8.dropFirst(Self.originalShapePrefix.utf8.count)) ?? ""
            originalShapes[ExactString(name)] = entry.value
        }
        tensors.reserveCapacity(count)
        offsets.reserveCapacity(count)
        for _ in 0..<count {
            let start = cursor.position
            let name = try cursor.text("a tensor's name")
            guard seen.insert(ExactString(name)).inserted else {
                throw IsomerError(.malformed, "two tensors have the same name", item: name, byteOffset: UInt64(start))
            }
            do throws(IsomerError) {
                try readTensor(&cursor, name, originalShapes[ExactString(name)])
            } catch {
                throw error.about(name)
            }
        }
    }

    private mutating func readTensor(_ cursor: inout GGUFCursor, _ name: String, _ original: GGUFValue?) throws(IsomerError) {
        let place = cursor.position
        let rank = try cursor.number(UInt32.self, "a tensor's number of dimensions")
        guard rank <= UInt32(clamping: limits.rank) else {
            throw IsomerError(
                .limitExceeded, "the tensor has more dimensions than are read", byteOffset: UInt64(place),
                expected: "at most \(limits.rank)", found: "\(rank)")
        }
        var extents: [Int] = []
        for _ in 0..<rank {
            let start = cursor.position
            let extent = try cursor.number(UInt64.self, "a tensor's extent")
            guard let extent = Int(exactly: extent) else {
                throw IsomerError(
                    .malformed, "an extent is larger than any memory", byteOffset: UInt64(start), found: "\(extent)",
                    remedy: "the file is damaged: get it again")
            }
            extents.append(extent)
        }
        let typePlace = cursor.position
        let type = try scalarType(cursor.number(UInt32.self, "a tensor's type"), at: typePlace)
        let group = type.group.elementCount
        guard group == 1 || (extents.first ?? 1) % group == 0 else {
            throw IsomerError(
                .malformed, "a row is not a whole number of blocks", byteOffset: UInt64(place + 4),
                expected: "a multiple of \(group) for \(type.rawValue)", found: "\(extents.first ?? 1)")
        }
        do throws(IsomerError) {
            // The innermost extent stands first in the file.
            var shape = try Shape(extents.reversed())
            if let original { shape = try self.shape(original, of: shape) }
            tensors.append(try TensorDescriptor(name: name, scalarType: type, shape: shape))
        } catch {
            var error = error
            if error.location.byteOffset == nil { error.location.byteOffset = UInt64(place) }
            throw error
        }
        let offsetPlace = cursor.position
        let offset = try cursor.number(UInt64.self, "a tensor's place")
        guard offset % alignment == 0 else {
            throw IsomerError(
                .malformed, "a tensor does not start at a multiple of the alignment", byteOffset: UInt64(offsetPlace),
                expected: "a multiple of \(alignment)", found: "\(offset)")
        }
        offsets.append(offset)
    }

    private func scalarType(_ number: UInt32, at place: Int) throws(IsomerError) -> ScalarType {
        switch GGUFTensorType.meaning(of: number) {
        case .read(let type): return type
        case .named(let name):
            throw IsomerError(
                .unsupported, "tensors of type \(name) are not read", byteOffset: UInt64(place), expected: "one of \(GGUFTensorType.list)",
                found: name, remedy: "get the model in another quantisation")
        case .unknown:
            throw IsomerError(
                .malformed, "there is no such type of tensor", byteOffset: UInt64(place), expected: "one of \(GGUFTensorType.list)",
                found: "\(number)", remedy: "the file is damaged or of a newer kind")
        }
    }

    /// The shape that a key names, which must have as many elements.
    private func shape(_ original: GGUFValue, of stored: Shape) throws(IsomerError) -> Shape {
        let extents = original.integers.map { $0.compactMap(Int.init(exactly:)) }
        guard let extents, extents.count <= limits.rank, let shape = try? Shape(extents), shape.elementCount == stored.elementCount else {
            throw IsomerError(
                .malformed, "the shape that a key gives the tensor is not one of its elements",
                expected: "integers with the product \(stored.elementCount)", found: original.text)
        }
        return shape
    }

    /// Tensors lie inside the file and do not overlap.
    private mutating func checkPlaces() throws(IsomerError) {
        let dataBytes = fileSize > dataOffset ? fileSize - dataOffset : 0
        var end: UInt64 = 0
        var gap: String?
        for index in tensors.indices.sorted(by: { (offsets[$0], tensors[$0].byteCount) < (offsets[$1], tensors[$1].byteCount) }) {
            let tensor = tensors[index]
            if tensor.byteCount == 0 {
                // Writers give an empty tensor the next place, which may be the padded end of the data.
                guard offsets[index] <= dataBytes + alignment else {
                    throw IsomerError(
                        .malformed, "the empty tensor's place lies beyond the end of the file", item: tensor.name,
                        expected: "at most \(dataBytes + alignment)", found: "\(offsets[index])",
                        remedy: "the file is damaged: get it again")
                }
                continue
            }
            let (next, overflow) = offsets[index].addingReportingOverflow(UInt64(tensor.byteCount))
            guard !overflow, next <= dataBytes else {
                throw IsomerError(
                    .malformed, "the tensor lies beyond the end of the file", item: tensor.name,
                    byteOffset: dataOffset.addingReportingOverflow(offsets[index]).partialValue,
                    expected: "\(tensor.byteCount) bytes", found: "\(offsets[index] < dataBytes ? dataBytes - offsets[index] : 0) bytes",
                    remedy: "the file is cut short or damaged: get it again")
            }
            guard offsets[index] >= end else {
                throw IsomerError(
                    .malformed, "two tensors share bytes", item: tensor.name, byteOffset: dataOffset + offsets[index],
                    expected: "at least \(end)", found: "\(offsets[index])")
            }
            if offsets[index] - end >= alignment, gap == nil { gap = tensor.name }
            end = next
        }
        if let gap { warnings.append("bytes that belong to no tensor stand before \(gap)") }
        if dataBytes > end, dataBytes - end >= alignment {
            warnings.append("\(dataBytes - end) bytes that belong to no tensor stand at the end")
        }
    }
}
