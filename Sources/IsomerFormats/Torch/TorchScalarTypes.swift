internal import IsomerTensors

extension ScalarType {
    /// By the name of a torch data type: `float32`, or `float` for short.
    ///
    /// Reference: PyTorch 2.13 `c10/core/ScalarType.h`, `torch/storage.py`.
    init?(torchName name: String) {
        guard let type = ScalarType.byTorchName[name] else { return nil }
        self = type
    }

    /// By the name of a storage class. `nil` for the untyped ones and for what is no storage class.
    init?(torchStorage name: String) {
        guard let type = ScalarType.byStorage[name] else { return nil }
        self = type
    }

    /// Torch's name of the type.
    var torchName: String? { ScalarType.torchNames[self] }

    /// The storage class of the types that had one before untyped storages came. The others are written as untyped storages with a data type.
    var torchStorage: String? { ScalarType.storages[self] }

    private static let torchNames: [ScalarType: String] = [
        .bool: "bool", .u8: "uint8", .i8: "int8", .u16: "uint16", .i16: "int16", .u32: "uint32", .i32: "int32", .u64: "uint64",
        .i64: "int64",
        .f16: "float16", .bf16: "bfloat16", .f32: "float32", .f64: "float64", .c32: "complex32", .c64: "complex64", .c128: "complex128",
        .f8e4m3: "float8_e4m3fn", .f8e5m2: "float8_e5m2", .f8e4m3fnuz: "float8_e4m3fnuz", .f8e5m2fnuz: "float8_e5m2fnuz",
        .f8e8m0: "float8_e8m0fnu", .f4: "float4_e2m1fn_x2", .qint8: "qint8", .quint8: "quint8", .qint32: "qint32", .quint4x2: "quint4x2",
        .quint2x4: "quint2x4",
    ]

    private static let storages: [ScalarType: String] = [
        .f64: "DoubleStorage", .f32: "FloatStorage", .f16: "HalfStorage", .bf16: "BFloat16Storage", .i64: "LongStorage", .i32: "IntStorage",
        .i16: "ShortStorage", .i8: "CharStorage", .u8: "ByteStorage", .bool: "BoolStorage", .c64: "ComplexFloatStorage",
        .c128: "ComplexDoubleStorage", .qint8: "QInt8Storage", .quint8: "QUInt8Storage", .qint32: "QInt32Storage",
        .quint4x2: "QUInt4x2Storage", .quint2x4: "QUInt2x4Storage",
    ]

    private static let byTorchName: [String: ScalarType] = {
        var table: [String: ScalarType] = [
            "half": .f16, "float": .f32, "double": .f64, "short": .i16, "int": .i32, "long": .i64, "chalf": .c32, "cfloat": .c64,
            "cdouble": .c128,
        ]
        for (type, name) in torchNames { table[name] = type }
        return table
    }()

    private static let byStorage: [String: ScalarType] = storages.reduce(into: [:]) { $0[$1.value] = $1.key }

    /// Bytes of the smallest unit that has a byte order: half an element for complex numbers.
    var unitBytes: Int {
        switch kind {
        case .complex: bitCount / 16
        default: max(1, bitCount / 8)
        }
    }
}
