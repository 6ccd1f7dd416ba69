internal import ArgumentParser
internal import IsomerBytes
internal import IsomerFormats

/// A path on the command line, whose bytes need not be text.
struct PathArgument: Hashable, Sendable, ExpressibleByArgument {
    let path: FilePath
    /// Whether it ends in a slash, as only a folder's does.
    let namesFolder: Bool

    init?(argument: String) {
        guard !argument.isEmpty else { return nil }
        path = FilePath(argument)
        namesFolder = argument.hasSuffix("/")
    }

    static var defaultCompletionKind: CompletionKind { .file() }
}

/// A size on the command line, as `--max-shard-size` takes it: `5GB`.
struct ByteSize: Hashable, Sendable, ExpressibleByArgument {
    let bytes: UInt64

    init?(argument: String) {
        guard let bytes = try? ShardPlan.byteCount(parsing: argument) else { return nil }
        self.bytes = bytes
    }
}

/// `KEY=VALUE` on the command line.
struct MetadataArgument: Hashable, Sendable, ExpressibleByArgument {
    let key: String
    let value: String

    init?(argument: String) {
        guard let equals = argument.firstIndex(of: "="), equals != argument.startIndex else { return nil }
        key = String(argument[..<equals])
        value = String(argument[argument.index(after: equals)...])
    }
}
