import IsomerBytes
import Testing

@testable import IsomerTokenizers

@Suite struct TokenizerGoldenTests {
    static let names = ["byte-level", "roberta", "bert", "word-level", "llama", "suffixed", "t5"]

    @Test(arguments: names) func idsOffsetsAndTextsEqualTheLibrarys(_ name: String) throws {
        let tokenizer = try Tokenizer(json: Fixture.bytes("\(name).tokenizer.json"))
        try compare(tokenizer, try Fixture.cases("\(name).cases.json"), name)
    }

    @Test(arguments: names) func theFileIsWrittenAsItWasRead(_ name: String) throws {
        let bytes = try Fixture.bytes("\(name).tokenizer.json")
        #expect(try Tokenizer(json: bytes).json() == bytes)
    }

    @Test(arguments: [("clip", CLIPPadding.endOfText), ("clip-exclamation", .exclamation)])
    func clipEqualsTransformers(_ name: String, _ padding: CLIPPadding) throws {
        try compare(try Tokenizer.clip(padding: padding), try Fixture.cases("\(name).cases.json"), name)
    }

    @Test func t5EqualsTransformers() throws {
        try compare(try Tokenizer.t5(), try Fixture.cases("t5-published.cases.json"), "t5")
    }

    @Test func normalizersAlone() throws {
        for entry in try JSONCursor(Fixture.json("normalizers.json")).elements() {
            let name = try entry.required("name").string()
            let normalizer = try Normalizer(try entry.required("json"))
            var differences = Differences()
            for (text, output) in zip(try Fixture.strings.get(), try entry.required("outputs").elements()) {
                var aligned = AlignedText(Array(text.utf8))
                try normalizer.normalize(&aligned)
                let expected = Array(try output.string().utf8)
                if aligned.bytes != expected {
                    differences.add(
                        "\(text.debugDescription): \(String(decoding: aligned.bytes, as: UTF8.self).debugDescription) for \(String(decoding: expected, as: UTF8.self).debugDescription)"
                    )
                }
            }
            differences.expectNone(name)
        }
    }

    @Test func preTokenizersAlone() throws {
        for entry in try JSONCursor(Fixture.json("pre-tokenizers.json")).elements() {
            let name = try entry.required("name").string()
            let preTokenizer = try PreTokenizer(try entry.required("json"))
            var differences = Differences()
            for (text, output) in zip(try Fixture.strings.get(), try entry.required("outputs").elements()) {
                var pieces = [Piece(AlignedText(Array(text.utf8)))]
                try preTokenizer.split(&pieces)
                var encoding = Encoding()
                for piece in pieces {
                    encoding.append(0, String(decoding: piece.text.bytes, as: UTF8.self), piece.text.origin(of: 0..<piece.text.bytes.count))
                }
                encoding.countScalars(of: Array(text.utf8))
                let offsets = encoding.offsets
                let found = zip(encoding.pieces, offsets).map { "\(Array($0.utf8))\($1)" }
                let expected = try output.elements().map { part in
                    let fields = try part.elements()
                    return "\(Array(try fields[0].string().utf8))\(try fields[1].integer()..<fields[2].integer())"
                }
                if found != expected {
                    differences.add(
                        "\(text.debugDescription): \(zip(encoding.pieces, offsets).map { "\($0.debugDescription)\($1)" }) for \(expected)")
                }
            }
            differences.expectNone(name)
        }
    }
}

func compare(_ tokenizer: Tokenizer, _ cases: [Fixture.Case], _ name: String) throws {
    var (ids, offsets, texts) = (Differences(), Differences(), Differences())
    for sample in cases {
        let encoding = try tokenizer.encode(sample.text, offsets: .scalars)
        guard encoding.ids == sample.ids else {
            ids.add("\(sample.text.debugDescription): \(encoding.ids) for \(sample.ids) \(encoding.pieces)")
            continue
        }
        if let expected = sample.offsets {
            let found = encoding.offsets
            if found != expected { offsets.add("\(sample.text.debugDescription): \(found) for \(expected)") }
        }
        for (decoded, skips) in zip(sample.decoded, [false, true]) {
            let found = try tokenizer.decode(sample.ids, skipsSpecials: skips)
            if !found.utf8.elementsEqual(decoded.utf8) {
                texts.add("\(sample.text.debugDescription): \(found.debugDescription) for \(decoded.debugDescription)")
            }
        }
    }
    ids.expectNone("\(name): ids")
    offsets.expectNone("\(name): offsets")
    texts.expectNone("\(name): decoded texts")
}
