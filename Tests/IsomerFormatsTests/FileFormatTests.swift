import IsomerBytes
import IsomerFormats
import Testing

@Suite struct FileFormatTests {
    private static func padded(_ start: String, at offset: Int = 0) -> [UInt8] {
        [UInt8](repeating: 0, count: offset) + Array(start.utf8) + [UInt8](repeating: 0, count: 600)
    }

    private static let torchMagic: [UInt8] = [0x8A, 0x0A, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19, 0x2E]

    static let cases: [(FileFormat, [UInt8])] = [
        (.empty, []),
        (.safetensors, [2, 0, 0, 0, 0, 0, 0, 0] + Array("{}".utf8)),
        (.safetensors, [3, 0, 0, 0, 0, 0, 0, 0] + Array(" {}".utf8)),
        // A length that spells the magic number of a zip archive.
        (.safetensors, Array("PK\u{3}\u{4}".utf8) + [0, 0, 0, 0] + Array("{\"a\"".utf8)),
        (.zip, padded("PK\u{3}\u{4}")), (.zip, padded("PK\u{5}\u{6}")),
        (.torchZip, padded("PK\u{3}\u{4}", at: 0)[..<26] + [16, 0, 0, 0] + Array("archive/data.pkl".utf8)),
        (.torchZip, padded("PK\u{3}\u{4}") + Array("model/data.pkl".utf8)),
        (.torchLegacy, [0x80, 2] + torchMagic), (.torchLegacy, [0x80, 4, 0x95, 0x0D, 0, 0, 0, 0, 0, 0, 0] + torchMagic),
        (.torchLegacy, Array("L119547037146038801333356L\n.".utf8)),
        (.pickle, [0x80, 2, 0x7D, 0x71, 0x00, 0x2E]), (.pickle, [0x80, 5, 0x95, 1]), (.pickle, Array("(dp0\nS'a'\n".utf8)),
        (.pickle, Array("cposix\nsystem\n(S'true'\ntR.".utf8)), (.pickle, Array("ccollections\nOrderedDict\n".utf8)),
        (.tar, padded("ustar\u{0}00", at: 257)), (.tar, oldTarHeader),
        (.gguf, padded("GGUF")), (.ggml, padded("lmgg")), (.ggml, padded("tjgg")),
        (.json, Array("{}".utf8)), (.json, Array(" \n[1]".utf8)), (.json, Array("\u{FEFF}{\"a\": \"é\"}".utf8)),
        (.png, [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A, 0]), (.jpeg, [0xFF, 0xD8, 0xFF, 0xE0]), (.gif, padded("GIF89a")),
        (.webp, padded("RIFF\u{1}\u{2}\u{3}\u{4}WEBP")),
        (.gitLFSPointer, Array("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n".utf8)),
        (.html, Array("<!doctype HTML><p>".utf8)), (.html, Array("\r\n <HTML lang=en>".utf8)),
        (.xml, Array("<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code></Error>".utf8)),
        (.gzip, [0x1F, 0x8B, 8]), (.sevenZip, [0x37, 0x7A, 0xBC, 0xAF, 0x27, 0x1C, 0, 4]), (.xz, [0xFD, 0x37, 0x7A, 0x58, 0x5A, 0]),
        (.zstandard, [0x28, 0xB5, 0x2F, 0xFD]), (.zstandard, [0x5A, 0x2A, 0x4D, 0x18, 0, 0, 0, 0, 0x28]), (.lz4, [0x04, 0x22, 0x4D, 0x18]),
        (.bzip2, padded("BZh9")), (.rar, padded("Rar!\u{1A}\u{7}\u{1}")),
        (.numpy, [0x93] + padded("NUMPY\u{1}")), (.hdf5, [0x89] + padded("HDF\r\n\u{1A}\n")), (.elf, [0x7F] + padded("ELF")),
        (.onnx, [0x08, 0x08, 0x12, 0x07] + padded("pytorch")), (.tensorFlowLite, [0x1C, 0, 0, 0] + padded("TFL3")),
        (.sqlite, padded("SQLite format 3\u{0}")),
        (.text, Array("Invalid username or password.".utf8)), (.text, Array("Zugriff verweigert, späterer Versuch nötig\r\n".utf8)),
        (.text, Array(String(repeating: "ü", count: 1_000).utf8)),
        (.unknown, [UInt8](repeating: 0, count: 1_000)), (.unknown, [0xFF, 0xFE, 0x41, 0]), (.unknown, [1]),
        // Starts like a pickle, but is the length of a broken safetensors header.
        (.unknown, [0x80, 2, 0, 0, 0, 0, 0, 0] + Array("x}".utf8)), (.unknown, [0x7B, 0, 0, 0, 0, 0, 0, 0] + Array("x}".utf8)),
    ]

    /// A header as tar wrote it before POSIX: no magic word, but a sum.
    private static var oldTarHeader: [UInt8] {
        var header = [UInt8](repeating: 0, count: 1_024)
        header.replaceSubrange(0..<7, with: "tensors".utf8)
        header.replaceSubrange(100..<107, with: "0000644".utf8)
        header.replaceSubrange(124..<135, with: "00000000010".utf8)
        let sum = header[..<512].reduce(8 * 0x20) { $0 + Int($1) }
        let digits = String(sum, radix: 8)
        header.replaceSubrange(148..<154, with: (String(repeating: "0", count: 6 - digits.count) + digits).utf8)
        header[155] = 0x20
        return header
    }

    @Test func tellsByContent() throws {
        let folder = try TemporaryFolder()
        for (format, bytes) in Self.cases {
            let file = try ReadableFile(folder.file("x.safetensors", bytes))
            #expect(try FileFormat(of: file) == format, "\(bytes.prefix(24))")
        }
        #expect(Set(Self.cases.map(\.0)) == Set(FileFormat.allCases))
    }

    @Test func saysWhatItIsAndWhatToDo() throws {
        let folder = try TemporaryFolder()
        let readable: Set<FileFormat> = [.safetensors, .gguf, .torchZip, .zip, .torchLegacy, .pickle, .tar, .json]
        for (format, bytes) in Self.cases where !readable.contains(format) {
            let path = try folder.file("model.safetensors", bytes)
            let failure = try #require(error { _ = try openWeights(path) })
            #expect(failure.what == (format == .empty ? "the file is empty" : "this is \(format.name)"))
            #expect(failure.location.path == path && failure.code == .unsupported)
        }
        let pointer = try folder.file("x", Array("version https://git-lfs.github.com/spec/v1\n".utf8))
        #expect(
            error { _ = try openWeights(pointer) }?.description
                == "\(pointer): this is a git-lfs pointer, not the file that it stands for (expected a safetensors or GGUF file, a PyTorch "
                + "checkpoint or the index of a sharded set); run `git lfs pull` in its folder, or download the file itself")
    }

    @Test func everyPrefixOfEveryFixtureIsTold() throws {
        for name in SafetensorsGoldenTests.names {
            let bytes = try Fixtures.bytes("safetensors/valid/" + name)
            for count in 0..<min(bytes.count, 200) { _ = FileFormat(prefix: Array(bytes[..<count])) }
            #expect(FileFormat(prefix: Array(bytes.prefix(1_024))) == .safetensors)
        }
    }

    @Test func foldersAndDevicesAreNotOpened() throws {
        let folder = try TemporaryFolder()
        #expect(error { _ = try openWeights(folder.path) }?.what == "this is a folder, not a file")
        #expect(error { _ = try openWeights("/dev/null") }?.code == .cannotRead)
        #expect(error { _ = try openWeights(folder["none"]) }?.what == "there is no such file or folder")
    }
}
