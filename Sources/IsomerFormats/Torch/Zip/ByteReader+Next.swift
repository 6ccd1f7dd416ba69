internal import IsomerBytes

extension ByteReader {
    /// The next little-endian integer, of the type that is wanted.
    mutating func next<Number: FixedWidthInteger>(_ meaning: String) throws(IsomerError) -> Number {
        try read(Number.self, meaning)
    }
}
