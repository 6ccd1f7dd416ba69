import IsomerBytes
import IsomerTensors

/// A GGUF file put together byte by byte.
struct GGUFBytes {
    var version: UInt32 = 3
    var tensorCount: UInt64?
    var keyCount: UInt64?
    var keys: [[UInt8]] = []
    var tensors: [[UInt8]] = []
    var data: [UInt8] = []
    var alignment = 32

    static func little<Number: FixedWidthInteger>(_ number: Number) -> [UInt8] { withUnsafeBytes(of: number.littleEndian) { Array($0) } }

    static func text(_ text: String) -> [UInt8] { little(UInt64(text.utf8.count)) + Array(text.utf8) }

    static func key(_ name: String, _ type: UInt32, _ value: [UInt8]) -> [UInt8] { text(name) + little(type) + value }

    static func tensor(_ name: String, _ extents: [UInt64], type: UInt32 = 0, at offset: UInt64 = 0) -> [UInt8] {
        text(name) + little(UInt32(extents.count)) + extents.flatMap(little) + little(type) + little(offset)
    }

    var bytes: [UInt8] {
        var bytes = Array("GGUF".utf8) + Self.little(version) + Self.little(tensorCount ?? UInt64(tensors.count))
        bytes += Self.little(keyCount ?? UInt64(keys.count)) + keys.flatMap(\.self) + tensors.flatMap(\.self)
        if !data.isEmpty { bytes += [UInt8](repeating: 0, count: (alignment - bytes.count % alignment) % alignment) }
        return bytes + data
    }
}
