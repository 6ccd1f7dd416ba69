internal import IsomerBytes
internal import IsomerTensors

/// What a value that builds a tensor comes to.
enum TorchForm: Sendable {
    /// A view of a storage, with what its type does not say.
    case view(TorchView, note: String?)
    /// A tensor that has no plain bytes, and why.
    case unconvertible(String)
}

/// Reads tensors out of the calls that a pickle recorded.
///
/// Reference: PyTorch 2.13 `torch/_utils.py` and `torch/_tensor.py` for the meaning of each function's arguments.
struct TorchInterpreter {
    /// From the identifiers in the pickle to storages, and to tensors in a tar archive.
    private let storageOfIdentifier: [PickleReference: Int]
    private let viewOfIdentifier: [PickleReference: TorchView]
    let limits: Limits
    private(set) var storages: [TorchStorage]
    /// Arrays already taken out of the pickle.
    private var arrays: [PickleReference: TorchView] = [:]

    init(_ contents: TorchContents, limits: Limits) {
        self.storages = contents.storages
        self.storageOfIdentifier = contents.storageOfIdentifier
        self.viewOfIdentifier = contents.viewOfIdentifier
        self.limits = limits
    }

    /// The tensor that `value` builds; `nil` if it builds none.
    mutating func form(of value: PickleValue) throws(IsomerError) -> TorchForm? {
        if !viewOfIdentifier.isEmpty, let view = tarView(of: value) { return .view(view, note: nil) }
        guard let (object, place, function, arguments) = TorchInterpreter.unwrapped(value) else { return nil }
        if NumpyArray.isArray(object) { return try form(ofArray: object, at: place) }
        switch function {
        case "_rebuild_tensor", "_rebuild_tensor_v2", "_rebuild_tensor_v3":
            return .view(try view(function, arguments), note: nil)
        case "_rebuild_qtensor":
            return .view(try view(function, arguments), note: arguments.count > 4 ? quantization(arguments[4]) : nil)
        case "_rebuild_sparse_tensor", "_rebuild_sparse_csr_tensor": return .unconvertible("a sparse tensor")
        case "_rebuild_nested_tensor": return .unconvertible("a nested tensor")
        case "_rebuild_meta_tensor_no_storage": return .unconvertible("a tensor on the meta device, which has no values")
        case "_rebuild_wrapper_subclass": return .unconvertible("a tensor subclass that keeps its values elsewhere")
        default: return nil
        }
    }

    /// Takes off what surrounds the call that makes the tensor: parameters, variables, subclasses, other devices.
    private static func unwrapped(
        _ value: PickleValue
    ) -> (PickleObject, place: PickleReference, function: String, arguments: [PickleValue])? {
        var current = value
        for _ in 0..<64 {
            guard let object = current.object, let global = object.global else { return nil }
            if NumpyArray.isArray(object) { return (object, current.reference, global.name, object.argumentItems) }
            guard TorchGlobal(global) == .builder else { return nil }
            let arguments = object.argumentItems
            switch global.name {
            case "_rebuild_parameter", "_rebuild_parameter_with_state", "Parameter", "Buffer", "Variable",
                "_rebuild_device_tensor_from_numpy",
                "_rebuild_device_tensor_from_cpu_tensor", "_rebuild_xla_tensor":
                guard let inner = arguments.first else { return nil }
                current = inner
            case "_rebuild_from_type_v2":
                guard arguments.count >= 3, case .global(let function) = arguments[0].content, let inner = arguments[2].sequence else {
                    return nil
                }
                guard ["_rebuild_parameter", "_rebuild_parameter_with_state"].contains(function.name) else {
                    return (object, current.reference, function.name, Array(inner))
                }
                guard let first = inner.first else { return nil }
                current = first
            default: return (object, current.reference, global.name, arguments)
            }
        }
        return nil
    }

    /// Arguments: storage, offset, size, strides; then, by function, gradient flag, hooks, data type, and a dictionary of flags.
    private mutating func view(_ function: String, _ arguments: [PickleValue]) throws(IsomerError) -> TorchView {
        guard arguments.count >= 4, case .persistent(let identifier) = arguments[0].content, let offset = arguments[1].integer,
            let size = TorchInterpreter.integers(arguments[2]), let strides = TorchInterpreter.integers(arguments[3])
        else {
            throw IsomerError(
                .malformed, "\(function) does not have the arguments that make a tensor",
                expected: "a storage, an offset, a size and strides",
                remedy: "the file is damaged: get it again")
        }
        guard size.count <= limits.rank else {
            throw IsomerError(
                .limitExceeded, "a tensor has more dimensions than a tensor may", expected: "at most \(limits.rank)", found: "\(size.count)"
            )
        }
        guard let storage = storageOfIdentifier[identifier.value.reference] else {
            throw IsomerError(.malformed, "\(function) is given something that is not a storage")
        }
        var type = storages[storage].scalarType
        if function == "_rebuild_tensor_v3", arguments.count > 6 { type = try dataType(arguments[6]) }
        guard let type else { throw IsomerError(.malformed, "a tensor views an untyped storage and has no type of its own") }
        var view = try packed(TorchView(storage: storage, scalarType: type, shape: Shape(size), strides: strides, offset: offset))
        let flags = function == "_rebuild_tensor_v3" ? 7 : 6
        if function != "_rebuild_qtensor", arguments.count > flags, let entries = arguments[flags].entries {
            view.isConjugated = entries["conj"]?.bool ?? false
            view.isNegated = entries["neg"]?.bool ?? false
        }
        try view.check(against: storages[storage])
        return view
    }

