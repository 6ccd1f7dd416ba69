extension JSONScanner {
    /// The error for a byte that cannot stand where it stands.
    func unexpected(_ expected: String? = nil) -> IsomerError {
        let atEnd = position >= bytes.count
        return IsomerError(
            .malformed, atEnd ? "the JSON text ends too early" : "the JSON text is broken", byteOffset: fileOffset,
            expected: expected ?? expectedNow, found: atEnd ? nil : describe(bytes[position]))
    }

    private var expectedNow: String {
        switch expectation {
        case .value: "a value"
        case .valueOrEndOfArray: "a value or ]"
        case .key: "a key in double quotes"
        case .keyOrEndOfObject: "a key in double quotes or }"
        case .commaOrEnd: containers.last == true ? "a comma or }" : "a comma or ]"
        case .endOfText: "nothing more"
        }
    }

    /// A byte as a person would name it.
    func describe(_ byte: UInt8) -> String {
        switch byte {
        case 0x21..<0x7F: "\(Unicode.Scalar(byte))"
        case 0x20: "a space"
        case 0x0A, 0x0D: "the end of the line"
        default: "byte 0x" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
        }
    }

    func refuseByteOrderMark() throws(IsomerError) {
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) {
            throw IsomerError(
                .malformed, "the JSON text starts with a byte order mark", byteOffset: base,
                remedy: "save it as UTF-8 without a byte order mark")
        }
        if bytes.starts(with: [0xFF, 0xFE]) || bytes.starts(with: [0xFE, 0xFF]) {
            throw IsomerError(.malformed, "the JSON text is UTF-16, not UTF-8", byteOffset: base, remedy: "save it as UTF-8")
        }
    }
}
