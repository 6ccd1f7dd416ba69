internal import IsomerBytes

extension JSONNumber {
    /// The double that the `tokenizers` library reads, which is not always the nearest one: it takes all digits as one integer and multiplies or
    /// divides that by a power of ten, so that the last bit may be off. Of two pieces that score alike it decides which is taken.
    ///
    /// Reference: serde_json 1.0 without `float_roundtrip`, src/de.rs `parse_decimal`, `f64_from_parts`.
    var serdeDouble: Double {
        var digits: UInt64 = 0
        var exponent = 0
        var isFraction = false
        var isDropping = false
        var bytes = Array(text.utf8)[...]
        let isNegative = bytes.first == UInt8(ascii: "-")
        if isNegative { bytes.removeFirst() }
        while let byte = bytes.first, byte != UInt8(ascii: "e"), byte != UInt8(ascii: "E") {
            bytes.removeFirst()
            if byte == UInt8(ascii: ".") {
                isFraction = true
                continue
            }
            guard byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") else { return double }
            let (product, overflow) = digits.multipliedReportingOverflow(by: 10)
            let (sum, overflow2) = product.addingReportingOverflow(UInt64(byte - UInt8(ascii: "0")))
            // Digits beyond what the integer holds are left out.
            if overflow || overflow2 { isDropping = true }
            if !isDropping { digits = sum }
            if isFraction != isDropping { exponent += isFraction ? -1 : 1 }
        }
        if !bytes.isEmpty {
            guard let written = Int(String(decoding: bytes.dropFirst(), as: UTF8.self)), abs(written) <= 10_000 else { return double }
            exponent += written
        }
        var value = Double(digits)
        while exponent != 0, value != 0, value.isFinite {
            let step = min(abs(exponent), 308)
            // The nearest double to a power of ten, as the library's table has it.
            let power = Double("1e\(step)") ?? .infinity
            value = exponent > 0 ? value * power : value / power
            exponent += exponent > 0 ? -step : step
        }
        return isNegative ? -value : value
    }
}
