internal import ArgumentParser
internal import IsomerBytes
internal import IsomerFormats

/// A path on the command line, whose bytes need not be text.
struct PathArgument: Hashable, Sendable, ExpressibleByArgument {
    let path: FilePath

    init?(argument: String) {
        guard !argument.isEmpty else { return nil }
        path = FilePath(argument)
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

/// `NAME=VALUE` of `--limit`: a count, or a size such as 2GB.
struct LimitArgument: Hashable, Sendable, ExpressibleByArgument {
    let name: String
    let value: UInt64

    init?(argument: String) {
        guard let equals = argument.firstIndex(of: "=") else { return nil }
        let name = String(argument[..<equals])
        let text = String(argument[argument.index(after: equals)...])
        guard Limits.all.contains(where: { $0.name == name }), let value = UInt64(text) ?? (try? ShardPlan.byteCount(parsing: text)) else {
            return nil
        }
        self.name = name
        self.value = value
    }

    /// A number as the option takes it: in binary multiples where it is one.
    static func text(_ value: UInt64) -> String {
        for (unit, bits) in [("GiB", 30), ("MiB", 20), ("KiB", 10)] where value >= 1 << bits && value % (1 << bits) == 0 {
            return "\(value >> bits)\(unit)"
        }
        return "\(value)"
    }
}
