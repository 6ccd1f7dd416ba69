import IsomerBytes
import Testing

@Suite struct PNGChunksTests {
    private let folder = try? TemporaryFolder()

    private func chunk(_ kind: String, _ body: [UInt8] = []) -> [UInt8] {
        [0, 0, 0, UInt8(body.count)] + Array(kind.utf8) + body + [0, 0, 0, 0]
    }

    private func picture(_ chunks: [UInt8]...) throws -> ReadableFile {
        try ReadableFile(#require(folder).file("a.png", PNGChunks.signature + chunks.joined()))
    }

    private func kinds(_ file: ReadableFile, limits: Limits = Limits()) throws -> [String] {
        var chunks = try #require(try PNGChunks(file, limits: limits))
        var kinds: [String] = []
        while let chunk = try chunks.next() { kinds.append("\(chunk.kind) \(chunk.offset) \(chunk.count)") }
        return kinds
    }

    @Test func nothingBehindTheEnd() throws {
        #expect(try kinds(picture(chunk("IHDR", [1, 2]), chunk("IEND"), chunk("tEXt"))) == ["IHDR 16 2", "IEND 30 0"])
        let other = try ReadableFile(#require(folder).file("b.png", [0x89]))
        #expect(try PNGChunks(other) == nil)
    }

    @Test func textBeforeACutIsRead() throws {
        let text = chunk("tEXt", Array("a".utf8) + [0] + Array("b".utf8))
        let cut = try picture(text, [0, 0, 0, 9] + Array("IDAT".utf8) + [0, 0, 0, 0])
        #expect(try PNGText.text("a", in: cut) == "b")
        #expect(error { _ = try PNGText.text("c", in: cut) }?.code == .malformed)
    }

    /// A chunk costs its writer twelve bytes and its reader a call.
    @Test func chunksAreCounted() throws {
        var limits = Limits()
        limits.archiveMembers = 2
        let file = try picture(chunk("IHDR"), chunk("IDAT"), chunk("IEND"))
        #expect(error { _ = try kinds(file, limits: limits) }?.code == .limitExceeded)
        limits.archiveMembers = 3
        #expect(try kinds(file, limits: limits).count == 3)
    }
}
