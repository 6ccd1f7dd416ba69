import IsomerBytes
import Testing

/// Whole errors: what is said, and at which byte.
@Suite struct JSONErrorTests {
    private func error(_ text: String, limits: Limits = Limits()) -> IsomerError? {
        error(Array(text.utf8), limits: limits)
    }

    private func error(_ bytes: [UInt8], limits: Limits = Limits()) -> IsomerError? {
        do throws(IsomerError) {
            _ = try JSONValue(parsing: bytes, base: 100, limits: limits)
            return nil
        } catch {
            return error
        }
    }

    @Test func grammar() {
        #expect(
            error("[1 2]")
                == IsomerError(.malformed, "the JSON text is broken", byteOffset: 103, expected: "a comma or ]", found: "2"))
        #expect(
            error("{\"a\":1,}")
                == IsomerError(.malformed, "the JSON text is broken", byteOffset: 107, expected: "a key in double quotes", found: "}"))
        #expect(
            error("{\"a\"\u{1}")
                == IsomerError(.malformed, "the JSON text is broken", byteOffset: 104, expected: "a colon", found: "byte 0x01"))
        #expect(error("[") == IsomerError(.malformed, "the JSON text ends too early", byteOffset: 101, expected: "a value or ]"))
        #expect(error("") == IsomerError(.malformed, "the JSON text ends too early", byteOffset: 100, expected: "a value"))
        #expect(
            error("{} x") == IsomerError(.malformed, "the JSON text is broken", byteOffset: 103, expected: "nothing more", found: "x"))
        #expect(error("-x") == IsomerError(.malformed, "the JSON text is broken", byteOffset: 101, expected: "a digit", found: "x"))
        #expect(error("[01]") == IsomerError(.malformed, "a number starts with a zero that does not count", byteOffset: 101))
    }

    @Test func strings() {
        #expect(error("[\"abc") == IsomerError(.malformed, "the JSON text ends inside the string that starts", byteOffset: 101))
        #expect(
            error("\"a\n\"")
                == IsomerError(
                    .malformed, "a string contains a control character that is not escaped", byteOffset: 102, found: "the end of the line"))
        #expect(
            error(#""a\x""#)
                == IsomerError(.malformed, "a string contains an escape that JSON does not have", byteOffset: 102, found: "\\x"))
        #expect(error(#""a\u12""#) == IsomerError(.malformed, "a \\u escape lacks its four hexadecimal digits", byteOffset: 102))
        #expect(
            error(#""a\uD800b""#)
                == IsomerError(.malformed, "a string contains half of a surrogate pair", byteOffset: 102, found: "\\ud800"))
    }

    @Test func duplicateKeys() {
        #expect(
            error(#"{"x":{"a":1,"b":2,"\u0061":3}}"#)
                == IsomerError(.malformed, "a key comes twice in one JSON object", item: "a", byteOffset: 118))
        // Canonically equal keys are different keys.
        #expect(error("{\"\u{E9}\":1,\"e\u{301}\":2}") == nil)
        let many = "{" + (0..<1_000).map { "\"k\($0)\":0" }.joined(separator: ",") + ",\"k500\":1}"
        #expect(error(many)?.what == "a key comes twice in one JSON object")
    }

    /// Overlong forms, surrogates, beyond U+10FFFF, cut short, stray continuation.
    @Test(
        arguments: [
            [0x80], [0xBF], [0xC0, 0x80], [0xC1, 0xBF], [0xC2], [0xC2, 0x41], [0xE0, 0x80, 0x80], [0xE0, 0x9F, 0xBF], [0xE2, 0x82],
            [0xED, 0xA0, 0x80], [0xED, 0xBF, 0xBF], [0xF0, 0x80, 0x80, 0x80], [0xF0, 0x8F, 0xBF, 0xBF], [0xF0, 0x9F, 0x98],
            [0xF4, 0x90, 0x80, 0x80],
            [0xF5, 0x80, 0x80, 0x80], [0xFE], [0xFF], [0xF8, 0x88, 0x80, 0x80, 0x80],
        ] as [[UInt8]]) func notUTF8(_ bytes: [UInt8])
    {
        let expected = "byte 0x" + String(bytes[0], radix: 16, uppercase: true)
        #expect(error([0x22, 0x61] + bytes + [0x22]) == IsomerError(.malformed, "a string is not UTF-8", byteOffset: 102, found: expected))
        #expect(error([0x22, 0x61] + bytes)?.byteOffsetIsSet == true)
    }

    @Test func everyScalarIsRead() throws {
        for value in stride(from: UInt32(0x80), through: 0x10FFFF, by: 37) {
            guard let scalar = Unicode.Scalar(value) else { continue }
            let text = String(scalar)
            #expect(try JSONValue(parsing: Array("\"\(text)\"".utf8)) == .string(text))
            #expect(try JSONValue(parsing: JSONWriter(escapesNonASCII: true).bytes(.string(text))) == .string(text))
        }
    }

    @Test func byteOrderMarks() {
        #expect(
            error([0xEF, 0xBB, 0xBF, 0x7B, 0x7D])
                == IsomerError(
                    .malformed, "the JSON text starts with a byte order mark", byteOffset: 100,
                    remedy: "save it as UTF-8 without a byte order mark"))
        let utf16 = IsomerError(.malformed, "the JSON text is UTF-16, not UTF-8", byteOffset: 100, remedy: "save it as UTF-8")
        #expect(error([0xFF, 0xFE, 0x7B, 0x00]) == utf16)
        #expect(error([0xFE, 0xFF, 0x00, 0x7B]) == utf16)
    }

    @Test func limits() {
        var limits = Limits()
        limits.jsonDepth = 3
        #expect(error("[[[]]]", limits: limits) == nil)
        #expect(
            error("[[[[]]]]", limits: limits)
                == IsomerError(.limitExceeded, "the JSON text is nested too deeply", byteOffset: 103, expected: "at most 3 levels"))
        limits.jsonValues = 3
        #expect(error("[1,2]", limits: limits) == nil)
        #expect(
            error("[1,2,3]", limits: limits)
                == IsomerError(.limitExceeded, "the JSON text has too many values", byteOffset: 106, expected: "at most 3"))
        limits.jsonBytes = 4
        #expect(
            error("[1,2]", limits: limits)
                == IsomerError(.limitExceeded, "the JSON text is too long", expected: "at most 4 bytes", found: "5 bytes"))
    }

    @Test func deepTextNeitherRecursesNorPasses() {
        var limits = Limits()
        limits.jsonDepth = .max
        #expect(error(String(repeating: "[", count: 1_000_000), limits: limits)?.code == .limitExceeded)
        let deepest = String(repeating: "[", count: 1_000) + String(repeating: "]", count: 1_000)
        #expect(error(deepest, limits: limits) == nil)
    }

    @Test func namesTheFieldAndFile() throws {
        let value = try JSONValue(parsing: Array(#"{"a":{"b":[1,"x",2.5,null]},"n":null}"#.utf8))
        let cursor = JSONCursor(value, path: "config.json")
        let elements = try cursor.required("a").required("b").elements()
        #expect(try elements[0].integer(in: 1...4) == 1)
        #expect(try cursor.optional("n") == nil)
        #expect(
            throws: IsomerError(
                .malformed, "the field has the wrong type", path: "config.json", item: "a.b[1]", expected: "an integer", found: "a string")
        ) { try elements[1].integer() }
        #expect(
            throws: IsomerError(
                .malformed, "the field has the wrong type", path: "config.json", item: "a.b[2]", expected: "an integer", found: "2.5")
        ) { try elements[2].integer() }
        #expect(
            throws: IsomerError(
                .malformed, "the number is out of range", path: "config.json", item: "a.b[0]", expected: "2 to 9", found: "1")
        ) { try elements[0].integer(in: 2...9) }
        #expect(throws: IsomerError(.malformed, "a required field is missing", path: "config.json", item: "a.c")) {
            try cursor.required("a").required("c")
        }
    }
}

extension IsomerError {
    fileprivate var byteOffsetIsSet: Bool { location.byteOffset != nil }
}
