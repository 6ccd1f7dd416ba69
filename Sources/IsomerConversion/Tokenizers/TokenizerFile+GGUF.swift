public import IsomerBytes
internal import IsomerFormats
public import IsomerTokenizers

extension TokenizerFile {
    /// Loads what `path` leads to: anything that `init(_:)` knows, or the `tokenizer.*` keys of a GGUF file.
    public static func open(_ path: FilePath, limits: Limits = Limits()) throws(IsomerError) -> TokenizerFile {
        guard try FileSystem.kind(of: path) == .file, try FileFormat(of: ReadableFile(path)) == .gguf else {
            return try TokenizerFile(path, limits: limits)
        }
        let reader = try GGUFReader(path, limits: limits)
        let tokenizer = try Tokenizer(
            keys: { key throws(IsomerError) in
                guard let value = reader[key] else { return nil }
                guard let known = TokenizerKeyValue(value) else {
                    throw IsomerError(.malformed, "the key's value is of a type that no tokenizer has", item: key, found: "\(value.type)")
                }
                return known
            }, path: path, limits: limits)
        return TokenizerFile(tokenizer: tokenizer, origin: "keys of a GGUF file", window: nil, padding: nil)
    }

    /// Whether `path` is a GGUF file that holds a tokenizer and no tensors.
    public static func isVocabulary(_ path: FilePath, limits: Limits = Limits()) throws(IsomerError) -> Bool {
        guard try FileSystem.kind(of: path) == .file, try FileFormat(of: ReadableFile(path)) == .gguf else { return false }
        let reader = try GGUFReader(path, limits: limits)
        return reader.tensors.isEmpty && reader.keyValues.contains { $0.key.hasPrefix("tokenizer.") }
    }

    /// A GGUF file with the tokenizer's keys and no tensors, and what of it only those readers see that look at the whole
    /// `tokenizer.json` in it.
    ///
    /// Throws `unsupported` for a kind of tokenizer that llama.cpp does not know.
    public func vocabularyGGUF() throws(IsomerError) -> (bytes: [UInt8], notCarried: [String]) {
        let (keys, notCarried) = try tokenizer.keys()
        var entries: [GGUFKeyValue] = []
        // llama.cpp wants to be told of an architecture first, also by files without tensors: the one that such tokenizers came with.
        if case .string(let kind)? = keys.first(where: { $0.key == "tokenizer.ggml.model" })?.value {
            entries.append(GGUFKeyValue("general.architecture", .string(kind)))
        }
        for (key, value) in keys { entries.append(GGUFKeyValue(key, GGUFValue(value, isBytes: key.hasSuffix("precompiled_charsmap")))) }
        return (try GGUFLayout([], keyValues: entries).header, notCarried)
    }
}

extension TokenizerKeyValue {
    /// `nil` for a type that tokenizers do not use.
    fileprivate init?(_ value: GGUFValue) {
        switch value {
        case .bool(let flag): self = .bool(flag)
        case .string(let text): self = .string(text)
        case .u8(let number): self = .integer(Int(number))
        case .i8(let number): self = .integer(Int(number))
        case .u16(let number): self = .integer(Int(number))
        case .i16(let number): self = .integer(Int(number))
        case .u32(let number): self = .integer(Int(number))
        case .i32(let number): self = .integer(Int(number))
        case .i64(let number): self = .integer(Int(number))
        case .u64(let number):
            guard let number = Int(exactly: number) else { return nil }
            self = .integer(number)
        case .f32, .f64: return nil
        case .array(.string, let count, let bytes):
            guard let texts = Self.texts(bytes, count: count) else { return nil }
            self = .strings(texts)
        case .array(.f32, let count, let bytes):
            guard bytes.count == count * 4 else { return nil }
            self = .floats(
                stride(from: 0, to: bytes.count, by: 4).map { start in
                    Float(bitPattern: bytes[start..<start + 4].reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) })
                })
        case .array:
            guard let numbers = value.integers else { return nil }
            self = .integers(numbers.map { Int($0) })
        }
    }

    /// Each text's length in eight bytes, then its bytes, which must be UTF-8.
    private static func texts(_ bytes: [UInt8], count: Int) -> [String]? {
        var texts: [String] = []
        var rest = bytes[...]
        while !rest.isEmpty {
            guard rest.count >= 8 else { return nil }
            let length = rest.prefix(8).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
            rest = rest.dropFirst(8)
            guard length <= UInt64(rest.count), let text = String(validating: rest.prefix(Int(length)), as: UTF8.self) else { return nil }
            texts.append(text)
            rest = rest.dropFirst(Int(length))
        }
        return texts.count == count ? texts : nil
    }
}

extension GGUFValue {
    /// As llama.cpp's own converters write it. `isBytes`: numbers are bytes.
    fileprivate init(_ value: TokenizerKeyValue, isBytes: Bool) {
        func little<Number: FixedWidthInteger>(_ number: Number) -> [UInt8] { withUnsafeBytes(of: number.littleEndian) { Array($0) } }
        switch value {
        case .bool(let flag): self = .bool(flag)
        case .integer(let number): self = UInt32(exactly: number).map(GGUFValue.u32) ?? .i64(Int64(number))
        case .string(let text): self = .string(text)
        case .strings(let texts):
            var bytes: [UInt8] = []
            for text in texts { bytes += little(UInt64(text.utf8.count)) + Array(text.utf8) }
            self = .array(.string, count: texts.count, bytes: bytes)
        case .integers(let numbers) where isBytes:
            self = .array(.u8, count: numbers.count, bytes: numbers.map { UInt8(truncatingIfNeeded: $0) })
        case .integers(let numbers): self = .integers(numbers.map { Int32(clamping: $0) })
        case .floats(let numbers): self = .array(.f32, count: numbers.count, bytes: numbers.flatMap { little($0.bitPattern) })
        }
    }
}
