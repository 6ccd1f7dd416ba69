extension Sequence<UInt8> {
    /// Two digits for each byte, letters small: how checksums are written.
    package var hexadecimal: String {
        let digits = Array("0123456789abcdef".utf8)
        return String(decoding: flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }
}

extension FixedWidthInteger where Self: UnsignedInteger {
    /// As many digits as the type has, zeros in front included.
    package var hexadecimal: String { withUnsafeBytes(of: bigEndian) { $0.hexadecimal } }
}
