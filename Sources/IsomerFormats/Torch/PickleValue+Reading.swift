extension PickleValue {
    /// The value as a machine integer.
    var integer: Int? {
        if case .integer(let value) = content { value } else { nil }
    }

    var bool: Bool? {
        switch content {
        case .bool(let value): value
        case .integer(0): false
        case .integer(1): true
        default: nil
        }
    }

    /// The value as text; Python 2's strings are bytes.
    var text: String? {
        switch content {
        case .string(let value): value
        case .bytes(let bytes): String(validating: bytes, as: UTF8.self)
        default: nil
        }
    }

    var isPersistent: Bool {
        if case .persistent = document.graph.node(reference) { true } else { false }
    }

    var object: PickleObject? {
        if case .object(let object) = content { object } else { nil }
    }

    var entries: PickleEntries? {
        if case .dictionary(let entries) = content { entries } else { nil }
    }

    /// The elements of a list, a tuple or a `torch.Size`.
    var sequence: PickleItems? {
        switch content {
        case .tuple(let items), .list(let items): return items
        case .object(let object):
            guard object.global == PickleGraph.Global(module: "torch", name: "Size"), case .tuple(let arguments) = object.arguments.content,
                let first = arguments.first
            else { return nil }
            switch first.content {
            case .tuple(let items), .list(let items): return items
            default: return nil
            }
        default: return nil
        }
    }

    /// Bytes, also as protocols below 3 write them: `_codecs.encode(text, 'latin1')`.
    var plainBytes: [UInt8]? {
        switch content {
        case .bytes(let bytes), .byteArray(let bytes): return bytes
        case .object(let object):
            guard object.global == PickleGraph.Global(module: "_codecs", name: "encode") else {
                let isEmpty = object.global == PickleGraph.Global(module: "builtins", name: "bytes") && object.argumentItems.isEmpty
                return isEmpty ? [] : nil
            }
            guard let text = object.argumentItems.first?.text else { return nil }
            var bytes: [UInt8] = []
            bytes.reserveCapacity(text.utf8.count)
            for scalar in text.unicodeScalars {
                guard let byte = UInt8(exactly: scalar.value) else { return nil }
                bytes.append(byte)
            }
            return bytes
        case .string(let text) where text.isEmpty: return []
        default: return nil
        }
    }

    /// Whether it can hold other values, or be a tensor.
    var isContainer: Bool {
        switch document.graph.node(reference) {
        case .tuple, .list, .dictionary, .set, .frozenSet, .object, .persistent: true
        default: false
        }
    }
}

extension PickleObject {
    /// The arguments one by one.
    var argumentItems: [PickleValue] {
        if case .tuple(let items) = arguments.content { Array(items) } else { [] }
    }

    func isCall(of module: String, _ name: String) -> Bool {
        guard let global else { return false }
        return global.module == module && global.name == name
    }
}
