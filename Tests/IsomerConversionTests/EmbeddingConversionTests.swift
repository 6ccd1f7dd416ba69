import IsomerBytes
import IsomerFormats
import IsomerTensors
import Testing

@testable import IsomerConversion

/// Textual inversions from one arrangement to another: the same bits of the same vectors.
@Suite struct EmbeddingConversionTests {
    static let folder = Fixtures["textual-inversion"]

    private func bits(_ inversion: TextualInversion) throws -> [[UInt8]] {
        try inversion.words.flatMap(\.vectors).map { try $0.bytes(as: $0.scalarType).bytes }
    }

    private func convert(_ source: FilePath, _ target: FilePath, _ container: Container, _ arrangement: TextualInversion.Arrangement? = nil)
        throws
    {
        var conversion = EmbeddingConversion(to: container, at: target)
        conversion.arrangement = arrangement
        let plan = try conversion.plan(TextualInversion(source))
        _ = try Executor().run(plan, to: target)
    }

    @Test(arguments: ["webui.pt", "learned_embeds.bin", "negative.safetensors", "old.pt", "ldm.pt"])
    func oneWordGoesEverywhere(_ name: String) throws {
        let folder = try TemporaryFolder()
        let source = Self.folder.appending(name)
        let original = try TextualInversion(source)
        let targets: [(String, Container, TextualInversion.Arrangement?, TextualInversion.Arrangement)] = [
            ("a.pt", .torch(), nil, .webUI), ("b.bin", .torch(), nil, .diffusers),
            ("c.safetensors", .safetensors, nil, .embeddingParameters),
            ("d.safetensors", .safetensors, .diffusers, .diffusers),
        ]
        for (target, container, asked, expected) in targets {
            try convert(source, folder[target], container, asked)
            let found = try TextualInversion(folder[target])
            #expect(found.arrangement == expected)
            #expect(try bits(found) == bits(original), "\(name) → \(target)")
            #expect(found.words.map(\.vectors[0].count) == original.words.map(\.vectors[0].count))
            #expect(found.words[0].token(in: found.path) == original.words[0].token(in: source), "\(name) → \(target)")
        }
        // By way of a picture, whose numbers are decimal.
        let picture = folder["style.png"]
        let bytes = try EmbeddingConversion(to: .safetensors, at: picture).picture(original)
        let output = try AtomicFile(path: picture, byteCount: UInt64(bytes.count), overwrite: false)
        try output.file.write(bytes, at: 0)
        try output.commit()
        let found = try TextualInversion(picture)
        #expect(found.arrangement == .webUI)
        #expect(found.words[0].token(in: picture) == original.words[0].token(in: source))
        let vectors = (found.words[0].vectors[0], original.words[0].vectors[0])
        #expect(try vectors.0.bytes(as: vectors.1.scalarType).bytes == vectors.1.bytes(as: vectors.1.scalarType).bytes)
        try convert(picture, folder["back.pt"], .torch())
        #expect(try TextualInversion(folder["back.pt"]).words[0].vectors[0].count == vectors.1.count)
    }

    @Test func pairsStayPairs() throws {
        let folder = try TemporaryFolder()
        let source = Self.folder.appending("sdxl.safetensors")
        try convert(source, folder["pair.bin"], .torch(), .perEncoder)
        #expect(try bits(TextualInversion(folder["pair.bin"])) == bits(TextualInversion(source)))
        #expect(throws: IsomerError.self) { try convert(source, folder["one.pt"], .torch(), .webUI) }
        #expect(throws: IsomerError.self) { try convert(Self.folder.appending("two_words.bin"), folder["two.pt"], .torch(), .webUI) }
    }

    /// What other programs' pictures hold, and what damaged ones do.
    @Test func pictures() throws {
        let picture = try TextualInversion(Fixtures["adapters/embedding.png"])
        #expect(picture.words[0].token(in: picture.path) == "style")
        #expect(picture.words[0].vectors[0].count == 2 && picture.words[0].vectors[0].width == 8)
        #expect(picture.metadata["step"] == "1200")
        let expected = try TextualInversion(Fixtures["adapters/embedding.pt"])
        #expect(try picture.words[0].vectors[0].bytes(as: .f32).bytes == expected.words[0].vectors[0].bytes(as: .f32).bytes)
        let zipped = try TextualInversion(Fixtures["adapters/embedding-zipped.png"])
        #expect(try zipped.words[0].vectors[0].bytes(as: .f32).bytes == expected.words[0].vectors[0].bytes(as: .f32).bytes)
        // Hidden in the pixels alone: its numbers are those of the text, which Python writes in full.
        let hidden = try TextualInversion(Fixtures["adapters/embedding-pixels.png"])
        #expect(hidden.words[0].token(in: hidden.path) == "style" && hidden.metadata["step"] == "1200")
        #expect(try hidden.words[0].vectors[0].bytes(as: .f32).bytes == expected.words[0].vectors[0].bytes(as: .f32).bytes)
        let folder = try TemporaryFolder()
        let pixels = try ReadableFile(hidden.path).contents(limit: 1 << 20)
        for length in stride(from: 9, to: pixels.count - 13, by: 97) {
            let output = try AtomicFile(path: folder["cut.png"], byteCount: UInt64(length), overwrite: true)
            try output.file.write(Array(pixels[..<length]), at: 0)
            try output.commit()
            #expect(throws: IsomerError.self) { _ = try TextualInversion(folder["cut.png"]) }
        }
        let whole = try ReadableFile(Fixtures["adapters/embedding.png"]).contents(limit: 1 << 20)
        for (number, length) in [8, 20, 60, 200, whole.count / 2].enumerated() {
            let path = folder["cut\(number).png"]
            let output = try AtomicFile(path: path, byteCount: UInt64(length), overwrite: false)
            try output.file.write(Array(whole[..<length]), at: 0)
            try output.commit()
            #expect(throws: IsomerError.self) { _ = try TextualInversion(path) }
        }
    }
}
