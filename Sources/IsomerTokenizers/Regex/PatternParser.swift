internal import IsomerBytes

/// A parsed pattern.
indirect enum PatternNode: Sendable {
    case empty
    case set(CharacterSet)
    case sequence([PatternNode])
    case alternatives([PatternNode])
    /// `isPossessive` implies greedy.
    case repeated(PatternNode, Int, Int?, isGreedy: Bool, isPossessive: Bool)
    case look(PatternNode, isAhead: Bool, isNegative: Bool)
    case atomic(PatternNode)
    case startOfText, endOfText, startOfLine, endOfLine, wordBoundary, notWordBoundary
}

/// Reads the part of Oniguruma's syntax that tokenizers use: classes, properties, groups, alternation, greedy, lazy and possessive
/// repetition, look-ahead, look-behind for one character, anchors, `(?i)`.
///
///     pattern     = alternative *( "|" alternative )
///     alternative = *( atom [ quantifier ] )
///     quantifier  = ( "*" | "+" | "?" | "{" n [ "," [ m ] ] "}" ) [ "?" | "+" ]
struct PatternParser {
    private let scalars: [Unicode.Scalar]
    private var position = 0
    private var depth = 0
    private var ignoresCase = false

    private static let greatestDepth = 64
    private static let greatestCount = 1_000

    static func parse(_ pattern: String) throws(IsomerError) -> PatternNode {
        var parser = PatternParser(scalars: Array(pattern.unicodeScalars))
        let node = try parser.alternatives()
        guard parser.position == parser.scalars.count else { throw parser.failure("an unmatched parenthesis") }
        return node
    }

    private init(scalars: [Unicode.Scalar]) { self.scalars = scalars }

    private var next: Unicode.Scalar? { position < scalars.count ? scalars[position] : nil }

    private func failure(_ what: String) -> IsomerError {
        var pattern = ""
        pattern.unicodeScalars.append(contentsOf: scalars.prefix(200))
        return IsomerError(.unsupported, "the pattern has \(what) at its character \(position + 1)", found: pattern)
    }

    private mutating func take(_ scalar: Unicode.Scalar) -> Bool {
        guard next == scalar else { return false }
        position += 1
        return true
    }

    private mutating func take(_ text: String) -> Bool {
        let wanted = Array(text.unicodeScalars)
        guard scalars[position...].starts(with: wanted) else { return false }
        position += wanted.count
        return true
    }

    private mutating func alternatives() throws(IsomerError) -> PatternNode {
        depth += 1
        defer { depth -= 1 }
        guard depth <= Self.greatestDepth else { throw failure("groups nested too deeply") }
        // A flag set in the middle of a group lasts to the group's end.
        let outerCase = ignoresCase
        defer { ignoresCase = outerCase }
        var branches = [try sequence()]
        while take("|") { branches.append(try sequence()) }
        return branches.count == 1 ? branches[0] : .alternatives(branches)
    }

    private mutating func sequence() throws(IsomerError) -> PatternNode {
        var nodes: [PatternNode] = []
        while let scalar = next, scalar != "|", scalar != ")" {
            nodes.append(try quantified(try atom()))
        }
        return nodes.count == 1 ? nodes[0] : nodes.isEmpty ? .empty : .sequence(nodes)
    }

    private mutating func quantified(_ atom: PatternNode) throws(IsomerError) -> PatternNode {
        var node = atom
        var nesting = 0
        while true {
            let (least, most): (Int, Int?)
            switch next {
            case "*": (least, most) = (0, nil)
            case "+": (least, most) = (1, nil)
            case "?": (least, most) = (0, 1)
            case "{":
                guard let counts = try counts() else { return node }
                (least, most) = counts
                position -= 1
            default: return node
            }
            position += 1
            nesting += 1
            guard nesting <= 8 else { throw failure("too many quantifiers in a row") }
            // After a counted repetition Oniguruma reads a plus as another quantifier, which means the same for a greedy one.
            let isLazy = take("?")
            let isPossessive = !isLazy && take("+")
            node = .repeated(node, least, most, isGreedy: !isLazy, isPossessive: isPossessive)
        }
    }

