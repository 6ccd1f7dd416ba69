import CZlib
import Foundation

typealias Bytes = [UInt8]

/// `part`, `count` times over: by doubling, which is quick without optimisation too.
func repeated(_ part: Bytes, _ count: Int) -> Bytes {
    var result = part
    while result.count < part.count * count { result += result }
    return Bytes(result[..<(part.count * count)])
}

func repeated(_ part: String, _ count: Int) -> Bytes { repeated(text(part), count) }

func text(_ string: String) -> Bytes { string.unicodeScalars.map { UInt8(truncatingIfNeeded: $0.value) } }

func little<Number: FixedWidthInteger>(_ value: Number) -> Bytes { withUnsafeBytes(of: value.littleEndian) { Bytes($0) } }

func big<Number: FixedWidthInteger>(_ value: Number) -> Bytes { withUnsafeBytes(of: value.bigEndian) { Bytes($0) } }

func checksum(_ bytes: Bytes) -> UInt32 { UInt32(truncatingIfNeeded: crc32(0, bytes, UInt32(bytes.count))) }

/// What `plain`, `count` times over, is compressed to.
func compressed(_ plain: Bytes, times count: Int, windowBits: Int32) -> Bytes {
    var stream = z_stream()
    deflateInit2_(&stream, 9, Z_DEFLATED, windowBits, 9, Z_DEFAULT_STRATEGY, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
    defer { deflateEnd(&stream) }
    var result: Bytes = []
    var piece = Bytes(repeating: 0, count: 1 << 20)
    var plain = plain
    for round in 0...count {
        plain.withUnsafeMutableBufferPointer { input in
            stream.next_in = input.baseAddress
            stream.avail_in = round < count ? UInt32(input.count) : 0
            repeat {
                let room = piece.count
                piece.withUnsafeMutableBufferPointer { output in
                    stream.next_out = output.baseAddress
                    stream.avail_out = UInt32(room)
                    deflate(&stream, round < count ? Z_NO_FLUSH : Z_FINISH)
                }
                result += piece[..<(room - Int(stream.avail_out))]
            } while stream.avail_out == 0
        }
    }
    return result
}

/// A member of a zip archive whose fields may say anything.
struct Member {
    var name: String
    var stored: Bytes
    var size: UInt64
    var method: UInt16 = 0
    var crc: UInt32 = 0

    init(_ name: String, _ content: Bytes) {
        self.name = name
        stored = content
        size = UInt64(content.count)
        crc = checksum(content)
    }

    init(_ name: String, deflated: Bytes, size: UInt64) {
        self.name = name
        stored = deflated
        self.size = size
        method = 8
    }
}

func zip(_ members: [Member]) -> Bytes {
    var file: Bytes = []
    var directory: Bytes = []
    for member in members {
        let size = UInt32(clamping: member.size)
        let fields =
            little(UInt16(0)) + little(member.method) + little(UInt32(0)) + little(member.crc) + little(UInt32(member.stored.count))
            + little(size)
            + little(UInt16(member.name.utf8.count)) + little(UInt16(0))
        directory +=
            text("PK\u{1}\u{2}") + little(UInt16(20)) + little(UInt16(20)) + fields + little(UInt16(0)) + little(UInt16(0))
            + little(UInt16(0))
        directory += little(UInt32(0)) + little(UInt32(file.count)) + Bytes(member.name.utf8)
        file += text("PK\u{3}\u{4}") + little(UInt16(20)) + fields + Bytes(member.name.utf8) + member.stored
    }
    let start = file.count
    file += directory + text("PK\u{5}\u{6}") + little(UInt32(0)) + little(UInt16(members.count)) + little(UInt16(members.count))
    return file + little(UInt32(directory.count)) + little(UInt32(start)) + little(UInt16(0))
}

/// A torch archive around a pickle.
func torch(_ pickle: Member, _ rest: [Member] = []) -> Bytes {
    zip([pickle] + rest + [Member("archive/version", text("3\n"))])
}

func torch(_ pickle: Bytes, _ rest: [Member] = []) -> Bytes { torch(Member("archive/data.pkl", pickle), rest) }

func safetensors(_ header: Bytes, _ data: Bytes = []) -> Bytes { little(UInt64(header.count)) + header + data }

func png(_ width: UInt32, _ height: UInt32, _ chunks: [(String, Bytes)]) -> Bytes {
    [0x89] + text("PNG\r\n\u{1A}\n") + chunk("IHDR", big(width) + big(height) + [8, 2, 0, 0, 0]) + chunks.flatMap(chunk) + chunk("IEND", [])
}

func chunk(_ type: String, _ content: Bytes) -> Bytes {
    big(UInt32(content.count)) + text(type) + content + big(checksum(text(type) + content))
}
