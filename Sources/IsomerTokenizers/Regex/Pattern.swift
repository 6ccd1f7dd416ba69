internal import IsomerBytes

/// A compiled pattern: a program for a backtracking machine with an explicit stack and a budget of steps, so that no pattern and no
/// text can overflow the stack or hang.
struct Pattern: Sendable {
    enum Instruction: Sendable {
        case set(Int)
        /// Tries the first way, then the second.
        case split(Int, Int)
        case jump(Int)
        /// Notes the position, so that `advanced` can tell whether a turn of a loop matched anything.
        case mark(Int)
        /// Goes on only if the position has changed since the mark.
        case advanced(Int)
        /// Runs the program up to the matching `accept` without moving (a look) or without leaving ways back (atomic).
        case look(end: Int, isNegative: Bool)
        case atomic(end: Int)
        case lookBehind(Int, isNegative: Bool)
        case startOfText, endOfText, startOfLine, endOfLine, wordBoundary, notWordBoundary
        case accept
    }

    /// The pattern as it was written.
    let source: String
    private var program: [Instruction] = []
    private var sets: [CharacterSet] = []
    private var markCount = 0

    private static let greatestProgram = 100_000

    /// Throws `unsupported` for syntax beyond what tokenizers use.
    init(_ source: String) throws(IsomerError) {
        self.source = source
        try compile(try PatternParser.parse(source))
        program.append(.accept)
        for index in sets.indices { sets[index].prepare() }
    }

    private mutating func compile(_ node: PatternNode) throws(IsomerError) {
        guard program.count < Self.greatestProgram else {
            throw IsomerError(.limitExceeded, "the pattern is too large when it is written out", found: String(source.prefix(200)))
        }
        switch node {
        case .empty: break
        case .set(let set):
            program.append(.set(sets.count))
            sets.append(set)
        case .sequence(let nodes): for node in nodes { try compile(node) }
        case .alternatives(let branches): try compile(branches)
        case .repeated(let node, let least, let most, let isGreedy, let isPossessive):
            guard !isPossessive else { return try compile(.atomic(.repeated(node, least, most, isGreedy: true, isPossessive: false))) }
            for _ in 0..<least { try compile(node) }
            if let most {
                try compileOptional(node, most - least, isGreedy)
            } else {
                try compileLoop(node, isGreedy)
            }
        case .look(.set(let set), isAhead: false, let isNegative):
            program.append(.lookBehind(sets.count, isNegative: isNegative))
            sets.append(set)
        case .look(let node, _, let isNegative):
            let place = program.count
            program.append(.accept)
            try compile(node)
            program.append(.accept)
            program[place] = .look(end: program.count, isNegative: isNegative)
        case .atomic(let node):
            let place = program.count
            program.append(.accept)
            try compile(node)
            program.append(.accept)
            program[place] = .atomic(end: program.count)
        case .startOfText: program.append(.startOfText)
        case .endOfText: program.append(.endOfText)
        case .startOfLine: program.append(.startOfLine)
        case .endOfLine: program.append(.endOfLine)
        case .wordBoundary: program.append(.wordBoundary)
        case .notWordBoundary: program.append(.notWordBoundary)
        }
    }

    private mutating func compile(_ branches: [PatternNode]) throws(IsomerError) {
        var exits: [Int] = []
        for (index, branch) in branches.enumerated() {
            guard index < branches.count - 1 else {
                try compile(branch)
                break
            }
            let split = program.count
            program.append(.accept)
            try compile(branch)
            exits.append(program.count)
            program.append(.accept)
            program[split] = .split(split + 1, program.count)
        }
        for exit in exits { program[exit] = .jump(program.count) }
    }

    private mutating func compileOptional(_ node: PatternNode, _ count: Int, _ isGreedy: Bool) throws(IsomerError) {
        var splits: [Int] = []
        for _ in 0..<max(0, count) {
            splits.append(program.count)
            program.append(.accept)
            try compile(node)
        }
        for split in splits {
            program[split] = isGreedy ? .split(split + 1, program.count) : .split(program.count, split + 1)
        }
    }

    private mutating func compileLoop(_ node: PatternNode, _ isGreedy: Bool) throws(IsomerError) {
        let mark = markCount
        markCount += 1
        let split = program.count
        program.append(.accept)
        program.append(.mark(mark))
        try compile(node)
        program.append(.advanced(mark))
        program.append(.jump(split))
        program[split] = isGreedy ? .split(split + 1, program.count) : .split(program.count, split + 1)
    }
}

extension Pattern {
    /// Text taken apart for matching.
    struct Subject {
        let values: [UInt32]
        /// The byte at which each character starts, and the end.
        let offsets: [Int]

