internal import IsomerBytes
internal import IsomerTensors

/// The type of a NumPy array or scalar as its pickle describes it.
///
/// Reference: NumPy 2.3 `numpy/_core/src/multiarray/descriptor.c` (`arraydescr_reduce`, `arraydescr_setstate`).
struct NumpyType {
    let scalarType: ScalarType
    let isBigEndian: Bool

    /// `nil` for anything but plain numbers and truth values: objects, text, dates, records.
    init?(_ value: PickleValue) {
        guard let object = value.object, object.isCall(of: "numpy", "dtype"), let code = object.argumentItems.first?.text else {
            return nil
        }
        var letters = code[...]
        var order: Character = "="
        if let first = letters.first, "<>=|".contains(first) {
            order = first
            letters.removeFirst()
        }
        guard let type = NumpyType.types[String(letters)] else { return nil }
        if let state = object.state?.sequence, state.count >= 5 {
            if let text = state[1].text, let first = text.first { order = first }
            // A sub-array type or fields make a record out of it.
            guard case .none = state[2].content, case .none = state[3].content else { return nil }
        }
        scalarType = type
        isBigEndian = order == ">"
    }

    private static let types: [String: ScalarType] = [
        "b1": .bool, "?": .bool, "i1": .i8, "u1": .u8, "i2": .i16, "u2": .u16, "i4": .i32, "u4": .u32, "i8": .i64, "u8": .u64, "f2": .f16,
        "f4": .f32, "f8": .f64, "c8": .c64, "c16": .c128,
    ]
}

/// An array with its bytes in the pickle.
struct NumpyArray {
    let type: NumpyType
    let shape: [Int]
    let isColumnMajor: Bool
    let bytes: [UInt8]

    static func isArray(_ object: PickleObject) -> Bool {
        guard let global = object.global else { return false }
        switch (global.module, global.name) {
        case ("numpy.core.multiarray", "_reconstruct"), ("numpy._core.multiarray", "_reconstruct"), ("numpy.core.numeric", "_frombuffer"),
            ("numpy._core.numeric", "_frombuffer"):
            return true
        default: return false
        }
    }

    /// `nil` if it is an array of something other than numbers.
    init?(_ object: PickleObject) {
        if object.global?.name == "_frombuffer" {
            // _frombuffer(buffer, dtype, shape, order), protocol 5.
            let arguments = object.argumentItems
            guard arguments.count == 4, let bytes = arguments[0].plainBytes, let type = NumpyType(arguments[1]),
                let shape = NumpyArray.shape(arguments[2])
            else { return nil }
            (self.type, self.shape, self.bytes, isColumnMajor) = (type, shape, bytes, arguments[3].text == "F")
        } else {
            // State: (version, shape, dtype, is column-major, data).
            guard let state = object.state?.sequence, state.count == 5, let shape = NumpyArray.shape(state[1]),
                let type = NumpyType(state[2]),
                let isColumnMajor = state[3].bool, let bytes = state[4].plainBytes
            else { return nil }
            (self.type, self.shape, self.bytes, self.isColumnMajor) = (type, shape, bytes, isColumnMajor)
        }
    }

    private static func shape(_ value: PickleValue) -> [Int]? {
        guard let items = value.sequence else { return nil }
        let extents = items.compactMap(\.integer)
        return extents.count == items.count ? extents : nil
    }
}

extension PickleValue {
    /// A number, truth value or text in decimal, NumPy's scalars included; `nil` for everything else.
    var scalarText: String? {
        switch content {
        case .bool(let value): return value ? "true" : "false"
        case .integer(let value): return "\(value)"
        case .float(let value): return "\(value)"
        case .string(let value): return value
        case .object(let object):
            guard let global = object.global, global.name == "scalar", global.module.hasSuffix("core.multiarray") else { return nil }
            let arguments = object.argumentItems
            guard arguments.count == 2, let type = NumpyType(arguments[0]), let bytes = arguments[1].plainBytes else { return nil }
            return NumpyType.text(of: bytes, type)
        default: return nil
        }
    }
}

extension NumpyType {
    /// One number in decimal.
    static func text(of bytes: [UInt8], _ type: NumpyType) -> String? {
        guard bytes.count * 8 == type.scalarType.bitCount, bytes.count <= 8 else { return nil }
        let ordered = type.isBigEndian ? bytes : bytes.reversed()
        let bits = ordered.reduce(UInt64(0)) { ($0 << 8) | UInt64($1) }
        let shift = 64 - type.scalarType.bitCount
        switch type.scalarType {
        case .bool: return bits == 0 ? "false" : "true"
        case .u8, .u16, .u32, .u64: return "\(bits)"
        case .i8, .i16, .i32, .i64: return "\(Int64(bitPattern: bits << shift) >> shift)"
        case .f64: return "\(Double(bitPattern: bits))"
        case .f32: return "\(Float(bitPattern: UInt32(truncatingIfNeeded: bits)))"
        #if !(os(macOS) && arch(x86_64))
            case .f16: return "\(Float(Float16(bitPattern: UInt16(truncatingIfNeeded: bits))))"
        #endif
        default: return nil
        }
    }
}
