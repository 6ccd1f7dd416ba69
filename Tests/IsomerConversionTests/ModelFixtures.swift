import Crypto
import IsomerBytes
import IsomerFormats
import IsomerTensors

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
