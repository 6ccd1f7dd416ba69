public import IsomerBytes

/// A list of files with their SHA-256, as `sha256sum` writes and checks it: one line for each file, or a file's own list beside it.
///
///     # size 4265146304 modified 1661187600123456789
///     6ce0161689b3853acaa03779ec93eafe75a02f4ced659bee03f50797806fa2fa  model.safetensors
///
/// The line that begins with `#` is this program's, and `sha256sum` skips it: it lets a changed file be noticed without reading it. A name with
/// a backslash or a line end is written with `\\` or `\n` and a backslash before the sum (GNU coreutils 9, `md5sum.c`).
public struct ChecksumFile: Sendable {
    /// One file of the list.
    public struct Entry: Hashable, Sendable {
        /// Relative to the list's folder.
        public var name: String
        /// 64 hexadecimal digits, lower case.
        public var sha256: String
        /// Bytes, and when the file was last modified in nanoseconds since 1970, where the list says so.
        public var state: State?

        public init(name: String, sha256: String, state: State?) {
            self.name = name
            self.sha256 = sha256
            self.state = state
        }
    }

    /// What tells without reading that a file is not what it was.
    public struct State: Hashable, Sendable {
        public var byteCount: UInt64
        public var modified: Int64
    }

    public var entries: [Entry]

    public init(_ entries: [Entry]) { self.entries = entries }

    /// What the list of one file is called.
    public static func path(for file: FilePath) -> FilePath {
        var path = file
        path.removeLastComponent()
        guard let name = file.lastComponent, let own = FilePath.Component(name.string + ".sha256") else { return file }
        return path.appending(own)
    }

    /// Reads a list. Names that lead out of its folder are refused.
    public init(_ path: FilePath, limits: Limits = Limits()) throws(IsomerError) {
        let bytes = try ReadableFile(path).contents(limit: min(limits.jsonBytes, 64 << 20))
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw IsomerError(.malformed, "the list of checksums is no UTF-8 text", path: path)
        }
        entries = []
        var state: State?
        var offset = 0
        for line in text.utf8.split(separator: 0x0A, omittingEmptySubsequences: false) {
            defer { offset += line.count + 1 }
            let line = Substring(line.last == 0x0D ? line.dropLast() : line)
            if line.isEmpty { continue }
            if line.hasPrefix("#") {
                state = State(line) ?? state
                continue
            }
            guard var entry = Self.entry(line) else {
                throw IsomerError(
                    .malformed, "this is no list of checksums", path: path, byteOffset: UInt64(offset),
                    expected: "64 hexadecimal digits, two spaces and a name", remedy: "write one with `isomer hash --write` or `sha256sum`")
            }
            do throws(IsomerError) { _ = try Self.target(of: entry.name, beside: path) } catch { throw error.inFile(path) }
            entry.state = state
            state = nil
            entries.append(entry)
        }
    }

    /// Where a name of the list at `path` lies: below its folder, or nowhere. Any character may be in it, as in file systems.
    public static func target(of name: String, beside path: FilePath) throws(IsomerError) -> FilePath {
        var target = path.removingLastComponent()
        for part in name.split(separator: "/", omittingEmptySubsequences: false) {
            guard !part.utf8.contains(0), let component = FilePath.Component(String(part)), component.kind == .regular else {
                throw IsomerError(
                    .unsafe, "a name in the list leads out of its folder", expected: "a file below the list's folder", found: "\"\(name)\"",
                    remedy: "check the files by hand if you trust the list")
            }
            target.append(component)
        }
        return target
    }

    private static func entry(_ line: Substring) -> Entry? {
        let isEscaped = line.hasPrefix("\\")
        let line = isEscaped ? line.dropFirst() : line
        let sum = line.utf8.prefix(64)
        let rest = line.utf8.dropFirst(64)
        // `*` marks what other systems read in binary mode.
        guard sum.count == 64, sum.allSatisfy({ 0x30...0x39 ~= $0 || 0x61...0x66 ~= $0 || 0x41...0x46 ~= $0 }), rest.count > 2,
            rest.first == 0x20, [0x20, 0x2A].contains(rest.dropFirst().first)
        else { return nil }
        let written = Substring(rest.dropFirst(2))
        guard let name = isEscaped ? unescaped(written) : String(written) else { return nil }
        return Entry(name: name, sha256: Substring(sum).lowercased(), state: nil)
    }

    private static func unescaped(_ text: Substring) -> String? {
        var result = ""
        var isAfterBackslash = false
        for scalar in text.unicodeScalars {
            switch (isAfterBackslash, scalar) {
            case (false, "\\"): isAfterBackslash = true
            case (false, _): result.unicodeScalars.append(scalar)
            case (true, "\\"), (true, "n"), (true, "r"):
                result.unicodeScalars.append(scalar == "n" ? "\n" : scalar == "r" ? "\r" : "\\")
                isAfterBackslash = false
            default: return nil
            }
        }
        return isAfterBackslash ? nil : result
    }

    /// The list's text.
    public var text: String {
        var text = ""
        for entry in entries {
            if let state = entry.state { text += "# size \(state.byteCount) modified \(state.modified)\n" }
            let needsEscape = entry.name.unicodeScalars.contains { $0 == "\\" || $0 == "\n" || $0 == "\r" }
            let name = needsEscape ? Self.escaped(entry.name) : entry.name
            text += (needsEscape ? "\\" : "") + entry.sha256 + "  " + name + "\n"
        }
        return text
    }

    private static func escaped(_ name: String) -> String {
        var result = ""
        for scalar in name.unicodeScalars {
            switch scalar {
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\r": result += "\\r"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    /// Writes the list, whole or not at all.
    public func write(to path: FilePath, overwrite: Bool) throws(IsomerError) {
        let bytes = Array(text.utf8)
        let output = try AtomicFile(path: path, byteCount: UInt64(bytes.count), overwrite: overwrite)
        try output.file.write(bytes, at: 0)
        try output.commit()
    }
}

extension ChecksumFile.State {
    public init(of file: ReadableFile) { self.init(byteCount: file.size, modified: file.identity.modified) }

    init?(_ line: Substring) {
        let words = line.split(separator: " ")
        guard words.count == 5, words[1] == "size", words[3] == "modified", let size = UInt64(words[2]), let time = Int64(words[4]) else {
            return nil
        }
        self.init(byteCount: size, modified: time)
    }
}

extension ChecksumFile {
    /// A sentence if `file` does not look as it did when its checksum was written; nothing of it is read.
    public static func note(on file: ReadableFile, limits: Limits = Limits()) -> String? {
        let path = path(for: file.path)
        guard (try? FileSystem.kind(of: path)) == .file, let list = try? ChecksumFile(path, limits: limits),
            let entry = list.entries.first(where: { $0.name == file.path.lastComponent?.string }), let state = entry.state,
            state != State(of: file)
        else { return nil }
        if state.byteCount != file.size {
            return "the content changed since its checksum was written: it had \(state.byteCount) bytes and has \(file.size)"
        }
        return "the file was written to since its checksum was; `isomer hash --check` tells whether its content changed"
    }
}
