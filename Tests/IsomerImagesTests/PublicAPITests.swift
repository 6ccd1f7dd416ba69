import IsomerBytes
import IsomerImages
import Testing

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// The steps as a program that only imports the library composes them.
@Suite("Public interface of IsomerImages")
struct PublicAPITests {
    @Test func stepsCompose() throws {
        let bytes = try ReadableFile(Fixtures["images/subjects/00-face-gradient.jpg"]).contents(limit: 1 << 24)
        let image = try ImageDecoder.decode(bytes)
        let upright = try image.bitmap.oriented(.upright)
        let subject = try SubjectFinder().subject(in: upright, aspect: 1)
        #expect(subject.kind == .face)
        let plan = CropPlan.covering(upright.size, size: PixelSize(96, 96), subject: subject.box)
        let cut = try upright.cropped(plan, filter: .lanczos)
        #expect(try cut == upright.resampled(to: PixelSize(96, 96), filter: .lanczos, box: plan.box))
        #expect(try ImageDecoder.decode(PNGEncoder.encode(cut)).bitmap == cut)

        var options = PreparationOptions()
        options.shapes = [.fixed(PixelSize(96, 96))]
        let result = try PictureProcessor(options).process(bytes)
        #expect(result.pictures.count == 1)
        #expect(try ImageDecoder.decode(#require(result.pictures.first).bytes).bitmap == cut)
    }

    /// Halving while decoding is faster and nearly the same: what photographs of many pixels lose lies above 53 dB.
    @Test func fastModeIsClose() throws {
        let small = try ImageDecoder.decode(Fixtures["images/resampling/photo.png"]).bitmap
        let large = try small.resampled(to: PixelSize(1600, 1200), filter: .bicubic)
        let bytes = try JPEGEncoder.encode(large, settings: JPEGSettings(quality: 92))
        var options = PreparationOptions()
        options.shapes = [.fixed(PixelSize(256, 256))]
        options.focus = .centre
        let exact = try ImageDecoder.decode(#require(PictureProcessor(options).process(bytes).pictures.first).bytes).bitmap.bytes
        options.isFast = true
        let fast = try ImageDecoder.decode(#require(PictureProcessor(options).process(bytes).pictures.first).bytes).bitmap.bytes
        #expect(fast != exact)
        let error = zip(exact, fast).reduce(0.0) { $0 + Double((Int($1.0) - Int($1.1)) * (Int($1.0) - Int($1.1))) } / Double(exact.count)
        #expect(10 * log10(255 * 255 / error) >= 53)
    }
}
