import IsomerBytes
import IsomerFormats
import IsomerTensors
import Testing

/// One whole file for each way to be wrong, with the whole error it must give.
@Suite struct GGUFRefusalTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let name: String
        let bytes: [UInt8]
        let error: IsomerError
        var testDescription: String { name }

        init(_ name: String, _ bytes: [UInt8], _ error: IsomerError) {
            self.name = name
            self.bytes = bytes
            self.error = error
        }
    }

    private static func malformed(
        _ what: String, _ item: String? = nil, at offset: UInt64?, expected: String? = nil, found: String? = nil, remedy: String? = nil
    ) -> IsomerError {
        IsomerError(.malformed, what, item: item, byteOffset: offset, expected: expected, found: found, remedy: remedy)
    }

    private static let again = "the file is cut short or damaged: get it again"
    private static let damaged = "the file is damaged: get it again"
    private static let types = "one of F32, F16, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q2_K, Q3_K, Q4_K, Q5_K, Q6_K, I8, I16, I32, I64, F64, BF16"

    static let heads: [Case] = [
        Case(
            "nothing but the magic number", Array("GGUF".utf8),
            malformed("the file ends inside the version", at: 4, expected: "4 bytes", found: "0 bytes", remedy: again)),
        Case(
            "version 1", GGUFBytes(version: 1).bytes,
            IsomerError(
                .unsupported,
                "this kind of GGUF file is not read: version 1 counts with 32 bits and was in use for a few weeks", byteOffset: 4,
                expected: "version 2 or 3", found: "1", remedy: "get the model in another file")),
        Case(
            "most significant byte first", GGUFBytes(version: 0x0300_0000).bytes,
            IsomerError(
                .unsupported, "this kind of GGUF file is not read: its numbers have the most significant byte first", byteOffset: 4,
                expected: "version 2 or 3", found: "50331648", remedy: "get the model in another file")),
        Case(
            "no counts", Array(GGUFBytes().bytes[..<12]),
            malformed("the file ends inside the number of tensors", at: 8, expected: "8 bytes", found: "4 bytes", remedy: again)),
        Case(
            "more tensors than bytes", GGUFBytes(tensorCount: .max).bytes,
            malformed("the file is too short for its tensors", at: 8, expected: "at most 0", found: "18446744073709551615", remedy: damaged)
        ),
        Case(
            "more keys than bytes", GGUFBytes(keyCount: 1 << 40).bytes,
            malformed("the file is too short for its keys", at: 16, expected: "at most 0", found: "1099511627776", remedy: damaged)),
    ]

    private static func keys(_ keys: [UInt8]...) -> [UInt8] { GGUFBytes(keys: keys).bytes + [UInt8](repeating: 0, count: 32) }

    static let keyCases: [Case] = [
        Case(
            "a key longer than the file", keys(GGUFBytes.little(UInt64(1) << 60) + [0, 0, 0, 0, 0]),
            malformed("a key is longer than the file", at: 24, expected: "at most 37 bytes", found: "1152921504606846976", remedy: again)),
        Case(
            "a key that is not text", keys(GGUFBytes.little(UInt64(2)) + [0xC3, 0x28] + GGUFBytes.little(UInt32(0)) + [1]),
            malformed("a key is not UTF-8", at: 32, remedy: damaged)),
        Case(
            "a key twice", keys(GGUFBytes.key("a", 0, [1]), GGUFBytes.key("a", 0, [1])),
            malformed("a key comes twice", "a", at: 38)),
        Case(
            "no such type", keys(GGUFBytes.key("a", 13, [1])),
            malformed(
                "there is no such type of value", "a", at: 33, expected: "0 to 12", found: "13",
                remedy: "the file is damaged or of a newer kind")),
        Case(
            "a truth value of 2", keys(GGUFBytes.key("a", 7, [2])),
            malformed("a truth value is neither 0 nor 1", "a", at: 37, expected: "0 or 1", found: "2")),
        Case(
            "arrays in an array", keys(GGUFBytes.key("a", 9, GGUFBytes.little(UInt32(9)) + GGUFBytes.little(UInt64(0)))),
            IsomerError(.unsupported, "an array holds arrays, which no reader of GGUF accepts", item: "a", byteOffset: 37)),
        Case(
            "an array longer than the file", keys(GGUFBytes.key("a", 9, GGUFBytes.little(UInt32(6)) + GGUFBytes.little(UInt64.max))),
            malformed(
                "an array is longer than the file", "a", at: 41, expected: "at most 8 elements", found: "18446744073709551615",
                remedy: damaged)),
        Case(
            "texts that end beyond the file",
            GGUFBytes(keys: [
                GGUFBytes.key("a", 9, GGUFBytes.little(UInt32(8)) + GGUFBytes.little(UInt64(2)) + GGUFBytes.text("123456789"))
            ]).bytes,
            malformed(
                "the file ends inside the length of a text of an array", "a", at: 66, expected: "8 bytes", found: "0 bytes",
                remedy: again)),
        Case(
            "an alignment of 12", keys(GGUFBytes.key("general.alignment", 4, GGUFBytes.little(UInt32(12)))),
            malformed(
                "the alignment is not one", "general.alignment", at: nil, expected: "a power of two from 8 on, as a 32-bit number",
                found: "12")),
    ]

    private static func tensors(_ entries: [UInt8]..., data: Int = 64) -> [UInt8] {
        GGUFBytes(tensors: entries, data: [UInt8](repeating: 7, count: data)).bytes
    }

    static let tensorCases: [Case] = [
        Case(
            "a name twice", tensors(GGUFBytes.tensor("a", [2]), GGUFBytes.tensor("a", [2], at: 32)),
            malformed("two tensors have the same name", "a", at: 57)),
        Case(
            "too many dimensions", tensors(GGUFBytes.tensor("a", [UInt64](repeating: 1, count: 65))),
            IsomerError(
                .limitExceeded, "the tensor has more dimensions than are read", item: "a", byteOffset: 33, expected: "at most 64",
                found: "65")),
        Case(
            "an extent beyond memory", tensors(GGUFBytes.tensor("a", [2, .max])),
            malformed("an extent is larger than any memory", "a", at: 45, found: "18446744073709551615", remedy: damaged)),
        Case(
            "a product beyond memory", tensors(GGUFBytes.tensor("a", [1 << 40, 1 << 40])),
            malformed(
                "a shape has more elements than memory can address", "a", at: 33, found: "[1099511627776, 1099511627776]")),
        Case(
            "an unknown type", tensors(GGUFBytes.tensor("a", [2], type: 99)),
            malformed(
                "there is no such type of tensor", "a", at: 45, expected: types, found: "99",
                remedy: "the file is damaged or of a newer kind")),
        Case(
            "a type that is not read", tensors(GGUFBytes.tensor("a", [256], type: 23)),
            IsomerError(
                .unsupported, "tensors of type IQ4_XS are not read", item: "a", byteOffset: 45, expected: types, found: "IQ4_XS",
                remedy: "get the model in another quantisation")),
        Case(
            "half a block", tensors(GGUFBytes.tensor("a", [48], type: 8)),
            malformed("a row is not a whole number of blocks", "a", at: 37, expected: "a multiple of 32 for Q8_0", found: "48")),
        Case(
            "not aligned", tensors(GGUFBytes.tensor("a", [2], at: 8)),
            malformed(
                "a tensor does not start at a multiple of the alignment", "a", at: 49, expected: "a multiple of 32", found: "8")),
        Case(
            "beyond the end", tensors(GGUFBytes.tensor("a", [2], at: 64)),
            malformed("the tensor lies beyond the end of the file", "a", at: 128, expected: "8 bytes", found: "0 bytes", remedy: again)),
        Case(
            "a place that overflows", tensors(GGUFBytes.tensor("a", [2], at: .max - 31)),
            malformed("the tensor lies beyond the end of the file", "a", at: 32, expected: "8 bytes", found: "0 bytes", remedy: again)),
        Case(
            "an empty tensor in a place that overflows", tensors(GGUFBytes.tensor("a", [0], at: .max - 31)),
            malformed(
                "the empty tensor's place lies beyond the end of the file", "a", at: nil, expected: "at most 96",
                found: "18446744073709551584", remedy: damaged)),
        Case(
            "two tensors in one place", tensors(GGUFBytes.tensor("a", [9]), GGUFBytes.tensor("b", [2], at: 32)),
            malformed("two tensors share bytes", "b", at: 128, expected: "at least 36", found: "32")),
        Case(
            "cut off before its data", Array(tensors(GGUFBytes.tensor("a", [2]))[..<60]),
            malformed(
                "the file ends before its data", at: 57, expected: "data from byte 64", found: "60 bytes in all",
                remedy: "the file is cut short: get it again")),
        Case(
            "an original shape of other size",
            GGUFBytes(
                keys: [
                    GGUFBytes.key(
                        "comfy.gguf.orig_shape.a", 9,
                        GGUFBytes.little(UInt32(5)) + GGUFBytes.little(UInt64(2)) + GGUFBytes.little(Int32(3)) + GGUFBytes.little(Int32(-1))
                    )
                ], tensors: [GGUFBytes.tensor("a", [2])], data: [UInt8](repeating: 0, count: 32)
            ).bytes,
            malformed(
                "the shape that a key gives the tensor is not one of its elements", "a", at: 88,
                expected: "integers with the product 2", found: "[3, -1]")),
    ]

    @Test(arguments: heads + keyCases + tensorCases)
    func refuses(item: Case) throws {
        let folder = try TemporaryFolder()
        let path = try folder.file("bad.gguf", item.bytes)
        #expect(throws: item.error.inFile(path)) { try GGUFReader(path) }
    }

    @Test func everyPrefixAndEveryFlippedByteIsReadOrRefused() throws {
        let folder = try TemporaryFolder()
        let good = try ReadableFile(GGUFFileTests.fixture).contents(limit: 1 << 20)
        for count in stride(from: 0, to: good.count - 32, by: 7) {
            let path = try folder.file("cut.gguf", Array(good[..<count]))
            #expect(throws: IsomerError.self) { try GGUFReader(path) }
        }
        var generator = SystemRandomNumberGenerator()
        for position in 0..<min(1200, good.count) {
            var bytes = good
            bytes[position] ^= UInt8.random(in: 1...255, using: &generator)
            let path = try folder.file("flipped.gguf", bytes)
            do throws(IsomerError) {
                let reader = try GGUFReader(path)
                for index in reader.tensors.indices { _ = try reader.bytes(of: index) }
            } catch {}
        }
    }
}
