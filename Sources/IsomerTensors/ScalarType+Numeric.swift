internal import CKernels

extension ScalarType {
    /// Bytes that `elementCount` elements fill, or `nil` if the count is negative, the bytes are beyond `Int.max`, or the last byte would
    /// be filled in part.
    public func byteCount(of elementCount: Int) -> Int? {
        let (bits, overflow) = elementCount.multipliedReportingOverflow(by: bitCount)
        guard elementCount >= 0, !overflow, bits % 8 == 0 else { return nil }
        return bits / 8
    }

    /// The kernels' name of the type, of the halves if it is complex. `nil` for quantized types, which have no value of their own.
    var native: isomer_scalar? {
        switch self {
        case .f64, .c128: ISOMER_F64
        case .f32, .c64: ISOMER_F32
        case .f16, .c32: ISOMER_F16
        case .bf16: ISOMER_BF16
        case .f8e4m3: ISOMER_F8E4M3
        case .f8e5m2: ISOMER_F8E5M2
        case .f8e4m3fnuz: ISOMER_F8E4M3FNUZ
        case .f8e5m2fnuz: ISOMER_F8E5M2FNUZ
        case .f8e8m0: ISOMER_F8E8M0
        case .f6e2m3: ISOMER_F6E2M3
        case .f6e3m2: ISOMER_F6E3M2
        case .f4: ISOMER_F4
        case .bool: ISOMER_BOOL
        case .u8: ISOMER_U8
        case .i8: ISOMER_I8
        case .u16: ISOMER_U16
        case .i16: ISOMER_I16
        case .u32: ISOMER_U32
        case .i32: ISOMER_I32
        case .u64: ISOMER_U64
        case .i64: ISOMER_I64
        case .qint8, .quint8, .qint32, .quint4x2, .quint2x4: nil
        }
    }
}