    /// `{n}`, `{n,}`, `{n,m}` or `{,m}`; `nil`, taking nothing, if the brace is an ordinary character.
    private mutating func counts() throws(IsomerError) -> (Int, Int?)? {
        let start = position
        position += 1
        let least = number()
        var most = least
        if take(",") { most = number() } else if least == nil { most = nil }
        guard take("}"), least != nil || most != nil else {
            position = start
            return nil
        }
        guard least ?? 0 <= Self.greatestCount, most ?? 0 <= Self.greatestCount, most ?? .max >= least ?? 0 else {
            throw failure("a repetition that is too long")
        }
        return (least ?? 0, most)
    }

    private mutating func number() -> Int? {
        var value: Int?
        while let digit = next, "0"..."9" ~= digit, value ?? 0 < 100_000 {
            value = (value ?? 0) * 10 + Int(digit.value - 48)
            position += 1
        }
        return value
    }

    private mutating func atom() throws(IsomerError) -> PatternNode {
        guard let scalar = next else { return .empty }
        position += 1
        switch scalar {
        case "(": return try group()
        case "[": return .set(try set())
        case ".": return .set(CharacterSet([.range(10...10)], isNegated: true))
        case "^": return .startOfLine
        case "$": return .endOfLine
        case "\\": return try escape()
        case "*", "+", "?": throw failure("a quantifier with nothing before it")
        default: return literal(scalar)
        }
    }

    private func literal(_ scalar: Unicode.Scalar) -> PatternNode {
        .set(CharacterSet([.range(scalar.value...scalar.value)], ignoresCase: ignoresCase))
    }

    private mutating func group() throws(IsomerError) -> PatternNode {
        let node: PatternNode
        if take("?:") {
            node = try alternatives()
        } else if take("?=") {
            node = .look(try alternatives(), isAhead: true, isNegative: false)
        } else if take("?!") {
            node = .look(try alternatives(), isAhead: true, isNegative: true)
        } else if take("?<=") {
            node = .look(try alternatives(), isAhead: false, isNegative: false)
        } else if take("?<!") {
            node = .look(try alternatives(), isAhead: false, isNegative: true)
        } else if take("?>") {
            node = .atomic(try alternatives())
        } else if take("?i:") {
            let outer = ignoresCase
            ignoresCase = true
            node = try alternatives()
            ignoresCase = outer
        } else if take("?-i:") {
            let outer = ignoresCase
            ignoresCase = false
            node = try alternatives()
            ignoresCase = outer
        } else if take("?i)") {
            // Lasts to the end of the enclosing group, alternatives included.
            ignoresCase = true
            return .empty
        } else if next == "?" {
            throw failure("a kind of group that is not supported")
        } else {
            node = try alternatives()
        }
        guard take(")") else { throw failure("an unmatched parenthesis") }
        if case .look(let inner, isAhead: false, _) = node {
            guard case .set = inner else { throw failure("a look-behind that is longer than one character") }
        }
        return node
    }

    private mutating func escape() throws(IsomerError) -> PatternNode {
        switch next {
        case "A": position += 1; return .startOfText
        case "z": position += 1; return .endOfText
        case "Z": position += 1; return .endOfLine
        case "b": position += 1; return .wordBoundary
        case "B": position += 1; return .notWordBoundary
        default: return .set(CharacterSet([try escapedItem().outsideBrackets], ignoresCase: ignoresCase))
        }
    }

    /// What follows a backslash, inside a class or out of it.
    private mutating func escapedItem() throws(IsomerError) -> CharacterSet.Item {
        guard let scalar = next else { throw failure("a backslash at its end") }
        position += 1
        switch scalar {
        case "s": return .property(.whiteSpace)
        case "S": return .property(.not(.whiteSpace))
        case "d": return .property(.digit)
        case "D": return .property(.not(.digit))
        case "w": return .property(.word)
        case "W": return .property(.not(.word))
        case "p", "P": return try property(isNegated: scalar == "P")
        case "n": return .range(10...10)
        case "r": return .range(13...13)
        case "t": return .range(9...9)
        case "f": return .range(12...12)
        case "v": return .range(11...11)
        case "a": return .range(7...7)
        case "e": return .range(27...27)
        case "x", "u": return try codePoint(isLong: scalar == "u")
        case "0"..."9", "A"..."Z", "a"..."z": throw failure("an escape that is not supported")
        default: return .range(scalar.value...scalar.value)
        }
    }

