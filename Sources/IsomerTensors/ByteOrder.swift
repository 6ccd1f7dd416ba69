internal import CKernels

extension ScalarType {
    /// Bytes of the smallest unit that has a byte order: a complex number's halves, else the element. 1 if there is nothing to reverse.
    public var byteOrderUnit: Int {
        switch kind {
        case .complex: bitCount / 16
        default: isByteAligned ? bitCount / 8 : 1
        }
    }

    /// Turns elements from the other byte order around, in place. `bytes` holds whole elements; a remainder is left as it is.
    public func reverseByteOrder(_ bytes: UnsafeMutableRawBufferPointer) {
        reverseByteOrder(bytes, level: .current)
    }

    func reverseByteOrder(_ bytes: UnsafeMutableRawBufferPointer, level: KernelLevel) {
        let unit = byteOrderUnit
        guard unit > 1, let base = bytes.baseAddress else { return }
        isomer_reverse_bytes(level.native, base, bytes.count / unit, unit)
    }
}
