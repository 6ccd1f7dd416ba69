/// The value of one of a GGUF file's keys.
public enum GGUFValue: Hashable, Sendable {
    case u8(UInt8)
    case i8(Int8)
    case u16(UInt16)
    case i16(Int16)
    case u32(UInt32)
    case i32(Int32)
    case f32(Float)
    case bool(Bool)
    case string(String)
    /// Elements of one type, as they lie in the file: vocabularies have hundreds of thousands.
    case array(GGUFValueType, count: Int, bytes: [UInt8])
    case u64(UInt64)
    case i64(Int64)
    case f64(Double)

    /// An array of 32-bit integers.
    public static func integers(_ values: [Int32]) -> GGUFValue {
        .array(.i32, count: values.count, bytes: values.flatMap { value in withUnsafeBytes(of: value.littleEndian) { Array($0) } })
    }
}

/// The type of a key's value, by its number in the file.
public enum GGUFValueType: UInt32, Hashable, Sendable, CaseIterable {
    case u8 = 0
    case i8
    case u16
    case i16
    case u32
    case i32
    case f32
    case bool
    case string
    case array
    case u64
    case i64
    case f64

    /// Bytes of one value; `nil` for those whose length stands before them.
    var byteCount: Int? {
        switch self {
        case .u8, .i8, .bool: 1
        case .u16, .i16: 2
        case .u32, .i32, .f32: 4
        case .u64, .i64, .f64: 8
        case .string, .array: nil
        }
    }
}

/// A key and its value.
public struct GGUFKeyValue: Hashable, Sendable {
    public var key: String
    public var value: GGUFValue

    public init(_ key: String, _ value: GGUFValue) {
        self.key = key
        self.value = value
    }
}

extension GGUFValue {
    public var type: GGUFValueType {
        switch self {
        case .u8: .u8
        case .i8: .i8
        case .u16: .u16
        case .i16: .i16
        case .u32: .u32
        case .i32: .i32
        case .f32: .f32
        case .bool: .bool
        case .string: .string
        case .array: .array
        case .u64: .u64
        case .i64: .i64
        case .f64: .f64
        }
    }

    /// The value as text: numbers in decimal digits, short arrays of numbers in brackets. `nil` for other arrays.
    public var text: String? {
        switch self {
        case .u8(let value): "\(value)"
        case .i8(let value): "\(value)"
        case .u16(let value): "\(value)"
        case .i16(let value): "\(value)"
        case .u32(let value): "\(value)"
        case .i32(let value): "\(value)"
        case .f32(let value): "\(value)"
        case .bool(let value): "\(value)"
        case .string(let value): value
        case .u64(let value): "\(value)"
        case .i64(let value): "\(value)"
        case .f64(let value): "\(value)"
        case .array: integers.flatMap { $0.count <= 16 ? "[" + $0.map { "\($0)" }.joined(separator: ", ") + "]" : nil }
        }
    }

    /// The elements of an array of integers.
    public var integers: [Int64]? {
        guard case .array(let type, let count, let bytes) = self, let size = type.byteCount, bytes.count == count * size else { return nil }
        let isSigned: Bool
        switch type {
        case .u8, .u16, .u32, .u64: isSigned = false
        case .i8, .i16, .i32, .i64: isSigned = true
        default: return nil
        }
        return stride(from: 0, to: bytes.count, by: size).map { start in
            let bits = bytes[start..<start + size].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
            let unused = UInt64(64 - size * 8)
            return isSigned ? Int64(bitPattern: bits << unused) >> Int64(unused) : Int64(clamping: bits)
        }
    }

    /// The value as it lies in a file, after its type.
    var bytes: [UInt8] {
        func little<Number: FixedWidthInteger>(_ number: Number) -> [UInt8] { withUnsafeBytes(of: number.littleEndian) { Array($0) } }
        return switch self {
        case .u8(let value): [value]
        case .i8(let value): [UInt8(bitPattern: value)]
        case .u16(let value): little(value)
        case .i16(let value): little(value)
        case .u32(let value): little(value)
        case .i32(let value): little(value)
        case .f32(let value): little(value.bitPattern)
        case .bool(let value): [value ? 1 : 0]
        case .string(let value): little(UInt64(value.utf8.count)) + Array(value.utf8)
        case .array(let type, let count, let bytes): little(type.rawValue) + little(UInt64(count)) + bytes
        case .u64(let value): little(value)
        case .i64(let value): little(value)
        case .f64(let value): little(value.bitPattern)
        }
    }
}
