import IsomerBytes
import Testing

@testable import IsomerTokenizers

/// The short way must give what the long way gives.
@Suite struct IDEncoderTests {
    static let makers: [(String, @Sendable () throws -> Tokenizer)] = [
        ("clip", { try Tokenizer.clip() }), ("clip, exclamation", { try Tokenizer.clip(padding: .exclamation) }),
        ("t5", { try Tokenizer(json: Fixture.bytes("t5.tokenizer.json")) }),
    ]

    @Test(arguments: makers.indices) func hardStringsTwice(_ index: Int) throws {
        let tokenizer = try Self.makers[index].1()
        let encoder = IDEncoder(tokenizer)
        #expect(encoder.isFast)
        var differences = Differences()
        let cases = try Fixture.cases(["clip", "clip-exclamation", "t5"][index] + ".cases.json")
        for _ in 0..<2 {
            for sample in cases {
                let found = try encoder.ids(of: sample.text, addsSpecials: true)
                if found != sample.ids { differences.add("\(sample.text.debugDescription): \(found) for \(sample.ids)") }
            }
        }
        differences.expectNone(Self.makers[index].0)
    }

    @Test func addedTokensAreFoundOnTheShortWay() throws {
        var tokenizer = try Tokenizer.clip()
        let ids = try tokenizer.add([AddedToken("<sks>"), AddedToken("Cat-Toy"), AddedToken("PLAIN", isNormalized: false)])
        #expect(ids == [49408, 49409, 49410])
        let encoder = IDEncoder(tokenizer)
        for text in ["a <SKS> dog", "a cat-toy, CAT-TOYS", "plain PLAIN PLAINS", "x<sks>y <|endoftext|>", "<|STARTOFTEXT|> <|ENDOFTEXT|>"] {
            #expect(try encoder.ids(of: text) == tokenizer.encode(text, addsSpecials: false).ids, "\(text)")
        }
    }
}
