import Testing

@testable import IsomerMapping

@Suite struct PathPatternTests {
    @Test(arguments: [
        ("a.{i}.b", "a.7.b", ["i": 7]),
        ("a.{i+3}.b", "a.7.b", ["i": 4]),
        ("a.{3-i}.b", "a.1.b", ["i": 2]),
        ("a.{2*i+1}.{j}", "a.7.0", ["i": 3, "j": 0]),
    ])
    func matchesAndFillsBack(pattern: String, name: String, values: [String: Int]) {
        let integers = values.sorted { $0.key < $1.key }.map { Bindings.Integer(variable: $0.key, value: $0.value) }
        var trie = PatternTrie<Int>()
        trie.insert(PathPattern(pattern), 0)
        let matches = trie.matches(name)
        #expect(matches.map(\.bindings) == [Bindings(integers: integers)])
        #expect(PathPattern(pattern).filled(with: Bindings(integers: integers)) == name)
    }

    @Test(arguments: ["a.b", "a.-1.b", "a.07.b", "a.+7.b", "a.2.b.c", "b.7.b", "a..b", "", "a.99999999999999999999.b", "a.6.c"])
    func refusesOtherNames(name: String) {
        var trie = PatternTrie<Int>()
        trie.insert(PathPattern("a.{2*i+1}.b"), 0)
        #expect(trie.matches(name).isEmpty)
    }

    @Test func theRestIsOneComponentOrMore() {
        var trie = PatternTrie<Int>()
        trie.insert(PathPattern("a.{*}"), 0)
        #expect(trie.matches("a.b.c").map(\.bindings.rest) == ["b.c"])
        #expect(trie.matches("a").isEmpty)
    }
}
