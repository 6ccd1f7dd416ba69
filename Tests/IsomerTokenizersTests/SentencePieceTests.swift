import IsomerBytes
import Testing

@testable import IsomerTokenizers

@Suite struct SentencePieceTests {
    @Test(arguments: ["t5", "unigram-bytes", "bpe-bytes", "bpe"]) func idsAndTextsEqualSentencePieces(_ name: String) throws {
        let tokenizer = try SentencePieceTokenizer(SentencePieceModel(Fixture.bytes("\(name).model")))
        var (ids, texts) = (Differences(), Differences())
        for (text, row) in zip(try Fixture.strings.get(), try JSONCursor(Fixture.json("\(name).model.cases.json")).elements()) {
            // SentencePiece's Python binding passes text as a C++ string, but its trie stops at a NUL.
            let fields = try row.elements()
            let expected = try fields[0].elements().map { TokenID(try $0.integer()) }
            let found = try tokenizer.encode(text)
            if found != expected { ids.add("\(text.debugDescription): \(found) for \(expected)") }
            let decoded = tokenizer.decode(expected)
            if !decoded.utf8.elementsEqual(try fields[1].string().utf8) {
                texts.add("\(text.debugDescription): \(decoded.debugDescription) for \((try? fields[1].string()).debugDescription)")
            }
        }
        ids.expectNone("\(name): ids")
        texts.expectNone("\(name): decoded texts")
    }

    @Test func everyTruncationIsRefusedOrRead() throws {
        let bytes = try Fixture.bytes("unigram-bytes.model")
        for count in stride(from: 0, to: bytes.count, by: 97) {
            // A file may end between two fields; whatever is read then must still be a model.
            do throws(IsomerError) {
                _ = try SentencePieceTokenizer(SentencePieceModel(Array(bytes.prefix(count))))
            } catch {
                #expect(error.code == .malformed)
            }
        }
    }

    @Test func gigantesAndBrokenTextAreRefusedWithTheirByte() {
        // A piece that claims 2^60 bytes.
        let giant: [UInt8] = [0x0A, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x10]
        #expect(throws: IsomerError.self) { try SentencePieceModel(giant) }
        do throws(IsomerError) {
            _ = try SentencePieceModel(giant)
        } catch {
            #expect(error.location.byteOffset == 1)
        }
        // A piece whose text is the byte FF.
        #expect(
            throws: IsomerError(.malformed, "piece 0 is not UTF-8", byteOffset: 4)
        ) { try SentencePieceModel([0x0A, 0x03, 0x0A, 0x01, 0xFF]) }
    }
}
