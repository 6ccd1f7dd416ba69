import ArgumentParser
import IsomerBytes
import IsomerFormats

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

    /// Whether `--limit list` is among these arguments, which then need not be whole.
    static func asksForList(_ arguments: [String]) -> Bool {
        let options = arguments.prefix { $0 != "--" }
        return options.contains("--limit=list") || zip(options, options.dropFirst()).contains { $0 == ("--limit", "list") }
    }

    /// Every limit with its default and what it bounds, a line each.
    static var listing: String {
        let width = (Limits.all.map { $0.name.count + defaultText(of: $0).count }.max() ?? 0) + 3
        return Limits.all.map { limit in
            let start = "\(limit.name)=\(defaultText(of: limit))"
            return start + String(repeating: " ", count: width - start.count) + limit.meaning
        }.joined(separator: "\n")
    }

    /// The default of `limit` as the option takes it: bytes in binary multiples where it is one.
    private static func defaultText(of limit: Limits.Named) -> String {
        let value = limit.value(in: Limits())
        guard limit.countsBytes else { return "\(value)" }
        for (unit, bits) in [("GiB", 30), ("MiB", 20), ("KiB", 10)] where value >= 1 << bits && value % (1 << bits) == 0 {
            return "\(value >> bits)\(unit)"
        }
        return "\(value)"
    }
}
