import IsomerBytes
import IsomerTokenizers
import Testing

@Suite struct PromptTests {
    /// Examples of the web UI's own documentation of `parse_prompt_attention`, and its corner cases.
    static let weightCases: [(String, [PromptPart])] = [
        ("normal text", [PromptPart.text("normal text", weight: 1)]),
        ("an (important) word", [.text("an ", weight: 1), .text("important", weight: 1.1), .text(" word", weight: 1)]),
        ("(unbalanced", [.text("unbalanced", weight: 1.1)]),
        (#"\(literal\]"#, [.text("(literal]", weight: 1)]),
        ("(unnecessary)(parens)", [.text("unnecessaryparens", weight: 1.1)]),
        ("a:b)", [.text("a:b)", weight: 1)]),
        ("(a:1.5)", [.text("a", weight: 1.5)]),
        ("(a: -2 )", [.text("a", weight: -2)]),
        ("[a]", [.text("a", weight: 1 / 1.1)]),
        ("(a:1.2.3)", [.text("a:1.2.3", weight: 1.1)]),
        ("", [.text("", weight: 1)]),
        ("a BREAK b", [.text("a", weight: 1), .windowBreak, .text("b", weight: 1)]),
        ("aBREAK BREAKb", [.text("aBREAK BREAKb", weight: 1)]),
        (#"back\slash"#, [.text("backslash", weight: 1)]),
    ]

    @Test(arguments: weightCases) func weights(_ prompt: String, _ parts: [PromptPart]) {
        #expect(PromptWeights.parse(prompt) == parts)
    }

    @Test func nestedWeightsMultiply() {
        let parts = PromptWeights.parse("a (((house:1.3)) [on] a (hill:0.5), sun, (((sky))).")
        let expected: [(String, Double)] = [
            ("a ", 1), ("house", 1.573), (" ", 1.1), ("on", 1), (" a ", 1.1), ("hill", 0.55), (", sun, ", 1.1), ("sky", 1.4641), (".", 1.1),
        ]
        #expect(parts.count == expected.count)
        for (part, (text, weight)) in zip(parts, expected) {
            guard case .text(let found, let foundWeight) = part else {
                Issue.record("\(part)")
                continue
            }
            #expect(found == text)
            #expect(abs(foundWeight - weight) < 1e-9)
        }
    }

    @Test func crossedBracketsMultiplyWhatTheyEnclose() {
        #expect(
            PromptWeights.parse("(a [b) c]") == [
                .text("a ", weight: 1.1), .text("b", weight: 1.1 * (1 / 1.1)), .text(" c", weight: 1 / 1.1),
            ])
    }

    @Test(.timeLimit(.minutes(10))) func deepBracketsCostNoMoreThanTheirNumber() {
        let depth = 100_000
        let open = PromptWeights.parse((0..<depth).map { "(\($0) " }.joined())
        #expect(open.count > 7_000)
        let closed = PromptWeights.parse((0..<depth).map { "[\($0) " }.joined() + String(repeating: "]", count: depth))
        #expect(closed.first == .text("0 ", weight: 1 / 1.1))
    }

    /// The web UI's own examples for `get_learned_conditioning_prompt_schedules` with ten steps.
    static func turns(_ first: String, _ second: String) -> [(Int, String)] {
        (1...10).map { ($0, $0.isMultiple(of: 2) ? second : first) }
    }

    static let scheduleCases: [(String, [(Int, String)])] = [
        ("test", [(10, "test")]),
        ("a [b:3]", [(3, "a "), (10, "a b")]),
        ("a [b: 3]", [(3, "a "), (10, "a b")]),
        ("a [[[b]]:2]", [(2, "a "), (10, "a [[b]]")]),
        ("[(a:2):3]", [(3, ""), (10, "(a:2)")]),
        ("a [b : c : 1] d", [(1, "a b  d"), (10, "a  c  d")]),
        ("a[b:[c:d:2]:1]e", [(1, "abe"), (2, "ace"), (10, "ade")]),
        ("a [unbalanced", [(10, "a [unbalanced")]),
        ("a [b:.5] c", [(5, "a  c"), (10, "a b c")]),
        ("a [{b|d{:.5] c", [(5, "a  c"), (10, "a {b|d{ c")]),
        ("((a][:b:c [d:3]", [(3, "((a][:b:c "), (10, "((a][:b:c d")]),
        ("[a|(b:1.1)]", turns("a", "(b:1.1)")),
        ("[fe|]male", turns("female", "male")),
        ("[a::5]", [(5, "a"), (10, "")]),
    ]

    @Test(arguments: scheduleCases) func schedules(_ prompt: String, _ expected: [(Int, String)]) throws {
        let found = try PromptSchedule(prompt).prompts(steps: 10)
        #expect(found.map(\.lastStep) == expected.map(\.0), "\(prompt)")
        #expect(found.map(\.prompt) == expected.map(\.1), "\(prompt)")
    }

    @Test func bracketsNestedTooDeeplyAreRefused() {
        #expect(
            throws: IsomerError(.limitExceeded, "the prompt's brackets are nested too deeply", expected: "at most 100 levels")
        ) { try PromptSchedule(String(repeating: "[", count: 100_000)) }
        #expect(PromptWeights.parse(String(repeating: "(", count: 100_000) + "a") == [.text("a", weight: .infinity)])
    }

