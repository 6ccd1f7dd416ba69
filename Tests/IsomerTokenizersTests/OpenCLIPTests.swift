import IsomerBytes
import Testing

@testable import IsomerTokenizers

@Suite struct OpenCLIPTests {
    @Test func idsAndWindowsEqualOpenCLIPs() throws {
        let tokenizer = try OpenCLIPTokenizer()
        var (ids, windows) = (Differences(), Differences())
        var count = 0
        for (text, row) in zip(try Fixture.strings.get(), try JSONCursor(Fixture.json("clip-open.cases.json")).elements()) {
            let fields = try row.elements()
            // What ftfy changes is given to the reference and to this as ftfy leaves it.
            let cleaned = try fields[2].isNull ? text : fields[2].string()
            // The reference knows a newer Unicode than Swift: whatever Swift does not know is left out.
            if cleaned.unicodeScalars.contains(where: { $0.properties.generalCategory == .unassigned }) { continue }
            count += 1
            let expected = try fields[0].elements().map { TokenID(try $0.integer()) }
            let found = tokenizer.encode(cleaned)
            if found != expected { ids.add("\(cleaned.debugDescription): \(found) for \(expected)") }
            let window = try fields[1].elements().map { TokenID(try $0.integer()) }
            if tokenizer.window(cleaned) != window { windows.add(cleaned.debugDescription) }
        }
        #expect(count > 1_000)
        ids.expectNone("ids")
        windows.expectNone("windows")
    }

    @Test(arguments: [
        ("&lt;b&gt; &amp;amp;", "<b> &amp;"), ("&copy &notit; &#x1F600; &#128; &#0;", "© ¬it; 😀 € \u{FFFD}"),
        ("&; & &unknown; &#; &#x;", "&; & &unknown; &#; &#x;"),
        ("&NewLine;&Tab;&#1;|&#99999999999;", "\n\t|\u{FFFD}"), ("&eacute&eacute;é&ampx", "ééé&x"),
    ]) func references(_ text: String, _ plain: String) {
        #expect(HTMLEntities.shared.unescape(text) == plain)
    }

    @Test func vocabularyFilesOfCLIP() throws {
        var tokenizer = try Tokenizer.clip()
        _ = try tokenizer.add([AddedToken("<toy>")])
        let (files, _) = try tokenizer.vocabularyFiles()
        #expect(files.map(\.name) == ["added_tokens.json", "merges.txt", "vocab.json"])
        #expect(files[1].bytes == (try CLIPVocabulary.mergesText()))
        #expect(String(decoding: files[0].bytes, as: UTF8.self) == "{\n  \"<toy>\": 49408\n}\n")
    }
}
