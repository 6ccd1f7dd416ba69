import IsomerBytes
import Testing

/// What RFC 8259 allows and forbids, one text a line. Bytes that Swift literals cannot hold are in `JSONBytesTests`.
@Suite struct JSONGrammarTests {
    static let accepted: [String] = [
        "0", "-0", "1", "-1", "10", "1.0", "-0.0", "1.25", "1e5", "1E5", "1e+5", "1e-5", "0e0", "0.1e1", "123456789012345678901234567890",
        "1e400", "-1e-400", "true", "false", "null", "\"\"", "\"a\"", "\" \"", "[]", "{}", "[ ]", "{ }", "[1]", "[1,2]", "[1 , 2]",
        "[[]]", "[[],[]]", "[{}]", "{\"a\":1}", "{\"a\":1,\"b\":2}", "{\"a\" : 1}", "{\"\":0}", "{\"a\":{}}", "{\"a\":[]}",
        " 1", "1 ", "\t1", "\n1", "\r1", " \t\r\n1 \t\r\n", "\n[\n]\n", #""\"""#, #""\\""#, #""\/""#, #""\b\f\n\r\t""#, #""\u0041""#,
        #""\u00e9""#, #""\u00E9""#, #""\u0000""#, #""\uD83D\uDE00""#, #""\ud83d\ude00""#, #""\udbff\udfff""#, #""\uffff""#, #""\uFDD0""#,
        "\"é\"", "\"😀\"", "\"\u{7F}\"", "\"\u{2028}\u{2029}\"", "\"\u{FEFF}\"", #"{"\u0061":1}"#, #"{"é":1,"e\#u{301}":2}"#,
        "[null,true,false,\"\",0,[],{}]", #"[" \u0020"]"#, "[-0]", "[0.0]", "{\"a\":null}", "[1e1,1.5E-3]",
    ]

    static let refused: [String] = [
        "", " ", "\n", "[", "]", "{", "}", "[1", "[1,", "[,", "[,1]", "[1,]", "[1,,2]", "[1 2]", "[1;2]", "[1:2]", "{,}", "{\"a\"}",
        "{\"a\":}", "{\"a\":1,}", "{\"a\":1,,}", "{\"a\" 1}", "{\"a\"::1}", "{a:1}", "{'a':1}", "{1:1}", "{null:1}", "{\"a\":1 \"b\":2}",
        "{\"a\":1;\"b\":2}", "{\"a\",\"b\":1}", "[\"a\":1]", "{[]:1}", "{\"a\":1]", "[1}", "[[1]", "{\"a\":{\"b\":1}", "[]]", "{}}", "[][]",
        "{}{}", "1 2", "1,2", "\"a\" \"b\"", "true false", "nul", "nulll", "tru", "True", "TRUE", "fals", "None", "undefined", "NaN", "nan",
        "Infinity", "-Infinity", "inf", "+1", "01", "-01", "00", "1.", ".5", "-.5", "-", "--1", "1e", "1e+", "1e-", "1ee5", "1e5.5",
        "1.2.3",
        "0x10", "0b1", "1_000", "1,000", "1a", "١", "\"", "\"a", "'a'", "a", "\"a\nb\"", "\"a\tb\"", "\"\u{0}\"", "\"\u{1F}\"", #""\""#,
        #""\a""#, #""\x41""#, #""\'""#, #""\0""#, #""\u""#, #""\u004""#, #""\u00zz""#, #""\u 041""#, #""\U0041""#, #""\u+041""#,
        #""\ud800""#, #""\udc00""#, #""\ud800\ud800""#, #""\ud800a""#, #""\ud800\n""#, #""\ude00\ud83d""#, #""\ud83d\u""#, #""\ud83d\""#,
        "{\"a\":1,\"a\":2}", #"{"a":1,"\u0061":2}"#, "{\"a\":{\"b\":1,\"b\":1}}", "[{\"a\":1,\"a\":1}]", "{\"\":1,\"\":1}",
        "// no\n1", "/* no */1", "1 // no", "# no\n1", "\u{FEFF}1", "\u{FEFF}", "1\u{0}", "\u{C}1", "\u{B}1", "\u{A0}1", "\u{2028}1",
        "[1]x",
        "[\u{0}]", "\\u005b]", "[1,\n", "{\"a\":1}\u{0}", "*", "<html>", "`a`", "[\"a\",", "{\"a\":\"b", "@", "$",
    ]

    @Test(arguments: accepted) func accepts(_ text: String) throws {
        let value = try JSONValue(parsing: Array(text.utf8))
        // Written and read again it is the same value.
        #expect(try JSONValue(parsing: JSONWriter().bytes(value)) == value)
        #expect(try JSONValue(parsing: JSONWriter(style: .pretty(indent: 2), escapesNonASCII: true).bytes(value)) == value)
    }

    @Test(arguments: refused) func refuses(_ text: String) {
        #expect(throws: IsomerError.self) { try JSONValue(parsing: Array(text.utf8)) }
    }

    /// Cutting a sound text anywhere, or replacing any byte by one that cannot stand in JSON, is noticed.
    @Test func everyBytesCounts() {
        let text = Array(#"{"a":[1,-2.5e3,true,null,"x\u00e9\ud83d\ude00é"],"b":{"c":{}}}"#.utf8)
        #expect(throws: Never.self) { try JSONValue(parsing: text) }
        for count in text.indices {
            #expect(throws: IsomerError.self) { try JSONValue(parsing: Array(text[..<count])) }
            var broken = text
            broken[count] = 0xFF
            #expect(throws: IsomerError.self) { try JSONValue(parsing: broken) }
        }
    }

    @Test func pythonsWords() throws {
        let text = Array("[NaN, Infinity, -Infinity, -1]".utf8)
        guard case .array(let elements) = try JSONValue(parsing: text, dialect: .python) else { return #expect(Bool(false)) }
        let doubles = elements.map { if case .number(let number) = $0 { number.double } else { 0.0 } }
        #expect(doubles[0].isNaN && Array(doubles[1...]) == [.infinity, -.infinity, -1])
        #expect(JSONWriter(style: .spaced).text(.array(elements)) == "[NaN, Infinity, -Infinity, -1]")
        for text in ["nan", "inf", "-NaN", "+Infinity", "Infinit", "-Infinit", "NaNs", "[NaN1]"] {
            #expect(throws: IsomerError.self) { try JSONValue(parsing: Array(text.utf8), dialect: .python) }
        }
    }
}
