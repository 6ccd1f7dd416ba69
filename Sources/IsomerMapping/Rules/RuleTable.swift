public import IsomerBytes

/// The rules of one layout, ready to be looked up from either side.
public struct RuleTable: Sendable {
    private let rules: [Rule]
    private var byCanonical = PatternTrie<Int>()
    private var byOther = PatternTrie<Int>()
    private var alternatives = PatternTrie<Int>()
    private let hasAlternatives: Bool

    /// Indexes the rules of `list`.
    public init(_ list: RuleList) {
        rules = list.rules
        hasAlternatives = rules.contains { $0.readBecause != nil }
        for (number, rule) in rules.enumerated() {
            for pattern in rule.canonical {
                if rule.readBecause == nil { byCanonical.insert(pattern, number) } else { alternatives.insert(pattern, number) }
            }
            byOther.insert(rule.other, number)
        }
    }

    /// A tensor of the other layout and the canonical tensors it is made of.
    public struct Link: Hashable, Sendable {
        /// The canonical names: one, or the parts of a `concatenate` in order.
        public var canonical: [String]
        /// The name in the other layout.
        public var other: String
        /// How the elements lie there.
        public var transform: Transform
        /// Whether only some files have this name, instead of the layout's own.
        public var isAlternative = false
    }

    /// The link whose canonical side holds `name`; `nil` if no rule speaks of it. Two rules that do are a fault of the table and throw.
    public func link(canonical name: String) throws(IsomerError) -> Link? {
        try unique(byCanonical.matches(name), name)
    }

    /// The link whose other side is `name`; `nil` if no rule speaks of it.
    public func link(other name: String) throws(IsomerError) -> Link? {
        try unique(byOther.matches(name), name)
    }

    /// Links to names that only some files have `name` under, each with the reason.
    func alternatives(canonical name: String) -> [(link: Link, reason: String)] {
        guard hasAlternatives else { return [] }
        return alternatives.matches(name).compactMap { number, bindings in
            guard let reason = rules[number].readBecause, let other = rules[number].other.filled(with: bindings) else { return nil }
            return (Link(canonical: [name], other: other, transform: rules[number].transform, isAlternative: true), reason)
        }
    }

    private func unique(_ matches: [(payload: Int, bindings: Bindings)], _ name: String) throws(IsomerError) -> Link? {
        guard let (number, bindings) = matches.first else { return nil }
        guard matches.count == 1 else {
            throw IsomerError(.mismatch, "two rules of a layout claim one tensor", item: name)
        }
        let rule = rules[number]
        let canonical = rule.canonical.compactMap { $0.filled(with: bindings) }
        guard canonical.count == rule.canonical.count, let other = rule.other.filled(with: bindings) else { return nil }
        return Link(canonical: canonical, other: other, transform: rule.transform, isAlternative: rule.readBecause != nil)
    }
}
