import IsomerBytes
import Testing

@Suite struct InflaterTests {
    // Made with Python 3.11's zlib (1.2.13) out of the text below, as raw deflate, zlib and gzip.
    static let text = Array("hello hello hello hello".utf8)
    static let raw: [UInt8] = [0xCB, 0x48, 0xCD, 0xC9, 0xC9, 0x57, 0xC8, 0x40, 0x27, 0x01]
    static let zlib: [UInt8] = [0x78, 0x9C] + raw + [0x68, 0x03, 0x08, 0xB1]
    static let gzip: [UInt8] = [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 2, 3] + raw + [0xE3, 0x51, 0x3D, 0x8D, 0x17, 0, 0, 0]

    @Test(arguments: [(raw, Inflater.Wrapping.raw), (zlib, .zlib), (gzip, .gzip)])
    func wholeStreams(bytes: [UInt8], wrapping: Inflater.Wrapping) throws {
        #expect(try Inflater.inflate(bytes, wrapping, size: .exactly(23)) == Self.text)
        #expect(try Inflater.inflate(bytes, wrapping, size: .atMost(23)) == Self.text)
        #expect(try Inflater.inflate(bytes, wrapping, size: .atMost(1 << 40)) == Self.text)
    }

    @Test func gzipMembersFollowEachOther() throws {
        #expect(try Inflater.inflate(Self.gzip + Self.gzip, .gzip, size: .exactly(46)) == Self.text + Self.text)
    }

    @Test func anotherSizeThanDeclaredIsMalformed() {
        let larger = error { _ = try Inflater.inflate(Self.raw, .raw, size: .exactly(22)) }
        #expect(larger?.what == "the compressed data is larger than its file declares")
        let smaller = error { _ = try Inflater.inflate(Self.raw, .raw, size: .exactly(24)) }
        #expect(smaller?.what == "the compressed data is smaller than its file declares")
        #expect(smaller?.found == "23 bytes")
        #expect(error { _ = try Inflater.inflate(Self.raw, .raw, size: .atMost(22)) }?.code == .limitExceeded)
    }

    @Test func aSizeThatDeflateCannotReachIsRefusedBeforeMemoryIsTaken() {
        let failure = error { _ = try Inflater.inflate(Self.raw, .raw, size: .exactly(1 << 50)) }
        #expect(failure?.what == "the declared size cannot be reached by decompressing what is there")
        #expect(error { _ = try Inflater.inflate(Self.raw, .raw, size: .exactly(.max)) }?.code == .malformed)
    }

    @Test func everyCutIsMalformed() {
        for wrapping in [Inflater.Wrapping.raw, .zlib, .gzip] {
            let whole = wrapping == .raw ? Self.raw : wrapping == .zlib ? Self.zlib : Self.gzip
            for count in 0..<whole.count {
                let failure = error { _ = try Inflater.inflate(Array(whole[..<count]), wrapping, size: .exactly(23)) }
                #expect(failure?.what == "the compressed data ends in the middle", "\(wrapping) cut to \(count) bytes")
            }
        }
    }

    @Test func aChangedChecksumIsMalformed() {
        var bytes = Self.gzip
        bytes[bytes.count - 5] ^= 1
        #expect(
            error { _ = try Inflater.inflate(bytes, .gzip, size: .exactly(23)) }?.what
                == "the compressed data is damaged: incorrect data check")
    }

    @Test func bytesBehindTheEndAreMalformed() {
        #expect(error { _ = try Inflater.inflate(Self.raw + [0], .raw, size: .exactly(23)) }?.location.byteOffset == 10)
        #expect(
            error { _ = try Inflater.inflate(Self.gzip + [0], .gzip, size: .exactly(23)) }?.what
                == "there are bytes after the end of the compressed data")
    }

    @Test func piecesOfAnySizeGiveTheSameBytes() throws {
        for (inputPiece, outputPiece) in [(1, 1), (1, 100), (3, 7), (100, 1)] {
            var rest = Self.zlib[...]
            let inflater = try Inflater(.zlib, size: .exactly(23)) { buffer in
                let piece = rest.prefix(inputPiece)
                rest = rest.dropFirst(inputPiece)
                buffer.copyBytes(from: piece)
                return piece.count
            }
            var result: [UInt8] = []
            var buffer = [UInt8](repeating: 0, count: outputPiece)
            while true {
                let count = try buffer.withUnsafeMutableBytes { try inflater.read(into: $0) }
                result += buffer[..<count]
                if count < outputPiece { break }
            }
            #expect(result == Self.text)
            #expect(inflater.byteCount == 23 && inflater.compressedByteCount == UInt64(Self.zlib.count))
        }
    }

    @Test func anErrorOfTheSourceComesThrough() throws {
        let failure = IsomerError(.cannotRead, "the disk reported an error")
        let inflater = try Inflater(.raw, size: .atMost(10)) { (_) throws(IsomerError) in throw failure }
        var buffer = [UInt8](repeating: 0, count: 4)
        #expect(throws: failure) { _ = try buffer.withUnsafeMutableBytes { try inflater.read(into: $0) } }
    }
}
