internal import IsomerBytes

/// TensorFlow's graphs.
extension FileScanner {
    /// Operations of a TensorFlow graph that reach outside it, by how a node names its operation: field 2, the length, the name.
    ///
    /// References: modelscan 0.8.8, unsafe operators; TensorFlow 2.20 `core/framework/node_def.proto`, `python/ops/script_ops.py`.
    mutating func scanGraph(_ source: ScanSource, _ members: [String]) throws(IsomerError) {
        let operations = ["ReadFile", "WriteFile", "MatchingFiles", "PyFunc", "PyFuncStateless", "EagerPyFunc", "PyCall"]
        let most = operations.map(\.utf8.count).max() ?? 0
        var found: Set<String> = []
        var position: UInt64 = 0
        while position < source.count {
            try checkTime()
            let piece = try source.bytes(at: position, atMost: 1 << 20 + most + 2)
            for place in piece.indices.dropLast(2) where piece[place] == 0x12 && Int(piece[place + 1]) <= most {
                let name = piece[(place + 2)...].prefix(Int(piece[place + 1]))
                if let operation = operations.first(where: { name.elementsEqual($0.utf8) }) { found.insert(operation) }
            }
            position += 1 << 20
        }
        for operation in found.sorted() {
            remarkOnce(
                .dangerous, "a TensorFlow graph with the operation \(operation), which reaches outside it" + FileScanner.place(members))
        }
    }
}
