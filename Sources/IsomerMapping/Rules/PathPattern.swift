/// A dotted name with holes: `down_blocks.{i}.resnets.{j+1}.norm1.{*}`.
///
/// A component is literal text, an integer hole `{name}`, `{name+2}`, `{3-name}` or `{2*name+1}`, or, at the end only, `{*}`: one or more
/// components taken over as they are. An integer hole matches a number written without sign or leading zeros whose equation has a whole,
/// not negative solution; so matching binds each name to one integer, and filling in gives back the very text that was matched.
struct PathPattern: Hashable, Sendable {
    /// `factor · variable + offset`.
    struct Index: Hashable, Sendable {
        var variable: String
        var factor: Int
        var offset: Int
    }

    enum Component: Hashable, Sendable {
        case literal(String)
        case index(Index)
        case rest
    }

    private(set) var components: [Component]

    private init(_ components: [Component]) {
        self.components = components
    }

    /// Parses the notation above. Tables are program text, checked by tests over every layout; a component that is not understood stays a
    /// literal, which no tensor name matches.
    init(_ text: String) {
        let parts = text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        components = text.isEmpty ? [] : parts.map { PathPattern.component(Substring($0)) }
    }

    private static func component(_ text: Substring) -> Component {
        guard text.utf8.first == UInt8(ascii: "{"), text.utf8.last == UInt8(ascii: "}") else { return .literal(String(text)) }
        let inner = text.dropFirst().dropLast()
        if inner == "*" { return .rest }
        return index(inner).map(Component.index) ?? .literal(String(text))
    }

    /// Reads `[number*]name[(+|-)number]` or `number-name`.
    private static func index(_ text: Substring) -> Index? {
        if let minus = text.firstIndex(of: "-"), let total = Int(text[..<minus]) {
            let name = text[text.index(after: minus)...]
            return isName(name) ? Index(variable: String(name), factor: -1, offset: total) : nil
        }
        var rest = text
        var factor = 1
        if let star = rest.firstIndex(of: "*") {
            guard let number = Int(rest[..<star]) else { return nil }
            factor = number
            rest = rest[rest.index(after: star)...]
        }
        var offset = 0
        if let sign = rest.firstIndex(where: { $0 == "+" || $0 == "-" }) {
            guard let number = Int(rest[sign...]) else { return nil }
            offset = number
            rest = rest[..<sign]
        }
        return isName(rest) && factor != 0 ? Index(variable: String(rest), factor: factor, offset: offset) : nil
    }

    private static func isName(_ text: Substring) -> Bool {
        !text.isEmpty && text.allSatisfy { $0.isLetter }
    }

    /// This pattern followed by `suffix`.
    func appending(_ suffix: PathPattern) -> PathPattern {
        PathPattern(components + suffix.components)
    }
}

extension PathPattern.Index {
    /// The variable's value when the hole holds `number`, if there is one.
    func solve(_ number: Int) -> Int? {
        let (difference, overflow) = number.subtractingReportingOverflow(offset)
        guard !overflow, difference % factor == 0, difference / factor >= 0 else { return nil }
        return difference / factor
    }

    /// What the hole holds when the variable has `value`, if that is an index at all.
    func value(_ value: Int) -> Int? {
        let (product, overflow) = value.multipliedReportingOverflow(by: factor)
        let (sum, overflow2) = product.addingReportingOverflow(offset)
        return overflow || overflow2 || sum < 0 ? nil : sum
    }
}

/// What the holes of a pattern held. A pattern has very few, so a list serves better than a table.
struct Bindings: Hashable, Sendable {
    struct Integer: Hashable, Sendable {
        var variable: String
        var value: Int
    }

    var integers: [Integer] = []
    var rest = ""

    subscript(variable: String) -> Int? { integers.first { $0.variable == variable }?.value }
}

extension PathPattern {
    /// The name made by filling the holes, or `nil` if an index would be negative or a variable is unbound.
    func filled(with bindings: Bindings) -> String? {
        // Bytes are put together faster than texts, and every tensor of a file comes through here.
        var name: [UInt8] = []
        name.reserveCapacity(96)
        for (position, component) in components.enumerated() {
            if position > 0 { name.append(UInt8(ascii: ".")) }
            switch component {
            case .literal(let text): name += text.utf8
            case .rest: name += bindings.rest.utf8
            case .index(let index):
                guard let bound = bindings[index.variable], let value = index.value(bound) else { return nil }
                if value < 10 { name.append(UInt8(ascii: "0") + UInt8(value)) } else { name += String(value).utf8 }
            }
        }
        return String(decoding: name, as: UTF8.self)
    }
}
