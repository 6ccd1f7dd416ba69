extension JSONScanner {
    /// Checks the number that starts at `position`, leaving it in `tokenRange`.
    ///
    ///     number = [ "-" ] ( "0" | digit1-9 *digit ) [ "." 1*digit ] [ ( "e" | "E" ) [ "+" | "-" ] 1*digit ]
    mutating func scanNumber() throws(IsomerError) {
        let start = position
        tokenHasEscapes = false
        if bytes[position] == UInt8(ascii: "-") {
            position += 1
            if dialect == .python, bytes[position...].starts(with: "Infinity".utf8) {
                position += "Infinity".utf8.count
                tokenRange = start..<position
                return
            }
        }
        let firstDigit = position
        try skipDigits()
        if bytes[firstDigit] == UInt8(ascii: "0"), position > firstDigit + 1 {
            throw IsomerError(.malformed, "a number starts with a zero that does not count", byteOffset: base + UInt64(start))
        }
        if position < bytes.count, bytes[position] == UInt8(ascii: ".") {
            position += 1
            try skipDigits()
        }
        if position < bytes.count, bytes[position] | 0x20 == UInt8(ascii: "e") {
            position += 1
            if position < bytes.count, bytes[position] == UInt8(ascii: "+") || bytes[position] == UInt8(ascii: "-") { position += 1 }
            try skipDigits()
        }
        tokenRange = start..<position
    }

    /// Moves over one or more digits.
    private mutating func skipDigits() throws(IsomerError) {
        let start = position
        while position < bytes.count, UInt8(ascii: "0")...UInt8(ascii: "9") ~= bytes[position] { position += 1 }
        guard position > start else { throw unexpected("a digit") }
    }

    /// The last number, if it is digits and nothing else and fits.
    public var tokenInteger: UInt64? {
        var value: UInt64 = 0
        for byte in bytes[tokenRange] {
            guard UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte else { return nil }
            let (product, overflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, carry) = product.addingReportingOverflow(UInt64(byte - UInt8(ascii: "0")))
            guard !overflow, !carry else { return nil }
            value = sum
        }
        return tokenRange.isEmpty ? nil : value
    }
}
