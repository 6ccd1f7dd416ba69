import IsomerBytes
import Testing

@testable import IsomerTokenizers

/// Every option of every part of a `tokenizer.json`, one small tokenizer each (`Tools/Goldens/tokenizers_options.py`).
@Suite struct TokenizerOptionTests {
    @Test func everyOptionDoesWhatTheLibraryDoes() throws {
        let entries = try JSONCursor(Fixture.json("options.json")).elements()
        #expect(entries.count > 100)
        var (ids, offsets, texts, files) = (Differences(), Differences(), Differences(), Differences())
        for entry in entries {
            let name = try entry.required("name").string()
            let json = JSONWriter().bytes(try entry.required("tokenizer").value)
            let tokenizer = try Tokenizer(json: json)
            if try JSONValue(parsing: tokenizer.json()) != JSONValue(parsing: json) { files.add(name) }
            for row in try entry.required("cases").elements() {
                let fields = try row.elements()
                let text = try fields[0].string()
                func numbers(_ cursor: JSONCursor) throws -> [TokenID] { try cursor.elements().map { TokenID(try $0.integer()) } }
                let encoding = try tokenizer.encode(text, offsets: .scalars)
                let expected = try numbers(fields[1])
                let bare = try tokenizer.encode(text, addsSpecials: false).ids
                guard encoding.ids == expected, try bare == numbers(fields[2]) else {
                    ids.add("\(name), \(text.debugDescription): \(encoding.ids) for \(expected), \(bare) without marks")
                    continue
                }
                let places = try fields[3].elements().map { pair in
                    let sides = try pair.elements().map { try $0.integer() }
                    return sides[0]..<max(sides[0], sides[1])
                }
                if encoding.offsets != places { offsets.add("\(name), \(text.debugDescription): \(encoding.offsets) for \(places)") }
                for (field, skips) in [(fields[4], false), (fields[5], true)] where !field.isNull {
                    let found = try tokenizer.decode(expected, skipsSpecials: skips)
                    let wanted = try field.string()
                    if !found.utf8.elementsEqual(wanted.utf8) {
                        texts.add("\(name), \(expected): \(found.debugDescription) for \(wanted.debugDescription)")
                    }
                }
            }
        }
        ids.expectNone("ids")
        offsets.expectNone("offsets")
        texts.expectNone("decoded texts")
        files.expectNone("written files")
    }
}
