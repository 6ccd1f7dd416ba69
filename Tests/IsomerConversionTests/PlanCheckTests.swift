import IsomerBytes
import IsomerConversion
import IsomerTensors
import Testing

@Suite struct PlanCheckTests {
    private let source: MemorySource

    init() throws {
        source = try MemorySource([
            ("a", .f32, [2, 3], Array(repeating: 1, count: 24)),
            ("b", .f32, [3], Array(repeating: 2, count: 12)),
        ])
    }

    private func plan(
        _ tensors: [(name: String, shape: [Int], pieces: [Piece])], type: ScalarType = .f32, from: ScalarType = .f32,
        setAside: [SetAside] = []
    ) throws -> ConversionPlan {
        let planned = try tensors.map {
            PlannedTensor(
                try TensorDescriptor(name: $0.name, scalarType: type, shape: Shape($0.shape)), pieces: $0.pieces, sourceType: from)
        }
        return ConversionPlan(
            sources: [.init("memory", source, files: [])], shape: .file, files: [PlannedFile(container: .safetensors, tensors: planned)],
            setAside: setAside)
    }

    private let a = TensorReference(source: 0, index: 0)
    private let b = TensorReference(source: 0, index: 1)

    @Test func acceptsEveryWayOfMakingATensor() throws {
        try plan([
            ("turned", [3, 2], [.tensor(a, .transposed(rows: 2, columns: 3))]),
            ("joined", [7], [.tensor(b, .whole), .tensor(a, .elements(1..<3)), .constant(Array(repeating: 0, count: 8))]),
        ]).check()
    }

    @Test func everyTensorIsUsedOrSetAside() throws {
        let half = try plan([("a", [6], [.tensor(a, .whole)]), ("b", [2], [.tensor(b, .elements(0..<2))])])
        #expect(
            throws: IsomerError(
                .mismatch, "the plan neither uses all of this tensor nor says why not", path: "memory", item: "b",
                expected: "3 elements", found: "2")
        ) { try half.check() }
        try plan([("a", [6], [.tensor(a, .whole)])], setAside: [SetAside(b, name: "b", .dropped, because: "training state")]).check()
    }

    @Test func piecesMakeUpTheTensor() throws {
        let short = try plan([("a", [7], [.tensor(a, .whole)]), ("b", [3], [.tensor(b, .whole)])])
        #expect(
            throws: IsomerError(
                .mismatch, "the pieces do not make up the tensor", item: "a", expected: "7 elements for [7]", found: "6")
        ) { try short.check() }
    }

    @Test func piecesLieInsideTheirTensor() throws {
        let beyond = try plan([("b", [2], [.tensor(b, .elements(2..<4))])])
        #expect(throws: IsomerError.self) { try beyond.check() }
        let wrongMatrix = try plan([("a", [6], [.tensor(a, .transposed(rows: 2, columns: 2))])])
        #expect(throws: IsomerError.self) { try wrongMatrix.check() }
        let hugeMatrix = try plan([("a", [6], [.tensor(a, .transposed(rows: .max, columns: .max))])])
        #expect(throws: IsomerError.self) { try hugeMatrix.check() }
        let nowhere = try plan([("a", [6], [.tensor(TensorReference(source: 1, index: 0), .whole)])])
        #expect(throws: IsomerError.self) { try nowhere.check() }
    }

    @Test func typesAgree() throws {
        let wrong = try plan([("a", [6], [.tensor(a, .whole)])], from: .f16)
        #expect(throws: IsomerError.self) { try wrong.check() }
        let uncastable = try plan([("a", [6], [.tensor(a, .whole)])], type: .i32, from: .f32)
        #expect(throws: IsomerError.self) { try uncastable.check() }
    }

    @Test func namesAreComparedByTheirBytes() throws {
        let twice = try plan([("x", [6], [.tensor(a, .whole)]), ("x", [3], [.tensor(b, .whole)])])
        #expect(throws: IsomerError(.mismatch, "two tensors of one file would have the same name", path: "", item: "x")) {
            try twice.check()
        }
        try plan([("\u{E9}", [6], [.tensor(a, .whole)]), ("e\u{301}", [3], [.tensor(b, .whole)])]).check()
    }

    @Test func piecesOfSmallElementsLieBetweenBytes() throws {
        let small = try MemorySource([("n", .f4, [8], [1, 2, 3, 4])])
        func plan(_ ranges: [Range<Int>]) throws -> ConversionPlan {
            let tensor = PlannedTensor(
                try TensorDescriptor(name: "n", scalarType: .f4, shape: Shape([8])), pieces: ranges.map { .tensor(a, .elements($0)) },
                sourceType: .f4)
            return ConversionPlan(
                sources: [.init("memory", small, files: [])], shape: .file, files: [PlannedFile(container: .safetensors, tensors: [tensor])]
            )
        }
        try plan([4..<8, 0..<4]).check()
        #expect(throws: IsomerError.self) { try plan([3..<8, 0..<3]).check() }
    }

    @Test(arguments: ["", "../x", "/x", "a/../b", "."]) func filesStayInTheirFolder(_ path: String) throws {
        let plan = ConversionPlan(sources: [], shape: .folder, files: [], plainFiles: [PlainFile(path: FilePath(path), bytes: [])])
        #expect(throws: IsomerError(.mismatch, "a planned file lies outside its folder", path: FilePath(path))) { try plan.check() }
    }
}
