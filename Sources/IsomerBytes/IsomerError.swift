public import SystemPackage

/// What went wrong, where, and what to do about it.
///
/// An error reads as one sentence: what happened, in which file, tensor or record, at which byte, what was expected and what was found,
/// and how to go on. It is a plain value, so that tests compare whole errors and commands render them as text or JSON.
public struct IsomerError: Error, Hashable, Sendable {
    /// Who is at fault, which decides the exit status and what a caller may try next.
    public enum Code: String, Hashable, Sendable, CaseIterable {
        /// The operating system refused to open or read a file.
        case cannotRead
        /// The operating system refused to create, write, sync or rename a file.
        case cannotWrite
        /// The bytes break a rule of the format they claim to be in.
        case malformed
        /// The bytes are well formed, but say something this version does not do.
        case unsupported
        /// The file would run code if something else loaded it; it is refused.
        case unsafe
        /// The input needs more than a limit allows.
        case limitExceeded
        /// Two things that must agree do not: shapes, tensor sets, checksums.
        case mismatch
        /// Something the operation needs cannot be told from the input and must be said by the caller.
        case undecided
        /// The arguments are wrong before any file was looked at.
        case usage
        /// The user stopped the operation.
        case interrupted
    }

    /// Where in which file.
    public struct Location: Hashable, Sendable {
        /// The file, if there is one.
        public var path: FilePath?
        /// The tensor, record, component or key the sentence is about, unescaped.
        public var item: String?
        /// The position of the first offending byte, counted from the start of the file.
        public var byteOffset: UInt64?

        public init(path: FilePath? = nil, item: String? = nil, byteOffset: UInt64? = nil) {
            self.path = path
            self.item = item
            self.byteOffset = byteOffset
        }
    }

    /// Who is at fault.
    public var code: Code
    /// What happened, without a full stop: "the header is longer than the file".
    public var what: String
    /// Where.
    public var location: Location
    /// What should have been there, if that can be said.
    public var expected: String?
    /// What was there instead.
    public var found: String?
    /// What to do, as an imperative without a full stop: "download the file again".
    public var remedy: String?

    public init(
        _ code: Code,
        _ what: String,
        path: FilePath? = nil,
        item: String? = nil,
        byteOffset: UInt64? = nil,
        expected: String? = nil,
        found: String? = nil,
        remedy: String? = nil
    ) {
        self.code = code
        self.what = what
        self.location = Location(path: path, item: item, byteOffset: byteOffset)
        self.expected = expected
        self.found = found
        self.remedy = remedy
    }

    /// The same error, told about `path` if it names no file yet.
    public func inFile(_ path: FilePath?) -> IsomerError {
        var copy = self
        if copy.location.path == nil { copy.location.path = path }
        return copy
    }

    /// The same error, told about `item` if it names none yet.
    public func about(_ item: String) -> IsomerError {
        var copy = self
        if copy.location.item == nil { copy.location.item = item }
        return copy
    }
}

extension IsomerError: CustomStringConvertible {
    /// The error as one sentence. Names from files are escaped, so that they cannot steer a terminal.
    public var description: String {
        var sentence = ""
        if let path = location.path { sentence += escapedForDisplay(path.string) + ": " }
        if let item = location.item { sentence += escapedForDisplay(item) + ": " }
        sentence += escapedForDisplay(what)
        if let offset = location.byteOffset { sentence += " at byte \(offset)" }
        switch (expected, found) {
        case (let expected?, let found?): sentence += " (expected \(escapedForDisplay(expected)), found \(escapedForDisplay(found)))"
        case (let expected?, nil): sentence += " (expected \(escapedForDisplay(expected)))"
        case (nil, let found?): sentence += " (found \(escapedForDisplay(found)))"
        case (nil, nil): break
        }
        if let remedy { sentence += "; " + escapedForDisplay(remedy) }
        return sentence
    }
}