    private func dataType(_ value: PickleValue) throws(IsomerError) -> ScalarType {
        guard case .global(let global) = value.content, global.module == "torch" else {
            throw IsomerError(.malformed, "a tensor's data type is not one of torch's")
        }
        guard let type = ScalarType(torchName: global.name) else {
            throw IsomerError(.unsupported, "a tensor has a data type that is not read", found: "torch.\(global.name)")
        }
        return type
    }

    /// Torch counts two four-bit floats as one element of one byte; here each is an element.
    private func packed(_ view: TorchView) throws(IsomerError) -> TorchView {
        guard view.scalarType == .f4 else { return view }
        var dimensions = view.shape.dimensions
        guard view.isContiguous, let last = dimensions.last, let offset = doubled(view.offset), let extent = doubled(last) else {
            throw IsomerError(.unsupported, "a tensor of packed four-bit floats is not stored in one piece", found: "\(view.shape)")
        }
        dimensions[dimensions.count - 1] = extent
        let shape = try Shape(dimensions)
        return TorchView(
            storage: view.storage, scalarType: .f4, shape: shape, strides: shape.contiguousStrides, offset: offset)
    }

    private func doubled(_ value: Int) -> Int? {
        let (result, overflow) = value.multipliedReportingOverflow(by: 2)
        return overflow ? nil : result
    }

    static func integers(_ value: PickleValue) -> [Int]? {
        guard let items = value.sequence else { return nil }
        var result: [Int] = []
        for item in items {
            guard let integer = item.integer else { return nil }
            result.append(integer)
        }
        return result
    }

    /// What turns the stored integers into numbers.
    private func quantization(_ value: PickleValue) -> String? {
        guard let items = value.sequence, case .global(let scheme)? = items.first?.content else { return nil }
        let numbers = items.dropFirst().map { $0.scalarText ?? "a tensor" }
        return ([scheme.name] + numbers).joined(separator: " ")
    }

    /// A tar archive's tensors are persistent objects, or parameters around one.
    private func tarView(of value: PickleValue) -> TorchView? {
        var current = value
        for _ in 0..<64 {
            if case .persistent(let identifier) = current.content { return viewOfIdentifier[identifier.value.reference] }
            guard let object = current.object, let global = object.global, TorchGlobal(global) == .builder,
                let inner = object.argumentItems.first
            else { return nil }
            current = inner
        }
        return nil
    }

    private mutating func form(ofArray object: PickleObject, at place: PickleReference) throws(IsomerError) -> TorchForm {
        if let view = arrays[place] { return .view(view, note: nil) }
        guard let array = NumpyArray(object) else { return .unconvertible("a NumPy array of something other than numbers") }
        guard array.shape.count <= limits.rank else {
            throw IsomerError(.limitExceeded, "an array has more dimensions than a tensor may", expected: "at most \(limits.rank)")
        }
        let shape = try Shape(array.shape)
        let strides = array.isColumnMajor ? shape.columnMajorStrides : shape.contiguousStrides
        storages.append(
            TorchStorage(
                name: "numpy array", place: .memory(array.bytes), byteCount: UInt64(array.bytes.count), scalarType: array.type.scalarType,
                crc32: nil, isBigEndian: array.type.isBigEndian))
        let view = TorchView(storage: storages.count - 1, scalarType: array.type.scalarType, shape: shape, strides: strides, offset: 0)
        try view.check(against: storages[storages.count - 1])
        arrays[place] = view
        return .view(view, note: nil)
    }
}

extension Shape {
    /// Elements to skip for one step along each axis of a tensor without gaps, last axis fastest.
    var contiguousStrides: [Int] { Shape.strides(dimensions.reversed()).reversed() }

    /// The same with the first axis fastest.
    var columnMajorStrides: [Int] { Shape.strides(dimensions) }

    private static func strides(_ extents: [Int]) -> [Int] {
        var stride = 1
        return extents.map { extent in
            defer { stride = stride.multipliedReportingOverflow(by: max(extent, 1)).partialValue }
            return stride
        }
    }
}
