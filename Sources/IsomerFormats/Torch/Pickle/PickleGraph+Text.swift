extension PickleGraph {
    /// A value as Python would write it, cut short: for errors and reports.
    func text(of reference: PickleReference, limit: Int = 120) -> String {
        var writer = TextWriter(graph: self, room: limit)
        writer.write(reference, depth: 0)
        return writer.result + (writer.room <= 0 ? "…" : "")
    }

    /// A call as Python would write it.
    func text(ofCall global: Global, _ arguments: PickleReference, limit: Int = 120) -> String {
        var writer = TextWriter(graph: self, room: limit)
        writer.put("\(global.module).\(global.name)")
        writer.write(arguments, depth: 0)
        return writer.result + (writer.room <= 0 ? "…" : "")
    }

    /// Writes until its room is used up, so that neither sharing nor depth makes it long.
    private struct TextWriter {
        let graph: PickleGraph
        var room: Int
        var result = ""

        mutating func put(_ text: String) {
            guard room > 0 else { return }
            result += text.prefix(room)
            room -= text.utf8.count
        }

        mutating func write(_ reference: PickleReference, depth: Int) {
            guard room > 0 else { return }
            guard depth < 6 else { return put("…") }
            switch graph.node(reference) {
            case .none: put("None")
            case .bool(let value): put(value ? "True" : "False")
            case .integer(let value): put("\(value)")
            case .largeInteger: put("a large integer")
            case .float(let value): put("\(value)")
            case .string(let value): put("'" + value.prefix(80) + (value.utf8.count > 80 ? "…'" : "'"))
            case .bytes(let index): put("\(graph.byteStrings[Int(index)].count) bytes")
            case .byteArray(let index): put("bytearray of \(graph.byteStrings[Int(index)].count)")
            case .tuple: writeItems("(", graph.tuple(reference), ")", depth)
            case .list(let index): writeItems("[", graph.lists[Int(index)][...], "]", depth)
            case .set(let index), .frozenSet(let index): writeItems("{", graph.lists[Int(index)][...], "}", depth)
            case .dictionary(let index): writeItems("{", graph.lists[Int(index)][...], "}", depth)
            case .global(let index): put("\(graph.globals[Int(index)].module).\(graph.globals[Int(index)].name)")
            case .object(let index):
                write(PickleReference(index: graph.objects[Int(index)].callable), depth: depth + 1)
                write(PickleReference(index: graph.objects[Int(index)].arguments), depth: depth + 1)
            case .persistent(let identifier):
                put("persistent ")
                write(PickleReference(index: identifier), depth: depth + 1)
            }
        }

        private mutating func writeItems(_ open: String, _ items: ArraySlice<UInt32>, _ close: String, _ depth: Int) {
            put(open)
            for (position, item) in items.enumerated() {
                guard room > 0 else { return }
                if position > 0 { put(", ") }
                write(PickleReference(index: item), depth: depth + 1)
            }
            put(close)
        }
    }
}
