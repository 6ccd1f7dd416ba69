/// What kind of picture some bytes are, told by the bytes and never by a file's name.
public enum ImageFormat: String, Hashable, Sendable, CaseIterable {
    case jpeg, png, webp, gif, bmp, tiff, heif, jpegXL

    /// The format whose signature `bytes` begin with.
    public init?(signature bytes: some Collection<UInt8>) {
        let head = Array(bytes.prefix(16))
        func begins(_ signature: [UInt8], at offset: Int = 0) -> Bool {
            head.count >= offset + signature.count && head[offset..<offset + signature.count].elementsEqual(signature)
        }
        switch true {
        case begins([0xFF, 0xD8, 0xFF]): self = .jpeg
        case begins([0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]): self = .png
        case begins(Array("RIFF".utf8)) && begins(Array("WEBP".utf8), at: 8): self = .webp
        case begins(Array("GIF87a".utf8)), begins(Array("GIF89a".utf8)): self = .gif
        case begins(Array("BM".utf8)) && head.count >= 14 && head[6..<10].allSatisfy({ $0 == 0 }): self = .bmp
        case begins([0x49, 0x49, 0x2A, 0x00]), begins([0x4D, 0x4D, 0x00, 0x2A]): self = .tiff
        case begins(Array("ftyp".utf8), at: 4): self = .heif
        case begins([0xFF, 0x0A]), begins([0x00, 0x00, 0x00, 0x0C, 0x4A, 0x58, 0x4C, 0x20]): self = .jpegXL
        default: return nil
        }
    }

    /// The name people know it by.
    public var name: String {
        switch self {
        case .jpeg: "JPEG"
        case .png: "PNG"
        case .webp: "WebP"
        case .gif: "GIF"
        case .bmp: "BMP"
        case .tiff: "TIFF"
        case .heif: "HEIF or AVIF"
        case .jpegXL: "JPEG XL"
        }
    }
}