        init(_ text: AlignedText) {
            let scalars = text.scalars
            values = scalars.map(\.scalar.value)
            offsets = scalars.map(\.offset) + [text.bytes.count]
        }

        init(_ text: String) {
            values = text.unicodeScalars.map(\.value)
            var offset = 0
            offsets =
                [0]
                + text.unicodeScalars.map { scalar in
                    offset += UTF8.width(scalar)
                    return offset
                }
        }
    }

    private struct Branch {
        let instruction: Int
        let position: Int
        /// Set for an entry that restores a mark instead of trying another way.
        let mark: Int
    }

    /// All matches from left to right, as byte ranges; none overlap.
    ///
    /// Throws `limitExceeded` if the text drives the pattern into more steps than any sound pattern needs.
    func matches(in subject: Subject) throws(IsomerError) -> [Range<Int>] {
        var matches: [Range<Int>] = []
        var start = 0
        var stack: [Branch] = []
        var marks = [Int](repeating: -1, count: markCount)
        var budget = 10_000 * (subject.values.count + 1_000)
        var lastEnd = -1
        while start <= subject.values.count {
            guard let end = try run(0, start, subject, &stack, &marks, &budget) else {
                start += 1
                continue
            }
            if end == start {
                // An empty match right after another one is not reported.
                if start != lastEnd { matches.append(subject.offsets[start]..<subject.offsets[start]) }
                start += 1
                lastEnd = end
                continue
            }
            matches.append(subject.offsets[start]..<subject.offsets[end])
            start = end
            lastEnd = end
        }
        return matches
    }

    /// Runs from `instruction` at `position` to an `accept`; the position there, or `nil`.
    private func run(
        _ instruction: Int, _ position: Int, _ subject: Subject, _ stack: inout [Branch], _ marks: inout [Int], _ budget: inout Int
    ) throws(IsomerError) -> Int? {
        let floor = stack.count
        var (instruction, position) = (instruction, position)
        while true {
            budget -= 1
            guard budget > 0 else {
                throw IsomerError(.limitExceeded, "the pattern takes too many steps on this text", found: String(source.prefix(200)))
            }
            var holds = true
            switch program[instruction] {
            case .accept:
                stack.removeLast(stack.count - floor)
                return position
            case .set(let index):
                holds = position < subject.values.count && sets[index].contains(subject.values[position])
                position += 1
            case .split(let first, let second):
                stack.append(Branch(instruction: second, position: position, mark: -1))
                instruction = first
                continue
            case .jump(let target):
                instruction = target
                continue
            case .mark(let mark):
                stack.append(Branch(instruction: 0, position: marks[mark], mark: mark))
                marks[mark] = position
            case .advanced(let mark): holds = marks[mark] != position
            case .look(let end, let isNegative):
                holds = (try run(instruction + 1, position, subject, &stack, &marks, &budget) != nil) != isNegative
                if holds {
                    instruction = end
                    continue
                }
            case .atomic(let end):
                if let reached = try run(instruction + 1, position, subject, &stack, &marks, &budget) {
                    position = reached
                    instruction = end
                    continue
                }
                holds = false
            case .lookBehind(let index, let isNegative):
                holds = (position > 0 && sets[index].contains(subject.values[position - 1])) != isNegative
            case .startOfText: holds = position == 0
            case .endOfText: holds = position == subject.values.count
            case .startOfLine: holds = position == 0 || subject.values[position - 1] == 10 && position < subject.values.count
            case .endOfLine: holds = position == subject.values.count || subject.values[position] == 10
            case .wordBoundary: holds = isBoundary(position, subject)
            case .notWordBoundary: holds = !isBoundary(position, subject)
            }
            if holds {
                instruction += 1
                continue
            }
            guard let branch = Self.lastBranch(&stack, above: floor, &marks) else { return nil }
            (instruction, position) = (branch.instruction, branch.position)
        }
    }

    /// The last way not yet tried, with the marks as they were there.
    private static func lastBranch(_ stack: inout [Branch], above floor: Int, _ marks: inout [Int]) -> Branch? {
        while stack.count > floor {
            let branch = stack.removeLast()
            guard branch.mark >= 0 else { return branch }
            marks[branch.mark] = branch.position
        }
        return nil
    }

    private func isBoundary(_ position: Int, _ subject: Subject) -> Bool {
        func isWord(_ position: Int) -> Bool {
            guard subject.values.indices ~= position, let scalar = Unicode.Scalar(subject.values[position]) else { return false }
            return CharacterClass.isOnigurumaWord(scalar)
        }
        return isWord(position - 1) != isWord(position)
    }
}
