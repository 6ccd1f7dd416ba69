internal import CJPEG
public import IsomerBytes

#if WebP
    internal import CWebP
#endif

extension ImageDecoder {
    /// The stored size of a picture, before orientation, from its first bytes; nothing is decoded. Throws `malformed` if it has no pixels.
    public static func storedSize(of bytes: [UInt8]) throws(IsomerError) -> PixelSize {
        let size = try declaredSize(of: bytes)
        guard size.width > 0, size.height > 0 else { throw hasNoPixels("\(size)") }
        return size
    }

    private static func declaredSize(of bytes: [UInt8]) throws(IsomerError) -> PixelSize {
        switch try format(of: bytes) {
        case .png:
            guard let size = try PNGChunks(bytes).size else {
                throw IsomerError(.malformed, "the file ends before its header is complete", byteOffset: 8)
            }
            return PixelSize(Int(size.width), Int(size.height))
        case .jpeg:
            let result: Result<PixelSize, IsomerError> = bytes.withUnsafeBufferPointer { buffer in
                guard let reader = isomer_jpeg_open(buffer.baseAddress, buffer.count, 1, Limits().seconds) else {
                    return .failure(IsomerError(.limitExceeded, "there is no memory for the picture"))
                }
                defer { isomer_jpeg_close(reader) }
                var info = isomer_jpeg_info()
                guard isomer_jpeg_start(reader, 1, &info) == isomer_jpeg_ok else {
                    return .failure(IsomerError(.malformed, "this is a broken JPEG", found: String(cString: isomer_jpeg_message(reader))))
                }
                return .success(PixelSize(Int(info.width), Int(info.height)))
            }
            return try result.get()
        #if WebP
            case .webp:
                let features = try WebPDecoder.features(bytes)
                return PixelSize(Int(features.width), Int(features.height))
        #endif
        case let other: throw unread(other)
        }
    }
}
