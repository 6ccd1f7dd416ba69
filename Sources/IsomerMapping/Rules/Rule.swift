/// One line of a layout's table: canonical names, the name in the other layout, and how the elements lie there.
struct Rule: Hashable, Sendable {
    /// One pattern, or, for `concatenate`, one for each part in order.
    var canonical: [PathPattern]
    var other: PathPattern
    var transform: Transform
    /// Why some files have this other name; `nil` if it is the layout's own. It is read, and never written.
    var readBecause: String?
}

/// A list of rules being written, with the paths they stand under on both sides.
public struct RuleList: Sendable {
    var rules: [Rule] = []

    /// An empty list.
    public init() {}

    /// `canonical` is called `other`. Everything below both, if the patterns end in `{*}`.
    public mutating func add(_ canonical: String, _ other: String, _ transform: Transform = .identity) {
        rules.append(Rule(canonical: [PathPattern(canonical)], other: PathPattern(other), transform: transform))
    }

    /// Some files have `canonical` under the name `other`, for this reason; it is read there where the layout's own name is missing.
    public mutating func alsoRead(_ canonical: String, _ other: String, _ transform: Transform = .identity, because reason: String) {
        rules.append(
            Rule(canonical: [PathPattern(canonical)], other: PathPattern(other), transform: transform, readBecause: reason))
    }

    /// The module `canonical` (all parameters below it) is called `other`.
    public mutating func module(_ canonical: String, _ other: String) {
        add(canonical + ".{*}", other + ".{*}")
    }

    /// The tensors `canonical`, in this order, are one tensor `other`.
    public mutating func join(_ canonical: [String], _ other: String) {
        rules.append(Rule(canonical: canonical.map(PathPattern.init), other: PathPattern(other), transform: .concatenate))
    }

    /// All rules of `inner`, under `canonical` on one side and `other` on the other.
    public mutating func nest(_ canonical: String, _ other: String, _ inner: RuleList) {
        let left = PathPattern(canonical)
        let right = PathPattern(other)
        for rule in inner.rules {
            rules.append(
                Rule(
                    canonical: rule.canonical.map(left.appending), other: right.appending(rule.other), transform: rule.transform,
                    readBecause: rule.readBecause))
        }
    }
}
