public import IsomerBytes

/// A prompt that changes while a picture is made: `[from:to:when]`, `[to:when]`, `[from::when]`, and `[a|b]`, which takes turns.
///
/// `when` is a step, or with a decimal point the part of all steps. Attention brackets stay as they are, for `PromptWeights`.
/// Reference: AUTOMATIC1111/stable-diffusion-webui `modules/prompt_parser.py` `schedule_parser`, 1.10.
public struct PromptSchedule: Sendable {
    private indirect enum Node: Sendable {
        case text(String)
        case sequence([Node])
        case scheduled(before: Node, after: Node, when: Double, isPart: Bool)
        case alternating([Node])
    }

    private let root: Node

    /// How deep brackets may nest.
    public static let greatestDepth = 100

    /// Reads a prompt. What is no schedule is text, so that every prompt can be read; throws `limitExceeded` for brackets nested deeper
    /// than `greatestDepth`.
    public init(_ prompt: String) throws(IsomerError) {
        var parser = Parser(scalars: Array(prompt.unicodeScalars))
        root = try parser.sequence(until: [], depth: 0)
    }

    /// The prompts in the order of their steps, each with the last step it is for. Equal neighbours are joined.
    public func prompts(steps: Int) -> [(lastStep: Int, prompt: String)] {
        var ends: Set<Int> = [steps]
        Self.collect(root, steps, &ends)
        var result: [(lastStep: Int, prompt: String)] = []
        for end in ends.sorted() {
            let prompt = Self.text(root, step: end, of: steps)
            if let last = result.last, last.prompt.utf8.elementsEqual(prompt.utf8) {
                result[result.count - 1].lastStep = end
            } else {
                result.append((end, prompt))
            }
        }
        return result
    }

    /// The prompt at a step, counted from 1.
    public func prompt(at step: Int, of steps: Int) -> String { Self.text(root, step: step, of: steps) }

    private static func step(_ when: Double, _ isPart: Bool, _ steps: Int) -> Int {
        let value = isPart ? when * Double(steps) : when
        return Int(max(-1, min(value, Double(steps))))
    }

    private static func collect(_ node: Node, _ steps: Int, _ ends: inout Set<Int>) {
        switch node {
        case .text: break
        case .sequence(let nodes): for node in nodes { collect(node, steps, &ends) }
        case .scheduled(let before, let after, let when, let isPart):
            let step = step(when, isPart, steps)
            if step >= 1 { ends.insert(step) }
            collect(before, steps, &ends)
            collect(after, steps, &ends)
        case .alternating(let nodes):
            ends.formUnion(1...max(1, steps))
            for node in nodes { collect(node, steps, &ends) }
        }
    }

    private static func text(_ node: Node, step: Int, of steps: Int) -> String {
        switch node {
        case .text(let text): return text
        case .sequence(let nodes): return nodes.map { text($0, step: step, of: steps) }.joined()
        case .scheduled(let before, let after, let when, let isPart):
            return text(step <= Self.step(when, isPart, steps) ? before : after, step: step, of: steps)
        case .alternating(let nodes):
            guard !nodes.isEmpty else { return "" }
            return text(nodes[max(0, step - 1) % nodes.count], step: step, of: steps)
        }
    }

    private struct Parser {
        let scalars: [Unicode.Scalar]
        var position = 0

        init(scalars: [Unicode.Scalar]) { self.scalars = scalars }

        /// Everything up to one of `ends`, which is not taken, or to the end.
        mutating func sequence(until ends: [Unicode.Scalar], depth: Int) throws(IsomerError) -> Node {
            guard depth <= PromptSchedule.greatestDepth else {
                throw IsomerError(
                    .limitExceeded, "the prompt's brackets are nested too deeply",
                    expected: "at most \(PromptSchedule.greatestDepth) levels")
            }
            var nodes: [Node] = []
            var text = String.UnicodeScalarView()
            func flush() {
                if !text.isEmpty { nodes.append(.text(String(text))) }
                text = String.UnicodeScalarView()
            }
            while position < scalars.count {
                let scalar = scalars[position]
                if ends.contains(scalar) { break }
                switch scalar {
                case "\\" where position + 1 < scalars.count:
                    text.append(scalar)
                    text.append(scalars[position + 1])
                    position += 2
                case "(":
                    // Attention brackets hide colons and bars from a schedule around them.
                    text.append(scalar)
                    position += 1
                    flush()
                    nodes.append(try sequence(until: [")"], depth: depth + 1))
                    if position < scalars.count { text.append(scalars[position]) }
                    position += 1
                case "[":
                    flush()
                    nodes.append(try square(depth: depth))
                default:
                    text.append(scalar)
                    position += 1
                }
            }
            flush()
            return nodes.count == 1 ? nodes[0] : .sequence(nodes)
        }

        /// What begins with `[`: a schedule, turns, or plain brackets.
        private mutating func square(depth: Int) throws(IsomerError) -> Node {
            position += 1
            var parts: [Node] = []
            var separators: [Unicode.Scalar] = []
            var starts: [Int] = []
            while true {
                starts.append(position)
                parts.append(try sequence(until: [":", "|", "]"], depth: depth + 1))
                guard position < scalars.count, scalars[position] != "]" else { break }
                separators.append(scalars[position])
                position += 1
            }
            let isClosed = position < scalars.count
            let end = position
            if isClosed { position += 1 }
            if isClosed, !separators.isEmpty {
                if separators.allSatisfy({ $0 == "|" }) { return .alternating(parts) }
                if separators.last == ":", separators.count(where: { $0 == ":" }) <= 2, let last = starts.last,
                    let (when, isPart) = Self.number(scalars[last..<end])
                {
                    let sections = Self.sections(parts.dropLast(), separators.dropLast())
                    let before = sections.count == 2 ? sections[0] : .text("")
                    return .scheduled(before: before, after: sections[sections.count - 1], when: when, isPart: isPart)
                }
            }
            // Plain brackets: put everything back as it was.
            var nodes: [Node] = [.text("[")]
            for (index, part) in parts.enumerated() {
                nodes.append(part)
                if index < separators.count { nodes.append(.text(String(separators[index]))) }
            }
            if isClosed { nodes.append(.text("]")) }
            return .sequence(nodes)
        }

        /// Parts joined at the colons; bars inside a schedule are text.
        private static func sections(_ parts: ArraySlice<Node>, _ separators: ArraySlice<Unicode.Scalar>) -> [Node] {
            var sections: [[Node]] = [[]]
            for (part, separator) in zip(parts, Array(separators) + [" "]) {
                sections[sections.count - 1].append(part)
                switch separator {
                case ":": sections.append([])
                case "|": sections[sections.count - 1].append(.text("|"))
                default: break
                }
            }
            return sections.map(Node.sequence)
        }

        /// A number with white space around it, and whether it has a decimal point.
        private static func number(_ scalars: ArraySlice<Unicode.Scalar>) -> (Double, Bool)? {
            var text = ""
            text.unicodeScalars.append(contentsOf: scalars)
            let trimmed = text.strippedOfPythonSpace
            guard trimmed.utf8.allSatisfy({ 48...57 ~= $0 || $0 == 43 || $0 == 45 || $0 == 46 || $0 | 0x20 == 101 }),
                let value = Double(trimmed.hasSuffix(".") ? trimmed + "0" : trimmed), value.isFinite
            else { return nil }
            return (value, trimmed.contains("."))
        }
    }
}
