/// A part of a prompt with its weight, or a break between two windows.
public enum PromptPart: Hashable, Sendable {
    case text(String, weight: Double)
    /// `BREAK`: what follows begins a new window.
    case windowBreak
}

/// Attention weights as AUTOMATIC1111's web UI writes them.
///
/// `(a)` raises by 1.1, `(a:1.3)` by 1.3, `[a]` lowers by 1.1, nested brackets multiply; `\(`, `\)`, `\[`, `\]` and `\\` are the
/// characters themselves; brackets that are never closed count to the end; `BREAK` as a word of its own breaks the window.
/// Reference: AUTOMATIC1111/stable-diffusion-webui `modules/prompt_parser.py` `parse_prompt_attention`, 1.10.
public enum PromptWeights {
    private static let step = 1.1

    /// The parts of a prompt; neighbours of equal weight are joined. An empty prompt is one empty part.
    public static func parse(_ prompt: String) -> [PromptPart] {
        var scanner = Scanner(Array(prompt.unicodeScalars))
        var parts: [(text: String, weight: Double?)] = []
        // Where the brackets that are open now began, as places in `parts`.
        var round: [Int] = []
        var square: [Int] = []
        // In the order in which brackets close.
        var factors: [BracketFactor] = []
        func multiply(from start: Int, by factor: Double) {
            if start < parts.count { factors.append(BracketFactor(start: start, end: parts.count, value: factor)) }
        }
        while let token = scanner.next() {
            switch token {
            case .escaped(let text): parts.append((text, 1))
            case .open("("): round.append(parts.count)
            case .open: square.append(parts.count)
            case .weightedClose(let weight, let text):
                if let start = round.popLast() { multiply(from: start, by: weight) } else { append(text, to: &parts) }
            case .close(let bracket):
                if bracket == ")", let start = round.popLast() {
                    multiply(from: start, by: step)
                } else if bracket == "]", let start = square.popLast() {
                    multiply(from: start, by: 1 / step)
                } else {
                    append(String(bracket), to: &parts)
                }
            case .text(let text): append(text, to: &parts)
            }
        }
        for start in round { multiply(from: start, by: step) }
        for start in square { multiply(from: start, by: 1 / step) }
        apply(factors, to: &parts)
        return joined(parts)
    }

    /// Multiplies weights by all brackets around them, in time O(n log n) however deep they nest.
    private static func apply(_ factors: [BracketFactor], to parts: inout [(text: String, weight: Double?)]) {
        guard !factors.isEmpty else { return }
        var product = BracketProduct(factors)
        let byStart = factors.indices.sorted { factors[$0].start < factors[$1].start }
        var opened = byStart[...]
        // Brackets close in order, so their ends are in order too.
        var closed = factors.indices
        var weight = 1.0
        for index in parts.indices {
            var hasChanged = false
            while let next = opened.first, factors[next].start <= index {
                product.insert(opened.removeFirst())
                hasChanged = true
            }
            while let next = closed.first, factors[next].end <= index {
                product.remove(closed.removeFirst())
                hasChanged = true
            }
            if hasChanged { weight = product.value }
            parts[index].weight = parts[index].weight.map { $0 * weight }
        }
    }

    /// Adds text, cut at `BREAK`.
    private static func append(_ text: String, to parts: inout [(text: String, weight: Double?)]) {
        for (index, part) in splitAtBreaks(text).enumerated() {
            if index > 0 { parts.append(("", nil)) }
            parts.append((part, 1))
        }
    }

    private static func joined(_ parts: [(text: String, weight: Double?)]) -> [PromptPart] {
        var result: [PromptPart] = []
        for (text, weight) in parts {
            guard let weight else {
                result.append(.windowBreak)
                continue
            }
            if case .text(let before, weight)? = result.last {
                result[result.count - 1] = .text(before + text, weight: weight)
            } else {
                result.append(.text(text, weight: weight))
            }
        }
        return result.isEmpty ? [.text("", weight: 1)] : result
    }

    /// Cuts at the word `BREAK` and takes the white space around it away.
    private static func splitAtBreaks(_ text: String) -> [String] {
        let scalars = Array(text.unicodeScalars)
        let word = Array("BREAK".unicodeScalars)
        var parts: [String] = []
        var part = String.UnicodeScalarView()
        var position = 0
        while position < scalars.count {
            let end = position + word.count
            let isWord =
                end <= scalars.count && scalars[position..<end].elementsEqual(word)
                && (position == 0 || !CharacterClass.isWord(scalars[position - 1]))
                && (end == scalars.count || !CharacterClass.isWord(scalars[end]))
            guard isWord else {
                part.append(scalars[position])
                position += 1
                continue
            }
            while let last = part.last, CharacterClass.isPythonSpace(last) { part.removeLast() }
            parts.append(String(part))
            part = String.UnicodeScalarView()
            position = end
            while position < scalars.count, CharacterClass.isPythonSpace(scalars[position]) { position += 1 }
        }
        return parts + [String(part)]
    }

    /// Takes a prompt apart into brackets, weights, escapes and text.
    private struct Scanner {
        enum Token {
            case escaped(String)
            case open(Unicode.Scalar)
            case close(Unicode.Scalar)
            /// `:1.2)` with its number, and as it is written.
            case weightedClose(Double, String)
            case text(String)
        }

        private let scalars: [Unicode.Scalar]
        private var position = 0

        init(_ scalars: [Unicode.Scalar]) { self.scalars = scalars }

        mutating func next() -> Token? {
            guard position < scalars.count else { return nil }
            let scalar = scalars[position]
            switch scalar {
            case "\\":
                let next = position + 1 < scalars.count ? scalars[position + 1] : nil
                guard let next, "()[]\\".unicodeScalars.contains(next) else {
                    // A lone backslash vanishes.
                    position += 1
                    return .escaped("")
                }
                position += 2
                return .escaped(String(next))
            case "(", "[":
                position += 1
                return .open(scalar)
            case ":":
                if let token = weight() { return token }
                position += 1
                return .text(":")
            case ")", "]":
                position += 1
                return .close(scalar)
            default:
                let start = position
                while position < scalars.count, !"\\()[]:".unicodeScalars.contains(scalars[position]) { position += 1 }
                return .text(text(start..<position))
            }
        }

        /// `:` white space, a number, white space and `)`.
        private mutating func weight() -> Token? {
            var end = position + 1
            func skipSpace() { while end < scalars.count, CharacterClass.isPythonSpace(scalars[end]) { end += 1 } }
            skipSpace()
            let start = end
            if end < scalars.count, scalars[end] == "+" || scalars[end] == "-" { end += 1 }
            while end < scalars.count, "0"..."9" ~= scalars[end] || scalars[end] == "." { end += 1 }
            let digits = text(start..<end)
            skipSpace()
            guard end < scalars.count, scalars[end] == ")", let weight = Double(digits.hasSuffix(".") ? digits + "0" : digits),
                weight.isFinite
            else { return nil }
            let whole = text(position..<end + 1)
            position = end + 1
            return .weightedClose(weight, whole)
        }

        private func text(_ range: Range<Int>) -> String {
            var text = String.UnicodeScalarView()
            text.append(contentsOf: scalars[range])
            return String(text)
        }
    }
}
