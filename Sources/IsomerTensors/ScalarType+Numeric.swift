package import CKernels

extension ScalarType {
    /// Bytes that `elementCount` elements fill, or `nil` if the count is negative, the bytes are beyond `Int.max`, or the last byte or block
    /// would be filled in part.
    public func byteCount(of elementCount: Int) -> Int? {
        let group = self.group
        guard elementCount >= 0, elementCount % group.elementCount == 0 else { return nil }
        let (bytes, overflow) = (elementCount / group.elementCount).multipliedReportingOverflow(by: group.byteCount)
        return overflow ? nil : bytes
    }

    /// Whether elements have a value that can be computed with.
    public var hasValues: Bool { native != nil || nativeBlock != nil }

    /// The kernels' name of the type, of the halves if it is complex. `nil` for block types, and for quantized ones, which have no value of
    /// their own.
    package var native: isomer_scalar? {
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
        case .q4_0, .q4_1, .q5_0, .q5_1, .q8_0, .q2K, .q3K, .q4K, .q5K, .q6K: nil
        }
    }
}
