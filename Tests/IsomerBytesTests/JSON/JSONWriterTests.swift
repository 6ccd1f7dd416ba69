import IsomerBytes
import Testing

@Suite struct JSONWriterTests {
    @Test func floatsAsPython() throws {
        let lines = String(decoding: try Fixtures.bytes("json/python-floats.txt"), as: UTF8.self).split(separator: "\n")
        #expect(lines.count > 2_000)
        for line in lines {
            let parts = line.split(separator: " ")
            let value = Double(bitPattern: try #require(UInt64(parts[0], radix: 16)))
            #expect(JSONNumber(value).text == parts[1])
            #expect(JSONNumber(value).double.bitPattern == value.bitPattern)
        }
    }

    @Test func treesAsPython() throws {
        let tree = try JSONValue(parsing: Fixtures.bytes("json/python-default.json"))
        let styles: [(String, JSONWriter)] = [
            ("default", JSONWriter(style: .spaced, escapesNonASCII: true)),
            ("compact", JSONWriter(style: .compact)),
            ("indent-2", JSONWriter(style: .pretty(indent: 2), escapesNonASCII: true)),
            ("indent-2-sorted", JSONWriter(style: .pretty(indent: 2), sortsKeys: true, escapesNonASCII: true)),
            ("indent-4-utf8", JSONWriter(style: .pretty(indent: 4))),
        ]
        for (name, writer) in styles {
            let expected = try Fixtures.bytes("json/python-\(name).json")
            #expect(writer.text(tree) == String(decoding: expected, as: UTF8.self), "\(name)")
            #expect(writer.bytes(tree) == expected, "\(name)")
        }
    }

    @Test func numbersAsPython() throws {
        let tree = try JSONValue(parsing: Array("[1e-5,1E5,-0,0.10,1e400,12345678901234567890,-0.0]".utf8))
        #expect(JSONWriter().text(tree) == "[1e-5,1E5,-0,0.10,1e400,12345678901234567890,-0.0]")
        #expect(JSONWriter(numbers: .asPython).text(tree) == "[1e-05,100000.0,0,0.1,Infinity,12345678901234567890,-0.0]")
    }

    @Test func numbersStayExact() throws {
        guard case .array(let elements) = try JSONValue(parsing: Array("[18446744073709551615,-9223372036854775808,1.0,1e2]".utf8)) else {
            return
        }
        let numbers = elements.compactMap { if case .number(let number) = $0 { number } else { nil } }
        #expect(numbers[0].integer(as: UInt64.self) == .max)
        #expect(numbers[0].integer(as: Int.self) == nil)
        #expect(numbers[1].integer(as: Int.self) == .min)
        #expect(numbers[2].integer(as: Int.self) == nil)
        #expect(numbers[3].integer(as: Int.self) == nil)
        #expect(numbers[3].double == 100)
    }

    @Test func objectsKeepTheirOrder() {
        var object: JSONObject = ["b": 1, "a": 2]
        for index in 0..<20 { object["k\(index)"] = .number(JSONNumber(index)) }
        object["a"] = nil
        object["b"] = 3
        object["\u{E9}"] = 1
        object["e\u{301}"] = 2
        #expect(object.keys.prefix(3) == ["b", "k0", "k1"])
        #expect(object.count == 23)
        #expect(object["k19"] == 19)
        #expect(object["\u{E9}"] == 1)
        #expect(object["a"] == nil)
        for key in object.keys.dropFirst(2) { object[key] = nil }
        #expect(object == ["b": 3, "k0": 0])
    }

    @Test func exactStringsCompareBytes() {
        #expect(ExactString("\u{E9}") != ExactString("e\u{301}"))
        #expect("\u{E9}" == "e\u{301}")
        #expect(Set([ExactString("\u{E9}"), "e\u{301}", "\u{E9}"]).count == 2)
        #expect(ExactString("e\u{301}") < "\u{E9}")
        #expect(ExactString("a") < "aa")
        #expect(!(ExactString("\u{1F600}") < "\u{FFFF}"))
    }
}
