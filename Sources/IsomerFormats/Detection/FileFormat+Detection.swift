public import IsomerBytes

extension FileFormat {
    /// Bytes from the start that are enough to tell.
    static let prefixByteCount = 1024

    /// Tells what `file` is. Reads a kilobyte from its start; of a zip archive also its end.
    public init(of file: ReadableFile) throws(IsomerError) {
        let prefix = try file.bytes(at: 0, count: Int(min(file.size, UInt64(FileFormat.prefixByteCount))))
        self.init(prefix: prefix)
        if self == .zip, try FileFormat.isTorchArchive(file, prefix) { self = .torchZip }
    }

    /// Tells what a file is that starts with `prefix`, of which a kilobyte is enough. A torch archive counts as any zip archive here.
    public init(prefix: [UInt8]) {
        // Safetensors first: the length it starts with may look like the magic number of something else.
        if prefix.isEmpty {
            self = .empty
        } else if FileFormat.isSafetensors(prefix) {
            self = .safetensors
        } else if let format = FileFormat.signatures.first(where: { prefix.dropFirst($0.offset).starts(with: $0.bytes) })?.format {
            self = format
        } else if let format = FileFormat.containers(prefix) ?? FileFormat.pickles(prefix) ?? FileFormat.texts(prefix) {
            self = format
        } else {
            self = .unknown
        }
    }

    private static let signatures: [(offset: Int, bytes: [UInt8], format: FileFormat)] = [
        (0, Array("PK\u{3}\u{4}".utf8), .zip),
        (0, Array("PK\u{5}\u{6}".utf8), .zip),
        (0, Array("GGUF".utf8), .gguf),
        // The old magic numbers, as they lie in a file: ggml, ggmf, ggjt.
        (0, Array("lmgg".utf8), .ggml), (0, Array("fmgg".utf8), .ggml), (0, Array("tjgg".utf8), .ggml),
        (0, [0x89] + Array("PNG\r\n\u{1A}\n".utf8), .png),
        (0, [0xFF, 0xD8, 0xFF], .jpeg),
        (0, Array("GIF87a".utf8), .gif), (0, Array("GIF89a".utf8), .gif),
        (0, [0x1F, 0x8B], .gzip),
        (0, [0x37, 0x7A, 0xBC, 0xAF, 0x27, 0x1C], .sevenZip),
        (0, [0xFD] + Array("7zXZ\u{0}".utf8), .xz),
        (0, [0x28, 0xB5, 0x2F, 0xFD], .zstandard),
        (0, [0x04, 0x22, 0x4D, 0x18], .lz4),
        (0, Array("BZh".utf8), .bzip2),
        (0, Array("Rar!\u{1A}\u{7}".utf8), .rar),
        (0, [0x93] + Array("NUMPY".utf8), .numpy),
        (0, [0x89] + Array("HDF\r\n\u{1A}\n".utf8), .hdf5),
        (0, [0x7F] + Array("ELF".utf8), .elf),
        (4, Array("TFL3".utf8), .tensorFlowLite),
        (0, Array("SQLite format 3\u{0}".utf8), .sqlite),
        (0, Array("version https://git-lfs.github.com/spec/".utf8), .gitLFSPointer),
        (0, Array("version https://hawser.github.com/spec/".utf8), .gitLFSPointer),
    ]

    /// A length that a header may have, then a brace, perhaps after white space.
    private static func isSafetensors(_ prefix: [UInt8]) -> Bool {
        guard prefix.count >= 10 else { return false }
        let length = prefix[..<8].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        // Whether the file is as long as that is not asked: one that is cut short is no other kind of file.
        guard length >= 2, length <= Limits().safetensorsHeaderBytes else { return false }
        let text = prefix[8...].drop { [0x20, 0x09, 0x0A, 0x0D].contains($0) }
        return text.first == UInt8(ascii: "{")
    }

    private static func containers(_ prefix: [UInt8]) -> FileFormat? {
        if prefix.starts(with: "RIFF".utf8), prefix.dropFirst(8).starts(with: "WEBP".utf8) { return .webp }
        if prefix.dropFirst(257).starts(with: "ustar".utf8) || isOldTarHeader(prefix) { return .tar }
        // A frame that is to be skipped, behind which one with data comes.
        if prefix.count > 8, prefix[0] & 0xF0 == 0x50, prefix[1...].starts(with: [0x2A, 0x4D, 0x18]) { return .zstandard }
        // LZMA alone: its usual parameters, a dictionary of a power of two, and mostly no size.
        if prefix.count >= 13, prefix[0] == 0x5D, prefix[1] == 0, prefix[2] == 0, prefix[5..<13].allSatisfy({ $0 == 0xFF }) { return .xz }
        // Protocol buffers have no magic number. ONNX files start with field 1, the version, and then field 2, the producer's name.
        if prefix.count > 4, prefix[0] == 0x08, 3...20 ~= prefix[1], prefix[2] == 0x12, prefix[3] < 64 { return .onnx }
        return nil
    }

