internal import CJPEG
public import IsomerBytes

/// How to write a JPEG.
public struct JPEGSettings: Hashable, Sendable {
    /// 1 to 100.
    public var quality: Int
    /// Full colour resolution (4:4:4) instead of half in both directions (4:2:0).
    public var fullColour: Bool
    /// Huffman tables made for this picture: a few percent smaller, a little slower.
    public var optimise: Bool
    public var progressive: Bool

    public init(quality: Int = 95, fullColour: Bool = false, optimise: Bool = false, progressive: Bool = false) {
        self.quality = quality
        self.fullColour = fullColour
        self.optimise = optimise
        self.progressive = progressive
    }
}

/// Writes JPEG: gray or RGB, 8 bits. The same bitmap always gives the same bytes.
public enum JPEGEncoder {
    /// Throws `usage` for pictures with alpha or more than 8 bits, and for sides above 65,500.
    public static func encode(_ bitmap: Bitmap, settings: JPEGSettings = JPEGSettings(), metadata: ImageMetadata = ImageMetadata())
        throws(IsomerError) -> [UInt8]
    {
        guard !bitmap.channels.hasAlpha, bitmap.samples == .uint8 else {
            throw IsomerError(.usage, "JPEG holds neither alpha nor more than 8 bits", remedy: "flatten the picture first, or write PNG")
        }
        guard (1...100).contains(settings.quality) else {
            throw IsomerError(.usage, "JPEG quality is 1 to 100", found: "\(settings.quality)")
        }
        guard bitmap.width <= 65500, bitmap.height <= 65500 else {
            throw IsomerError(.usage, "JPEG holds no side above 65,500", found: "\(bitmap.size)", remedy: "write PNG")
        }
        var payloads: [(application: Int32, bytes: [UInt8])] = []
        if let exif = metadata.exif, exif.count <= 65527 { payloads.append((1, JPEGSegments.exifName + exif)) }
        if let profile = metadata.profile {
            let parts = stride(from: 0, to: profile.count, by: 65519).map { Array(profile[$0..<min(profile.count, $0 + 65519)]) }
            guard parts.count <= 255 else { throw IsomerError(.limitExceeded, "the colour profile is too long for a JPEG") }
            for (index, part) in parts.enumerated() {
                payloads.append((2, JPEGSegments.profileName + [UInt8(index + 1), UInt8(parts.count)] + part))
            }
        }
        let joined = payloads.flatMap(\.bytes)
        var parameters = isomer_jpeg_settings(
            width: UInt32(bitmap.width), height: UInt32(bitmap.height), components: Int32(bitmap.channels.count),
            quality: Int32(settings.quality), full_colour: settings.fullColour ? 1 : 0, optimise: settings.optimise ? 1 : 0,
            progressive: settings.progressive ? 1 : 0)
        var output: UnsafeMutablePointer<UInt8>?
        var count = 0
        var message = [CChar](repeating: 0, count: 200)
        let status = joined.withUnsafeBufferPointer { bytes in
            var offset = 0
            let segments = payloads.map { payload in
                defer { offset += payload.bytes.count }
                return isomer_jpeg_segment(
                    application: payload.application, bytes: bytes.baseAddress.map { $0 + offset }, count: payload.bytes.count)
            }
            return isomer_jpeg_write(
                bitmap.source, bitmap.rowBytes, &parameters, segments, segments.count, &output, &count, &message)
        }
        guard status == isomer_jpeg_ok, let output else {
            let text = String(decoding: message.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            throw IsomerError(.cannotWrite, "the JPEG cannot be made", found: text)
        }
        defer { isomer_jpeg_free(output) }
        return Array(UnsafeBufferPointer(start: output, count: count))
    }
}
