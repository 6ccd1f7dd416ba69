internal import IsomerBytes
internal import IsomerTensors

/// A value to put beside the weights of a checkpoint.
public enum TorchValue: Hashable, Sendable {
    case none
    case bool(Bool)
    case integer(Int)
    case float(Double)
    case string(String)
}

/// What a checkpoint is made of.
public enum TorchRoot: Hashable, Sendable {
    /// The state dictionary itself.
    case stateDict
    /// A dictionary that has the state dictionary under `key`, and `entries` after it.
    case nested(key: String, entries: [Entry])

    /// Something beside the weights.
    public struct Entry: Hashable, Sendable {
        public let key: String
        public let value: TorchValue

        public init(_ key: String, _ value: TorchValue) {
            self.key = key
            self.value = value
        }
    }
}

/// Writes the pickle of a checkpoint: tensors as calls over storages that lie elsewhere, one storage for each.
///
/// Reference: PyTorch 2.13 `torch/_tensor.py` (`_reduce_ex_internal`), `torch/serialization.py` (`_save`, `_legacy_save`).
enum TorchObject {
    /// The pickle of a checkpoint whose storages are called by the tensors' numbers.
    static func pickle(_ tensors: [TensorDescriptor], root: TorchRoot, isLegacy: Bool) throws(IsomerError) -> [UInt8] {
        for tensor in tensors { try checkWritable(tensor, isLegacy: isLegacy) }
        var writer = PickleWriter()
        switch root {
        case .stateDict: writer.stateDict(tensors, isLegacy: isLegacy)
        case .nested(let key, let entries):
            writer.put(.emptyDictionary)
            writer.memoize()
            let items: [TorchRoot.Entry?] = [nil] + entries
            writer.batches(items, isExactDictionary: true) { writer, item in
                if let item {
                    writer.string(item.key)
                    writer.value(item.value)
                } else {
                    writer.string(key)
                    writer.stateDict(tensors, isLegacy: isLegacy)
                }
            }
        }
        writer.put(.stop)
        return writer.bytes
    }

    private static func checkWritable(_ tensor: TensorDescriptor, isLegacy: Bool) throws(IsomerError) {
        guard tensor.scalarType.torchName != nil, tensor.scalarType.kind != .quantized else {
            throw IsomerError(
                .unsupported, "torch has no such tensor", item: tensor.name, found: tensor.scalarType.rawValue,
                remedy: "convert it to another type first")
        }
        // PyTorch writes these streams with untyped storages itself, and then cannot read them.
        guard !isLegacy || tensor.scalarType.torchStorage != nil else {
            throw IsomerError(
                .unsupported, "the legacy format has no storage for this type", item: tensor.name, found: tensor.scalarType.rawValue,
                remedy: "write a zip archive, or convert it to another type first")
        }
        guard tensor.scalarType != .f4 || (tensor.shape.dimensions.last ?? 1) % 2 == 0 else {
            throw IsomerError(
                .unsupported, "torch packs two four-bit floats into one element, and the last axis is odd", item: tensor.name,
                found: "\(tensor.shape)")
        }
        guard tensor.name.utf8.count <= Int(UInt32.max) else {
            throw IsomerError(.unsupported, "a tensor's name is too long for a pickle", found: "\(tensor.name.utf8.count) bytes")
        }
    }

}

extension PickleWriter {
    fileprivate mutating func value(_ value: TorchValue) {
        switch value {
        case .none: put(.none)
        case .bool(let value): bool(value)
        case .integer(let value): integer(value)
        case .float(let value): float(value)
        case .string(let value): string(value)
        }
    }

    private mutating func emptyOrderedDictionary() {
        global("collections", "OrderedDict")
        put(.emptyTuple)
        put(.reduce)
        memoize()
    }

    fileprivate mutating func stateDict(_ tensors: [TensorDescriptor], isLegacy: Bool) {
        emptyOrderedDictionary()
        batches(Array(tensors.enumerated())) { writer, item in
            writer.string(item.element.name)
            writer.tensor(item.element, item.offset, isLegacy)
        }
    }

    /// `_rebuild_tensor_v2(storage, offset, size, strides, requires_grad, hooks)`; `_v3` has the data type behind, for an untyped storage.
    private mutating func tensor(_ tensor: TensorDescriptor, _ index: Int, _ isLegacy: Bool) {
        var dimensions = tensor.shape.dimensions
        if tensor.scalarType == .f4, let last = dimensions.last { dimensions[dimensions.count - 1] = last / 2 }
        let storage = tensor.scalarType.torchStorage
        let count = storage == nil ? tensor.byteCount : tensor.shape.elementCount
        global("torch._utils", storage == nil ? "_rebuild_tensor_v3" : "_rebuild_tensor_v2")
        put(.mark)
        put(.mark)
        constant("storage")
        if let storage { global("torch", storage) } else { global("torch.storage", "UntypedStorage") }
        string("\(index)")
        constant("cpu")
        integer(count)
        if isLegacy { put(.none) }
        put(.tuple)
        memoize()
        put(.persistent)
        integer(0)
        tuple(dimensions)
        tuple(PickleWriter.strides(dimensions))
        bool(false)
        emptyOrderedDictionary()
        if storage == nil, let name = tensor.scalarType.torchName { global("torch", name) }
        put(.tuple)
        memoize()
        put(.reduce)
        memoize()
    }

    private static func strides(_ dimensions: [Int]) -> [Int] {
        var stride = 1
        return Array(
            dimensions.reversed().map { extent in
                defer { stride = stride.multipliedReportingOverflow(by: max(extent, 1)).partialValue }
                return stride
            }.reversed())
    }
}
