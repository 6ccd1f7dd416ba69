import IsomerBytes
import IsomerGeneration
import IsomerTestSupport
import Testing

@Suite struct PromptFileTests {
    private func requests(_ name: String, _ text: String) throws -> [GenerationRequest] {
        let folder = try TemporaryFolder()
        let path = try folder.file(name, Array(text.utf8))
        var base = GenerationRequest()
        base.steps = 7
        return try PromptFile.requests(in: path, over: base)
    }

    @Test func aPromptALine() throws {
        let found = try requests(
            "prompts.txt",
            "\u{FEFF}# for the wall\r\na red house\r\n\n  \n--prompt \"a \\\"blue\\\" house\" --cfg_scale=4 --sampler_name 'Euler a'\nlast")
        #expect(found.map(\.prompt) == ["a red house", "a \"blue\" house", "last"])
        #expect(found.map(\.steps) == [7, 7, 7])
        #expect(found.map(\.guidanceScale) == [nil, 4, nil])
        #expect(found[1].sampler == "Euler a")
    }

    @Test func aTableWithAHeader() throws {
        let found = try requests(
            "prompts.csv",
            "prompt,Seed,negative_prompt\r\n\"a, b\",3,\r\n\"two\nlines \"\"quoted\"\"\",,ugly\r\n\nlast,18446744073709551615,\"\"")
        #expect(found.map(\.prompt) == ["a, b", "two\nlines \"quoted\"", "last"])
        #expect(found.map(\.seed) == [3, 0, .max])
        #expect(found.map(\.negativePrompt) == [nil, "ugly", nil])
    }

    @Test func anObjectALine() throws {
        let found = try requests(
            "prompts.jsonl",
            "{\"prompt\": \"x\", \"guidanceScale\": 3.5, \"size\": \"64x128\"}\n\n{\"text\": \"y\", \"seed\": null, \"clip-skip\": 2}\r\n")
        #expect(found.map(\.prompt) == ["x", "y"])
        #expect(found[0].guidanceScale == 3.5 && found[0].width == 64 && found[0].height == 128)
        #expect(found[1].clipSkip == 2)
    }

    @Test(arguments: [
        ("a.txt", "ok\n--prompt", "line 2"), ("a.txt", "--prompt \"open", "line 1"), ("a.txt", "--colour red", "line 1"),
        ("a.txt", "x\n\n--steps 0 --prompt y", "line 3"), ("a.txt", "--steps --prompt x", "line 1"),
        ("a.csv", "prompt,colour\nx,y", "line 1"), ("a.csv", "prompt,prompt\nx,y", "line 1"), ("a.csv", "prompt,seed\nx", "line 2"),
        ("a.csv", "prompt\n\"two\nlines\"\n\"open", "line 4"), ("a.csv", "prompt\n\"a\"b", "line 2"),
        ("a.csv", "prompt,steps\nx,20\ny,twenty", "line 3"), ("a.jsonl", "{\"prompt\": \"x\"}\n{\"prompt\": ", "line 2"),
        ("a.jsonl", "[1]", "line 1"), ("a.jsonl", "{\"prompt\": true}", "line 1"), ("a.jsonl", "{\"prompt\": 3}", "line 1"),
        ("a.jsonl", "{\"seed\": 1.5}", "line 1"),
    ])
    func aBrokenLineIsNamed(name: String, text: String, line: String) throws {
        let error = try #require(throws: IsomerError.self) { _ = try requests(name, text) }
        #expect(error.location.item?.contains(line) == true, "\(error)")
        #expect(error.location.path?.lastComponent?.string == name)
    }

    @Test(arguments: ["a.txt", "a.csv", "a.jsonl"]) func nothingIsNoRequest(name: String) {
        #expect(throws: IsomerError.self) { _ = try requests(name, "\n \n") }
    }
}

@Suite struct ParameterGridTests {
    @Test(arguments: [
        ("steps=10, 20,30", ["10", "20", "30"]), ("seed=1-5", ["1", "2", "3", "4", "5"]), ("seed=1-9 (+4)", ["1", "5", "9"]),
        ("steps=10-2 (-4)", ["10", "6", "2"]), ("steps=5-3", ["5", "4", "3"]), ("cfg=0-1 [5]", ["0", "0.25", "0.5", "0.75", "1"]),
        ("cfg=0.1-0.4 (+0.1)", ["0.1", "0.2", "0.3", "0.4"]), ("steps=1-10 [4]", ["1", "4", "7", "10"]), ("cfg=-2--1", ["-2", "-1"]),
        ("sampler=\"Euler a\",DDIM", ["Euler a", "DDIM"]), ("prompt=\"a, b\", c ", ["a, b", "c"]), ("prompt=1-3", ["1-3"]),
        ("prompt-sr=red,\"a, b\",", ["red", "a, b", ""]), ("cfg=7,1-2", ["7", "1", "2"]),
    ])
    func valuesAreReadAsA1111ReadsThem(text: String, values: [String]) throws {
        #expect(try ParameterGrid.Axis(parsing: text).values == values)
    }

    @Test(arguments: ["steps", "colour=1", "steps=1-99999", "steps=1-5(-1)", "steps=1-5(+0)", "prompt=\"x", "prompt=\"x\"y"])
    func nonsenseIsRefused(text: String) {
        #expect(throws: IsomerError.self) { _ = try ParameterGrid.Axis(parsing: text) }
    }

    @Test func cellsGoRowByRow() throws {
        var base = GenerationRequest()
        base.prompt = "a red house, red roof"
        let grid = try ParameterGrid(.init(parsing: "prompt-sr=red,blue"), .init(parsing: "steps=4,8,12"), over: base)
        #expect(grid.cells.map(\.column) == [0, 1, 0, 1, 0, 1])
        #expect(grid.cells.map(\.row) == [0, 0, 1, 1, 2, 2])
        #expect(grid.cells.map(\.request.steps) == [4, 4, 8, 8, 12, 12])
        #expect(grid.cells[5].request.prompt == "a blue house, blue roof")
        #expect(try ParameterGrid(.init(parsing: "seed=1-3"), over: base).cells.map(\.request.seed) == [1, 2, 3])
    }

    @Test func everyCellIsCheckedFirst() throws {
        let base = GenerationRequest()
        #expect(throws: IsomerError.self) { try ParameterGrid(.init(parsing: "steps=4,0"), over: base) }
        #expect(throws: IsomerError.self) { try ParameterGrid(.init(parsing: "sampler=DDIM,Magic"), over: base) }
        #expect(throws: IsomerError.self) { try ParameterGrid(.init(parsing: "prompt-sr=red,blue"), over: base) }
        #expect(throws: IsomerError.self) { try ParameterGrid(.init(parsing: "steps=1,2"), .init(parsing: "steps=1,2"), over: base) }
        #expect(throws: IsomerError.self) { try ParameterGrid(.init(.seed, []), over: base) }
        #expect(throws: IsomerError.self) { try ParameterGrid(.init(parsing: "seed=1-1000"), .init(parsing: "steps=1-1000"), over: base) }
    }

    @Test func everyParameterIsFoundBySeveralNames() throws {
        for parameter in GenerationParameter.allCases {
            #expect(try GenerationParameter(named: parameter.rawValue) == parameter)
            #expect(try GenerationParameter(named: parameter.rawValue.uppercased().filter { $0 != "-" }) == parameter)
        }
    }
}