    @Test func windowsOfTheFamilies() throws {
        let ids = try Tokenizer.clip().encode("a cat", addsSpecials: false).ids
        let first = WindowShape.clip(.endOfText).window(ids)
        #expect(first.count == 77)
        #expect(Array(first.prefix(5)) == [49406, 320, 2368, 49407, 49407])
        let second = WindowShape.clip(.exclamation).window(ids)
        #expect(Array(second.prefix(5)) == [49406, 320, 2368, 49407, 0])
        #expect(WindowShape.clip(.endOfText).window(Array(repeating: 320, count: 100)).suffix(2) == [320, 49407])
        #expect(WindowShape.t5(length: 4).window([9, 8]) == [9, 8, 1, 0])
    }

    @Test func longPromptsContinueInTheNextWindow() throws {
        let tokenizer = try Tokenizer.clip()
        let cutter = PromptWindows(shape: .clip(.endOfText), comma: tokenizer.id(of: ",</w>"))
        #expect(try cutter.windows("", tokenizer: tokenizer).count == 1)
        let words = Array(repeating: "cat", count: 70).joined(separator: " ")
        // The comma stands at the 71st place; what follows it moves on as one.
        let windows = try cutter.windows("\(words), a (big dog:1.5) on a hill", tokenizer: tokenizer)
        #expect(windows.count == 2)
        #expect(windows[0].ids.prefix(73).last == tokenizer.id(of: ",</w>").map { _ in 49407 })
        #expect(windows[1].ids.prefix(4) == [49406, 320, 1205, 1929])
        #expect(windows[1].weights.prefix(5) == [1, 1, 1.5, 1.5, 1])
        #expect(windows.allSatisfy { $0.ids.count == 77 && $0.weights.count == 77 })
        #expect(try cutter.windows("a BREAK b BREAK c", tokenizer: tokenizer).count == 3)
    }

    @Test func placeholdersWithSeveralVectors() throws {
        var tokenizer = try Tokenizer.clip()
        var placeholders = Placeholders()
        let added = try placeholders.add("<toy>", vectors: 3, to: &tokenizer)
        #expect(added.ids == [49408, 49409, 49410])
        #expect(placeholders.expand("a <toy>!") == "a <toy> <toy>_1 <toy>_2!")
        #expect(try tokenizer.encode(placeholders.expand("a <toy>"), addsSpecials: false).ids == [320, 49408, 49409, 49410])
        #expect(throws: IsomerError.self) { try placeholders.add("<toy>", vectors: 1, to: &tokenizer) }
        #expect(throws: IsomerError.self) { try placeholders.add("x", vectors: 0, to: &tokenizer) }
        // They are found again in a tokenizer that was saved with them.
        let found = Placeholders(addedTo: tokenizer)
        #expect(found.expand("a <toy>!") == "a <toy> <toy>_1 <toy>_2!")
        #expect(found.counts[49408] == 3 && found.counts[49409] == 1)
    }
}
