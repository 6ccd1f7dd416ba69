import IsomerArchitectures
import IsomerBytes
import IsomerTensors

/// Reads a list of `name dtype [d0, d1]` lines, as the generators write them; a fourth column is ignored.
func keyList(_ bytes: [UInt8]) throws -> [TensorDescriptor] {
    try String(decoding: bytes, as: UTF8.self).split(separator: "\n").map { line in
        let parts = line.split(separator: " ", maxSplits: 2)
        let open = parts[2].firstIndex(of: "[").map { parts[2][parts[2].index(after: $0)...] } ?? parts[2]
        let list = open.prefix { $0 != "]" }
        let dimensions = list.split(separator: ",").compactMap { Int($0.filter(\.isNumber)) }
        guard let type = ScalarType(rawValue: String(parts[1])) else { throw IsomerError(.malformed, "odd type", item: String(line)) }
        return try TensorDescriptor(name: String(parts[0]), scalarType: type, shape: Shape(dimensions))
    }
}

extension TensorDescriptor {
    /// The same tensor below `prefix`.
    func under(_ prefix: String) throws -> TensorDescriptor {
        try TensorDescriptor(name: prefix + name, scalarType: scalarType, shape: shape)
    }
}