    private mutating func property(isNegated: Bool) throws(IsomerError) -> CharacterSet.Item {
        guard take("{"), let end = scalars[position...].firstIndex(of: "}"), end - position < 64 else {
            throw failure("a property without its braces")
        }
        var name = ""
        name.unicodeScalars.append(contentsOf: scalars[position..<end])
        let isInverted = name.hasPrefix("^")
        guard let property = CharacterSet.Property(name: isInverted ? String(name.dropFirst()) : name) else {
            throw failure("the property \"\(name)\", which is not supported,")
        }
        position = end + 1
        return .property(isNegated != isInverted ? .not(property) : property)
    }

    private mutating func codePoint(isLong: Bool) throws(IsomerError) -> CharacterSet.Item {
        let isBraced = !isLong && take("{")
        var value: UInt32 = 0
        var count = 0
        while let digit = next?.properties.numericType != nil || next.map({ "a"..."f" ~= $0 || "A"..."F" ~= $0 }) == true ? next : nil,
            let hex = Character(digit).hexDigitValue, count < (isBraced ? 8 : isLong ? 4 : 2)
        {
            value = value << 4 | UInt32(hex)
            count += 1
            position += 1
        }
        guard count > 0, value <= 0x10FFFF, !isBraced || take("}") else { throw failure("a broken code point") }
        return .range(value...value)
    }

    /// A class after its opening bracket.
    private mutating func set() throws(IsomerError) -> CharacterSet {
        depth += 1
        defer { depth -= 1 }
        guard depth <= Self.greatestDepth else { throw failure("classes nested too deeply") }
        var set = CharacterSet(isNegated: take("^"), ignoresCase: ignoresCase)
        var parts: [CharacterSet] = []
        var isFirst = true
        while let scalar = next, scalar != "]" || isFirst {
            isFirst = false
            if take("&&") {
                parts.append(CharacterSet(set.items, ignoresCase: ignoresCase))
                set.items = []
                continue
            }
            position += 1
            let item: CharacterSet.Item
            if scalar == "[" {
                set.items.append(take(":") ? try namedClass() : .set(try self.set()))
                continue
            } else if scalar == "\\" {
                item = try escapedItem()
            } else {
                item = .range(scalar.value...scalar.value)
            }
            set.items.append(try range(from: item))
        }
        guard take("]") else { throw failure("a class without its end") }
        if !parts.isEmpty {
            parts.append(CharacterSet(set.items, ignoresCase: ignoresCase))
            set.items = [.intersection(parts)]
        }
        return set
    }

    /// `item`, or the range that it begins.
    private mutating func range(from item: CharacterSet.Item) throws(IsomerError) -> CharacterSet.Item {
        guard case .range(let start) = item, start.count == 1, next == "-", position + 1 < scalars.count, scalars[position + 1] != "]"
        else {
            return item
        }
        position += 1
        guard let scalar = next else { throw failure("a class without its end") }
        position += 1
        let end = scalar == "\\" ? try escapedItem() : .range(scalar.value...scalar.value)
        guard case .range(let last) = end, last.lowerBound >= start.lowerBound else { throw failure("a range that is backwards") }
        return .range(start.lowerBound...last.lowerBound)
    }

    /// `[:name:]` after its colon.
    private mutating func namedClass() throws(IsomerError) -> CharacterSet.Item {
        let isNegated = take("^")
        let start = position
        while let scalar = next, "a"..."z" ~= scalar { position += 1 }
        var name = ""
        name.unicodeScalars.append(contentsOf: scalars[start..<position])
        guard take(":]"), let property = CharacterSet.Property(bracketName: name) else { throw failure("a class that is not supported") }
        return .property(isNegated ? .not(property) : property)
    }
}