    /// Archives from before POSIX have no magic word; their header's sum tells.
    private static func isOldTarHeader(_ prefix: [UInt8]) -> Bool {
        guard prefix.count >= 512, prefix[0] != 0 else { return false }
        let field = prefix[148..<156].filter { $0 != 0x20 && $0 != 0 }
        guard (4...7).contains(field.count), field.allSatisfy({ 0x30...0x37 ~= $0 }) else { return false }
        let declared = field.reduce(0) { $0 * 8 + Int($1 - 0x30) }
        let sum = prefix[..<148].reduce(0) { $0 + Int($1) } + 8 * 0x20 + prefix[156..<512].reduce(0) { $0 + Int($1) }
        return declared == sum
    }

    private static func pickles(_ prefix: [UInt8]) -> FileFormat? {
        // torch's magic number 0x1950a86a20f9469cfc6c as LONG1, after the protocol and perhaps a frame.
        let magic: [UInt8] = [0x8A, 0x0A, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19, 0x2E]
        // Picklers write a header from protocol 2 on; loaders take any.
        if prefix.first == 0x80, prefix.count >= 3, prefix[1] <= 5, prefix[2] != 0 {
            let isTorch = [2, 11].contains { prefix.dropFirst($0).starts(with: magic) }
            return isTorch ? .torchLegacy : .pickle
        }
        // Protocols 0 and 1 have no header. Protocol 0 writes the magic number in decimal digits.
        if prefix.starts(with: magic) || prefix.starts(with: "L119547037146038801333356L".utf8) { return .torchLegacy }
        let starts = [
            "(dp", "(lp", "(d", "(l", "}q", "]q", "ccollections\n", "ctorch", "cbuiltins\n", "c__builtin__\n", "cposix\n", "cnt\n", "cos\n",
        ]
        return starts.contains { prefix.starts(with: $0.utf8) } ? .pickle : nil
    }

    private static func texts(_ prefix: [UInt8]) -> FileFormat? {
        guard !prefix.contains(0) else { return nil }
        let isCut = prefix.count == prefixByteCount
        // The prefix may end inside a character.
        guard (0...(isCut ? 3 : 0)).contains(where: { String(validating: prefix.dropLast($0), as: UTF8.self) != nil }) else { return nil }
        let text = String(decoding: prefix, as: UTF8.self).drop { $0.isWhitespace || $0 == "\u{FEFF}" }
        let start = text.prefix(64).lowercased()
        if ["<!doctype html", "<html", "<head", "<body", "<!--", "<script", "<title"].contains(where: start.hasPrefix) { return .html }
        if start.hasPrefix("<?xml") { return .xml }
        if start.hasPrefix("{") || start.hasPrefix("[") { return .json }
        let isReadable = prefix.allSatisfy { $0 >= 0x20 || [0x09, 0x0A, 0x0C, 0x0D].contains($0) }
        return isReadable && prefix.count >= 4 ? .text : nil
    }

    /// Whether a zip archive's first member, or its directory as far as it lies in the last megabyte, names a `data.pkl`.
    private static func isTorchArchive(_ file: ReadableFile, _ prefix: [UInt8]) throws(IsomerError) -> Bool {
        let wanted = Array("/data.pkl".utf8)
        if prefix.count > 30 {
            let nameLength = Int(prefix[26]) | Int(prefix[27]) << 8
            if prefix[30...].prefix(nameLength).suffix(wanted.count).elementsEqual(wanted) { return true }
        }
        let count = Int(min(file.size, 1 << 20))
        let tail = try file.bytes(at: file.size - UInt64(count), count: count)
        var start = tail.startIndex
        while let slash = tail[start...].firstIndex(of: UInt8(ascii: "/")) {
            if tail[slash...].starts(with: wanted) { return true }
            start = slash + 1
        }
        return false
    }
}

extension FileFormat {
    /// The error for a file of this format where `expected` was wanted.
    func mistaken(for expected: FileFormat) -> IsomerError {
        IsomerError(
            .malformed, self == .empty ? "the file is empty" : "this is \(name)", byteOffset: 0, expected: expected.name,
            remedy: remedy(insteadOf: expected))
    }

    /// Other weights where only safetensors will do: an index has no header of its own, though the files that it names have.
    private func remedy(insteadOf expected: FileFormat) -> String? {
        switch self {
        case .json: "give one of the weight files themselves"
        case .torchZip, .torchLegacy, .tar, .gguf: "make \(expected.name) of it first, with `isomer convert`"
        default: remedyWhereWeightsAreWanted
        }
    }
}
