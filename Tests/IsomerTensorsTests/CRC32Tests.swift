import Testing

@testable import IsomerTensors

@Suite struct CRC32Tests {
    /// The definition, one bit at a time.
    private func definition(_ bytes: some Sequence<UInt8>) -> UInt32 {
        var sum = ~UInt32(0)
        for byte in bytes {
            sum ^= UInt32(byte)
            for _ in 0..<8 { sum = sum & 1 == 1 ? sum >> 1 ^ 0xEDB8_8320 : sum >> 1 }
        }
        return ~sum
    }

    private let bytes: [UInt8] = {
        var state: UInt64 = 42
        return (0..<5000).map { _ in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return UInt8(truncatingIfNeeded: state >> 56)
        }
    }()

    @Test func checkValue() {
        #expect(CRC32(Array("123456789".utf8)).value == 0xCBF4_3926)
        #expect(CRC32().value == 0)
        #expect(CRC32([]) == CRC32())
    }

    @Test(arguments: KernelLevel.available)
    func everyLengthAndAlignment(level: KernelLevel) {
        var expected = (0...1200).map { definition(bytes[3..<3 + $0]) }
        for (count, sum) in expected.enumerated() {
            let found = bytes.withUnsafeBytes { buffer in
                var crc = CRC32()
                crc.update(UnsafeRawBufferPointer(rebasing: buffer[3..<3 + count]), level: level)
                return crc
            }
            #expect(found == CRC32(value: sum, byteCount: UInt64(count)))
        }
        expected = [definition(bytes)]
        let found = bytes.withUnsafeBytes { buffer in
            var crc = CRC32()
            for start in stride(from: 0, to: buffer.count, by: 777) {
                crc.update(UnsafeRawBufferPointer(rebasing: buffer[start..<min(start + 777, buffer.count)]), level: level)
            }
            return crc
        }
        #expect(found.value == expected[0])
    }

    @Test func sumsJoin() {
        let whole = CRC32(bytes)
        for cut in [0, 1, 63, 64, 1000, 4999, 5000] {
            var joined = CRC32(Array(bytes[..<cut]))
            joined.append(CRC32(Array(bytes[cut...])))
            #expect(joined == whole)
        }
        // 2^40 zero bytes after "a", by doubling.
        var zeros = CRC32([0])
        for _ in 0..<40 { zeros.append(zeros) }
        var direct = CRC32([0, 0, 0, 0, 0, 0, 0, 0])
        for _ in 0..<37 { direct.append(direct) }
        #expect(zeros == direct)
        #expect(zeros.byteCount == 1 << 40)
    }
}
