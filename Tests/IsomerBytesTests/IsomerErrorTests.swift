import IsomerBytes
import Testing

@Suite struct IsomerErrorTests {
    @Test func readsAsOneSentence() {
        let error = IsomerError(
            .malformed, "the header is longer than the file", path: "a.safetensors", item: "x", byteOffset: 8,
            expected: "at most 4", found: "9", remedy: "get it again")
        #expect(
            error.description
                == "a.safetensors: x: the header is longer than the file at byte 8 (expected at most 4, found 9); get it again")
    }

    @Test func namesCannotSteerTheTerminal() {
        let error = IsomerError(.malformed, "odd", item: "a\u{1B}[31m\nb\u{202E}é")
        #expect(error.description == "a\\u{1b}[31m\\u{a}b\\u{202e}é: odd")
    }
}
