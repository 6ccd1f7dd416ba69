import IsomerBytes
import Testing

@testable import IsomerTokenizers

@Suite struct OpenCLIPTests {
    @Test func textIsRepairedAsByFtfy() throws {
        var differences = Differences()
        var changed = 0
        for (text, row) in zip(try Fixture.strings.get(), try JSONCursor(Fixture.json("clip-open.cases.json")).elements()) {
            let fixed = try row.elements()[2]
            let expected = try fixed.isNull ? text : fixed.string()
            if !fixed.isNull { changed += 1 }
            let found = TextRepair.fix(text)
            if !found.utf8.elementsEqual(expected.utf8) {
                differences.add("\(text.debugDescription): \(found.debugDescription) for \(expected.debugDescription)")
            }
        }
        #expect(changed > 400)
        differences.expectNone("ftfy")
    }

    /// Text that was damaged on purpose, and what ftfy makes of it.
    @Test func damagedTextIsRepairedAsByFtfy() throws {
        var differences = Differences()
        var count = 0
        for row in try JSONCursor(Fixture.json("damaged.cases.json")).elements() {
            let pair = try row.elements()
            let (text, expected) = (try pair[0].string(), try pair[1].string())
            count += 1
            let found = TextRepair.fix(text)
            if !found.utf8.elementsEqual(expected.utf8) {
                differences.add("\(text.debugDescription): \(found.debugDescription) for \(expected.debugDescription)")
            }
        }
        #expect(count > 2_000)
        differences.expectNone("ftfy")
    }

    /// What Python 3.11 (Unicode 14) makes of sigmas beside characters whose case has changed since or that came later.
    @Test(arguments: [
        ("ʕΣ①", "ʕς①"), ("a\u{1171E}Σ", "a\u{1171E}ς"), ("c\u{897}Σ", "c\u{897}σ"), ("aΣʕ", "aσʕ"), ("ΑΣ", "ας"), ("Σ", "σ"),
    ]) func sigmasEndWordsAsInPython(_ text: String, _ lower: String) {
        #expect(PythonText.lowercase(Array(text.unicodeScalars)).utf8.elementsEqual(lower.utf8))
    }

    @Test func idsAndWindowsEqualOpenCLIPs() throws {
        let tokenizer = try SimpleCLIPTokenizer(.openCLIP)
        var (ids, windows) = (Differences(), Differences())
        for (text, row) in zip(try Fixture.strings.get(), try JSONCursor(Fixture.json("clip-open.cases.json")).elements()) {
            let fields = try row.elements()
            let expected = try fields[0].elements().map { TokenID(try $0.integer()) }
            let found = tokenizer.encode(text)
            if found != expected { ids.add("\(text.debugDescription): \(found) for \(expected)") }
            let window = try fields[1].elements().map { TokenID(try $0.integer()) }
            if tokenizer.window(text) != window { windows.add(text.debugDescription) }
        }
        ids.expectNone("ids")
        windows.expectNone("windows")
    }

    @Test(arguments: [CLIPFlavor.transformersSlow, .transformersSlowWithoutFtfy], [CLIPPadding.endOfText, .exclamation])
    func idsEqualTheSlowTokenizers(_ flavor: CLIPFlavor, _ padding: CLIPPadding) throws {
        let tokenizer = try SimpleCLIPTokenizer(flavor, padding: padding)
        let column = (flavor == .transformersSlow ? 0 : 1) + (padding == .endOfText ? 0 : 2)
        var ids = Differences()
        for (text, row) in zip(try Fixture.strings.get(), try JSONCursor(Fixture.json("clip-slow.cases.json")).elements()) {
            let expected = try row.elements()[column].elements().map { TokenID(try $0.integer()) }
            let found = [CLIPVocabulary.startOfText] + tokenizer.encode(text) + [CLIPVocabulary.endOfText]
            if found != expected { ids.add("\(text.debugDescription): \(found) for \(expected)") }
        }
        ids.expectNone("\(flavor)")
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
