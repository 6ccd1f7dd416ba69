import Crypto
import IsomerArchitectures
import IsomerBytes
import IsomerFormats
import IsomerMapping
import IsomerTensors

@testable import IsomerConversion

/// A tensor as the generators' lists have it: everything but its bytes, and their sum.
struct TensorSum: Hashable, CustomStringConvertible {
    var name: String
    var type: String
    var shape: String
    var sum: String

    var description: String { "\(name) \(type) \(shape) \(sum.prefix(12))" }
}

/// Reads a list of `name dtype [shape] sha256` lines.
func golden(_ path: FilePath) throws -> Set<TensorSum> {
    let text = String(decoding: try ReadableFile(path).contents(limit: 1 << 24), as: UTF8.self)
    return Set(
        text.split(separator: "\n").map { line in
            let words = line.split(separator: " ")
            return TensorSum(
                name: String(words[0]), type: String(words[1]), shape: words[2..<words.count - 1].joined(separator: " "),
                sum: String(words[words.count - 1]))
        })
}

/// The same of a file's or set's tensors.
func sums(_ path: FilePath) throws -> Set<TensorSum> {
    try sums(openWeights(path))
}

func sums(_ source: any TensorSource) throws -> Set<TensorSum> {
    var found: Set<TensorSum> = []
    for (index, tensor) in source.tensors.enumerated() {
        let digest = SHA256.hash(data: try source.bytes(of: index))
        let hex = digest.map { byte in (byte < 16 ? "0" : "") + String(byte, radix: 16) }.joined()
        found.insert(TensorSum(name: tensor.name, type: tensor.scalarType.rawValue, shape: tensor.shape.description, sum: hex))
    }
    return found
}

/// Names and extents of the tensors in `lists` of `Fixtures/manifests`.
func listed(_ lists: [String]) throws -> [(name: String, dimensions: [Int])] {
    var found: [(name: String, dimensions: [Int])] = []
    for list in lists {
        for line in String(decoding: try Fixtures.unpacked("manifests/\(list).txt"), as: UTF8.self).split(separator: "\n") {
            let words = line.split(separator: " ", maxSplits: 2)
            found.append((String(words[0]), words[2].split(separator: ",").compactMap { Int($0.filter(\.isNumber)) }))
        }
    }
    return found
}

/// The same of one component in a layout, below `prefix`.
func tensors(
    of configuration: any NetworkConfiguration, _ layout: Layout, below prefix: String
) throws -> [(name: String, dimensions: [Int])] {
    try layout.expansion(of: configuration).items.map { (name: prefix + $0.name, dimensions: $0.shape.dimensions) }
}

extension TemporaryFolder {
    /// Converts `source` to `name` in this folder, over what an earlier conversion of the test left there, and compares every byte that was
    /// written with its source.
    @discardableResult
    func convert(
        _ source: FilePath, to target: ModelTarget, _ name: String, _ change: (inout ConversionRequest) -> Void = { _ in }
    ) throws -> ConversionPlan {
        var request = ConversionRequest(source: source)
        request.destination = self[name]
        change(&request)
        let plan = try ConversionPlan(request, to: target)
        var executor = Executor()
        executor.verification = .full
        executor.replaceableFolderNames = ["config.json"]
        executor.overwrite = true
        _ = try executor.run(plan, to: self[name])
        return plan
    }

    /// Carries out `request`, whose output becomes `name` in this folder, as a caller does who asks for nothing else.
    func convert(_ request: ConversionRequest, to target: ModelTarget, _ name: String) throws -> FilePath {
        var request = request
        request.destination = self[name]
        _ = try Executor().run(ConversionPlan(request, to: target), to: self[name])
        return self[name]
    }

    /// A file of any size without a byte of weights, from which plans can be made.
    func hollowModel(_ tensors: [(name: String, dimensions: [Int])], metadata: FileMetadata = [:]) throws -> FilePath {
        var header = JSONObject()
        var offset = 0
        for (name, dimensions) in tensors {
            let size = dimensions.reduce(2, *)
            header[name] = [
                "dtype": "F16", "shape": .array(dimensions.map { .number(JSONNumber($0)) }),
                "data_offsets": [.number(JSONNumber(offset)), .number(JSONNumber(offset + size))],
            ]
            offset += size
        }
        if !metadata.isEmpty {
            var object = JSONObject()
            for (key, value) in metadata { object[key] = .string(value) }
            header["__metadata__"] = .object(object)
        }
        let text = JSONWriter().bytes(.object(header))
        let length = withUnsafeBytes(of: UInt64(text.count).littleEndian) { Array($0) }
        let path = try file("model.safetensors", length + text)
        let descriptor = try FileDescriptor.open(path, .writeOnly)
        try descriptor.closeAfter { try descriptor.resize(to: Int64(8 + text.count + offset)) }
        return path
    }
}

/// What becomes of one tensor of a file that is written anew.
enum Rewriting {
    case kept
    case dropped
    case renamed(String)
    /// A matrix, rows for columns, under a name.
    case turned(String)
}

/// Writes the tensors of the file at `path` to `other`, changed as a tool would that arranges them otherwise.
func rewrite(
    _ path: FilePath, to other: FilePath, metadata: FileMetadata? = nil, adding more: [(String, ScalarType, [Int], [UInt8])] = [],
    _ change: (TensorDescriptor, Int) throws -> Rewriting
) throws {
    let source = try ConversionPlan.Source("", opening: path, limits: Limits())
    var planned: [PlannedTensor] = []
    var dropped: [SetAside] = []
    for (index, tensor) in source.tensors.tensors.enumerated() {
        let reference = TensorReference(source: 0, index: index)
        var renamed = tensor
        switch try change(tensor, index) {
        case .kept: break
        case .dropped:
            dropped.append(SetAside(reference, name: tensor.name, .dropped, because: "the test wants it so"))
            continue
        case .renamed(let name): renamed.name = name
        case .turned(let name):
            let (rows, columns) = (tensor.shape.dimensions[0], tensor.shape.dimensions[1])
            renamed = try TensorDescriptor(name: name, scalarType: tensor.scalarType, shape: Shape([columns, rows]))
            let piece = Piece.tensor(reference, .transposed(rows: rows, columns: columns))
            planned.append(PlannedTensor(renamed, pieces: [piece], sourceType: tensor.scalarType))
            continue
        }
        planned.append(PlannedTensor(renamed, from: reference, of: tensor.scalarType))
    }
    for (name, type, dimensions, bytes) in more {
        let tensor = try TensorDescriptor(name: name, scalarType: type, shape: Shape(dimensions))
        planned.append(PlannedTensor(tensor, pieces: [.constant(bytes)], sourceType: type))
    }
    let plan = ConversionPlan(
        sources: [source], shape: .file,
        files: [PlannedFile(container: .safetensors, tensors: planned, metadata: metadata ?? source.tensors.metadata)], setAside: dropped)
    _ = try Executor().run(plan, to: other)
}
