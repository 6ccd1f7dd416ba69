/// GPT-2's alphabet: every byte has a printable character, so that tokens that are not whole UTF-8 can stand in a text file.
///
/// Bytes that Latin-1 prints stand for themselves; the other 68 get U+0100 and up, in order.
/// Reference: openai/gpt-2 `encoder.py` `bytes_to_unicode`.
public enum ByteAlphabet {
    /// The character of each byte.
    public static let scalars: [Unicode.Scalar] = {
        var scalars: [Unicode.Scalar] = []
        var next: UInt32 = 0x100
        for byte in UInt8.min...UInt8.max {
            if isPrintable(byte) {
                scalars.append(Unicode.Scalar(byte))
            } else {
                // Never beyond U+0143, so always a scalar.
                scalars.append(Unicode.Scalar(next) ?? " ")
                next += 1
            }
        }
        return scalars
    }()

    /// All bytes in the order in which GPT-2 and CLIP number them: the printable ones first.
    public static let order: [UInt8] =
        (UInt8.min...UInt8.max).filter(isPrintable) + (UInt8.min...UInt8.max).filter { !isPrintable($0) }

    /// The byte that a character stands for, or `nil` if it stands for none.
    public static func byte(of scalar: Unicode.Scalar) -> UInt8? {
        if let byte = UInt8(exactly: scalar.value) { return isPrintable(byte) ? byte : nil }
        guard scalar.value < 0x100 + UInt32(unprintable.count), scalar.value >= 0x100 else { return nil }
        return unprintable[Int(scalar.value - 0x100)]
    }

    private static let unprintable = (UInt8.min...UInt8.max).filter { !isPrintable($0) }

    private static func isPrintable(_ byte: UInt8) -> Bool {
        (0x21...0x7E).contains(byte) || (0xA1...0xAC).contains(byte) || byte >= 0xAE
    }
}
