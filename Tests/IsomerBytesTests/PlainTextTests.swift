import IsomerBytes
import Testing

@Suite struct PlainTextTests {
    @Test(arguments: [
        [0x61, 0xC3, 0xA4, 0x0A], [0xEF, 0xBB, 0xBF, 0x61, 0xC3, 0xA4, 0x0A], [0xFF, 0xFE, 0x61, 0, 0xE4, 0, 0x0A, 0],
        [0xFE, 0xFF, 0, 0x61, 0, 0xE4, 0, 0x0A],
    ])
    func whatEditorsSave(bytes: [UInt8]) throws {
        #expect(try PlainText.decode(bytes).utf8.elementsEqual("aä\n".utf8))
    }

    @Test(arguments: [[], [0xEF, 0xBB, 0xBF], [0xFF, 0xFE], [0xFE, 0xFF]])
    func noTextIsText(bytes: [UInt8]) throws {
        #expect(try PlainText.decode(bytes).isEmpty)
    }

    @Test func theFirstByteThatIsNoneIsNamed() {
        let latin = error { _ = try PlainText.decode([0xC3, 0xA4, 0x63, 0xE9, 0x20]) }
        #expect(latin == IsomerError(.malformed, "the text is not UTF-8", byteOffset: 3, found: "byte 0xE9", remedy: "save it as UTF-8"))
        // Cut within a character.
        #expect(error { _ = try PlainText.decode([0x61, 0xC3]) }?.location.byteOffset == 1)
    }

    /// Half a unit, and half a pair.
    @Test(arguments: [[0xFF, 0xFE, 0x61], [0xFF, 0xFE, 0x00, 0xD8], [0xFE, 0xFF, 0xDC, 0x00, 0, 0x61]])
    func brokenUTF16IsRefused(bytes: [UInt8]) {
        #expect(error { _ = try PlainText.decode(bytes) }?.code == .malformed)
    }
}
