import IsomerBytes
import IsomerConversion
import IsomerFormats
import IsomerTensors
import Synchronization
import Testing

@Suite struct ExecutorTests {
    private let folder: TemporaryFolder
    init() throws { folder = try TemporaryFolder() }

    /// Bytes without a pattern that a wrong offset could hit by chance.
    private static func noise(_ count: Int, seed: UInt64) -> [UInt8] {
        var state = seed &* 0x9E37_79B9_7F4A_7C15 | 1
        return (0..<count).map { _ in
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            return UInt8(truncatingIfNeeded: state >> 24)
        }
    }

    private static func floats(_ values: [Float]) -> [UInt8] {
        values.flatMap { value in (0..<4).map { UInt8(truncatingIfNeeded: value.bitPattern >> (8 * UInt32($0))) } }
    }

    private static func planned(
        _ name: String, _ type: ScalarType, _ shape: [Int], _ pieces: [Piece], from: ScalarType? = nil
    ) throws -> PlannedTensor {
        PlannedTensor(
            try TensorDescriptor(name: name, scalarType: type, shape: Shape(shape)), pieces: pieces, sourceType: from ?? type)
    }

    private static func tensor(_ index: Int, _ part: Piece.Part = .whole) -> Piece {
        .tensor(TensorReference(source: 0, index: index), part)
    }

    private static func plan(_ source: any TensorSource, _ tensors: [PlannedTensor], files: [ReadableFile] = []) -> ConversionPlan {
        ConversionPlan(
            sources: [.init("source", source, files: files)], shape: .file,
            files: [PlannedFile(container: .safetensors, tensors: tensors, metadata: ["format": "pt"])])
    }

    private func temporaries() throws -> [String] {
        try FileSystem.entries(of: folder.path).map(\.string).filter { $0.hasPrefix(".") }
    }

    @Test func concatenatesSlicesAndConstants() throws {
        let a = Self.noise(24, seed: 1)
        let b = Self.noise(12, seed: 2)
        let source = try MemorySource([("a", .f32, [2, 3], a), ("b", .f32, [3], b)])
        let output = folder.path.appending("out.safetensors")
        let outcome = try Executor().run(
            Self.plan(
                source,
                [
                    try Self.planned(
                        "swapped", .f32, [10],
                        [Self.tensor(0, .elements(3..<6)), Self.tensor(0, .elements(0..<3)), .constant([1, 2, 3, 4]), Self.tensor(1)])
                ]),
            to: output)
        let result = try SafetensorsReader(output)
        #expect(try result.bytes(of: 0) == Array(a[12...] + a[..<12]) + [1, 2, 3, 4] + b)
        #expect(result.metadata == ["format": "pt"])
        #expect(outcome.paths == [output])
        #expect(outcome.tensors == 1)
        #expect(outcome.tensorBytes == 40)
        #expect(outcome.fileBytes == result.file.size)
        #expect(outcome.losses == [])
    }

    /// Shapes around the buffers' size: with 64 KiB a portion holds 16,384 elements of four bytes.
    @Test(arguments: [(1, 1), (1, 20_000), (20_000, 1), (3, 7), (257, 129), (130, 1030), (2, 17_000), (17_000, 2), (0, 5)], [1, 3])
    func turnsMatricesOfAnySize(_ size: (rows: Int, columns: Int), workers: Int) throws {
        let (rows, columns) = size
        for type in [ScalarType.u8, .f16, .f32, .f64, .c128] {
            let width = type.bitCount / 8
            let bytes = Self.noise(rows * columns * width, seed: UInt64(rows * 31 + columns))
            var expected = [UInt8](repeating: 0, count: bytes.count)
            for row in 0..<rows {
                for column in 0..<columns {
                    for byte in 0..<width {
                        expected[(column * rows + row) * width + byte] = bytes[(row * columns + column) * width + byte]
                    }
                }
            }
            // Safetensors has no name for the widest type; pairs of the next one hold the same bytes.
            let source = try MemorySource([("m", type, [rows, columns], bytes)])
            var executor = Executor()
            executor.workers = Workers(count: workers)
            executor.memoryBytes = 1
            executor.overwrite = true
            let output = folder.path.appending("turned.safetensors")
            guard type != .c128 else { continue }
            _ = try executor.run(
                Self.plan(
                    source, [try Self.planned("m", type, [columns, rows], [Self.tensor(0, .transposed(rows: rows, columns: columns))])]),
                to: output)
            #expect(try SafetensorsReader(output).bytes(of: 0) == expected)
        }
    }

    @Test func castsInFlightAndReportsWhatIsLost() throws {
        let values: [Float] = (0..<50_000).map { Float($0) - 25_000 } + [70_000, -70_000, 1e-9, .nan, .infinity]
        let source = try MemorySource([
            ("x", .f32, [values.count], Self.floats(values)), ("ok", .f32, [2], Self.floats([1, 2])),
            ("ids", .i64, [1], [7, 0, 0, 0, 0, 0, 0, 0]),
        ])
        let output = folder.path.appending("half.safetensors")
        var executor = Executor()
        executor.memoryBytes = 1
        executor.verification = .full
        let outcome = try executor.run(
            Self.plan(
                source,
                [
                    try Self.planned("x", .f16, [values.count], [Self.tensor(0)], from: .f32),
                    try Self.planned("ok", .f16, [2], [Self.tensor(1)], from: .f32),
                    try Self.planned("ids", .i64, [1], [Self.tensor(2)]),
                ]), to: output)
        #expect(outcome.losses == [.init(path: output, name: "x", report: CastReport(overflowed: 2, flushed: 1))])
        let result = try SafetensorsReader(output)
        let index = try #require(result.tensors.firstIndex { $0.name == "x" })
        let halves = try result.bytes(of: index)
        for (position, value) in values.enumerated() where !value.isNaN {
            let expected = Float16(value).bitPattern
            #expect(UInt16(halves[2 * position]) | UInt16(halves[2 * position + 1]) << 8 == expected)
        }
    }

    @Test func aTurnedTensorIsCastToo() throws {
        let source = try MemorySource([("m", .f32, [2, 3], Self.floats([1, 2, 3, 4, 5, 6]))])
        let output = folder.path.appending("x.safetensors")
        _ = try Executor().run(
            Self.plan(source, [try Self.planned("m", .f64, [3, 2], [Self.tensor(0, .transposed(rows: 2, columns: 3))], from: .f32)]),
            to: output)
        let bytes = try SafetensorsReader(output).bytes(of: 0)
        let numbers = (0..<6).map { item in
            Double(bitPattern: (0..<8).reduce(0) { $0 | UInt64(bytes[8 * item + $1]) << (8 * UInt64($1)) })
        }
        #expect(numbers == [1, 4, 2, 5, 3, 6])
    }

    @Test func anUnchangedFileIsCopiedByteForByte() throws {
        let source = try MemorySource([
            ("big", .f32, [1000, 1000], Self.noise(4_000_000, seed: 3)), ("small", .f16, [3], Self.noise(6, seed: 4)),
            ("none", .f32, [0, 4], []), ("scalar", .f32, [], Self.noise(4, seed: 5)), ("nibbles", .f4, [2, 3], Self.noise(3, seed: 6)),
        ])
        let same = try source.tensors.enumerated().map { index, tensor in
            try Self.planned(tensor.name, tensor.scalarType, tensor.shape.dimensions, [Self.tensor(index)])
        }
        let first = folder.path.appending("first.safetensors")
        _ = try Executor().run(Self.plan(source, same), to: first)

        let reader = try SafetensorsReader(first)
        let again = try reader.tensors.enumerated().map { index, tensor in
            try Self.planned(tensor.name, tensor.scalarType, tensor.shape.dimensions, [Self.tensor(index)])
        }
        let second = folder.path.appending("second.safetensors")
        var executor = Executor()
        executor.verification = .full
        let seen = Mutex<[ConversionProgress]>([])
        _ = try executor.run(Self.plan(reader, again.reversed(), files: [reader.file]), to: second) { progress in
            seen.withLock { $0.append(progress) }
        }
        #expect(try ReadableFile(first).contents(limit: .max) == ReadableFile(second).contents(limit: .max))
        let progress = seen.withLock { $0 }
        for phase in [ConversionProgress.Phase.writing, .verifying] {
            #expect(progress.filter { $0.phase == phase }.map(\.done).max() == 4_000_013)
        }
        #expect(progress.allSatisfy { $0.total == 4_000_013 })
    }

    @Test func shardsGetNumbersAndAnIndex() throws {
        let source = try MemorySource((0..<5).map { ("t\($0)", .f32, [25], Self.noise(100, seed: UInt64($0))) })
        let tensors = try (0..<5).map { try Self.planned("t\($0)", .f32, [25], [Self.tensor($0)]) }
        var plan = Self.plan(source, tensors)
        plan.files[0].shardBytes = 250
        let outcome = try Executor().run(plan, to: folder.path.appending("model.safetensors"))
        #expect(
            outcome.paths.compactMap { $0.lastComponent?.string } == [
                "model-00001-of-00003.safetensors", "model-00002-of-00003.safetensors", "model-00003-of-00003.safetensors",
                "model.safetensors.index.json",
            ])
        let index = try JSONValue(contentsOf: folder.path.appending("model.safetensors.index.json"))
        #expect(index["metadata"]?["total_size"] == 500)
        #expect(index["weight_map"]?["t4"] == "model-00003-of-00003.safetensors")
        let second = try SafetensorsReader(folder.path.appending("model-00002-of-00003.safetensors"))
        #expect(second.tensors.map(\.name) == ["t2", "t3"])
        #expect(try second.bytes(of: 0) == Self.noise(100, seed: 2))
    }

    /// A smaller set takes the place of a larger one: what else has such a name, or stands in the old index without one, stays.
    @Test func aSmallerSetLeavesNothingOfTheLargerOne() throws {
        let source = try MemorySource((0..<5).map { ("t\($0)", .f32, [25], Self.noise(100, seed: UInt64($0))) })
        var plan = Self.plan(source, try (0..<5).map { try Self.planned("t\($0)", .f32, [25], [Self.tensor($0)]) })
        let target = folder["model.safetensors"]
        var executor = Executor()
        plan.files[0].shardBytes = 150
        _ = try executor.run(plan, to: target)
        let others = ["model-00001-of-00004.safetensors", "other-00001-of-00005.safetensors", "vae.safetensors"]
        for name in others { try folder.file(name, [1]) }
        // An index that names what is not its own.
        var index = String(decoding: try folder.bytes("model.safetensors.index.json"), as: UTF8.self)
        for (tensor, name) in zip(["x", "y"], others.dropFirst()) {
            index = index.replacing("\"weight_map\": {", with: "\"weight_map\": { \"\(tensor)\": \"\(name)\",")
        }
        try folder.file("model.safetensors.index.json", Array(index.utf8))
        executor.overwrite = true
        plan.files[0].shardBytes = 250
        let outcome = try executor.run(plan, to: target)
        #expect(outcome.removed == (1...5).map { folder["model-0000\($0)-of-00005.safetensors"] })
        let new = (1...3).map { "model-0000\($0)-of-00003.safetensors" } + ["model.safetensors.index.json"]
        #expect(try folder.names == (new + others).sorted())
        // The same set again: nothing is obsolete.
        #expect(try executor.run(plan, to: target).removed.isEmpty)
        #expect(try folder.names == (new + others).sorted())
    }

    /// One file and a set of shards with the same name are one model: what replaces it replaces both forms.
    @Test func oneFileAndASetTakeEachOthersPlace() throws {
        let source = try MemorySource((0..<3).map { ("t\($0)", .f32, [25], Self.noise(100, seed: UInt64($0))) })
        var plan = Self.plan(source, try (0..<3).map { try Self.planned("t\($0)", .f32, [25], [Self.tensor($0)]) })
        let set = (1...3).map { "model-0000\($0)-of-00003.safetensors" } + ["model.safetensors.index.json"]
        let others = ["model-00001-of-00004.safetensors", "model.bin", "model.bin.index.json", "model.fp16.safetensors"]
        for name in others { try folder.file(name, [1]) }
        let target = folder["model.safetensors"]
        var executor = Executor()
        plan.files[0].shardBytes = 150
        #expect(try executor.run(plan, to: target).removed.isEmpty)
        plan.files[0].shardBytes = nil
        // The other form is something with this name.
        #expect {
            try executor.run(plan, to: target)
        } throws: {
            ($0 as? IsomerError)?.location.path == folder["model.safetensors.index.json"]
        }
        #expect(try folder.names == (set + others).sorted())
        executor.overwrite = true
        #expect(try executor.run(plan, to: target).removed == set.map { folder[$0] })
        #expect(try folder.names == (others + ["model.safetensors"]).sorted())

        plan.files[0].shardBytes = 150
        executor.overwrite = false
        #expect { try executor.run(plan, to: target) } throws: { ($0 as? IsomerError)?.location.path == target }
        executor.overwrite = true
        #expect(try executor.run(plan, to: target).removed == [target])
        #expect(try folder.names == (set + others).sorted())
    }

    /// How diffusers calls the index of a variant.
    @Test func aVariantsSetIsTold() throws {
        let source = try MemorySource([("w", .f32, [2], Self.floats([1, 2]))])
        let plan = Self.plan(source, [try Self.planned("w", .f32, [2], [Self.tensor(0)])])
        let shards = (1...2).map { "model.fp16-0000\($0)-of-00002.safetensors" }
        for name in shards { try folder.file(name, [1]) }
        let index = "{\"weight_map\": {\"a\": \"\(shards[0])\", \"b\": \"\(shards[1])\"}}"
        try folder.file("model.safetensors.index.fp16.json", Array(index.utf8))
        var executor = Executor()
        executor.overwrite = true
        #expect(try executor.run(plan, to: folder["model.safetensors"]).removed.isEmpty)
        let removed = try executor.run(plan, to: folder["model.fp16.safetensors"]).removed
        #expect(removed == (shards + ["model.safetensors.index.fp16.json"]).map { folder[$0] })
        #expect(try folder.names == ["model.fp16.safetensors", "model.safetensors"])
    }

    /// Joining shards and cutting a file take away nothing that they read.
    @Test func whatIsReadInAnotherFormStays() throws {
        let source = try MemorySource((0..<3).map { ("t\($0)", .f32, [25], Self.noise(100, seed: UInt64($0))) })
        var plan = Self.plan(source, try (0..<3).map { try Self.planned("t\($0)", .f32, [25], [Self.tensor($0)]) })
        plan.files[0].shardBytes = 150
        let (one, index) = (folder["model.safetensors"], folder["model.safetensors.index.json"])
        var executor = Executor()
        _ = try executor.run(plan, to: one)
        let set = try folder.names
        let shards = try openWeights(index)
        let joined = Self.plan(shards, plan.files[0].tensors, files: shards.files)
        #expect(try executor.run(joined, to: one).removed.isEmpty)
        executor.overwrite = true
        #expect(try executor.run(joined, to: one).removed.isEmpty)
        #expect(try folder.names == (set + ["model.safetensors"]).sorted())

        for name in set { FileSystem.removeFile(folder[name]) }
        let file = try openWeights(one)
        var cut = Self.plan(file, plan.files[0].tensors, files: file.files)
        cut.files[0].shardBytes = 150
        executor.overwrite = false
        #expect(try executor.run(cut, to: one).removed.isEmpty)
        #expect(try folder.names == (set + ["model.safetensors"]).sorted())
    }

    @Test func aFolderAppearsWithAllItsFiles() throws {
        let source = try MemorySource([("w", .f32, [2], Self.floats([1, 2]))])
        let plan = ConversionPlan(
            sources: [.init("source", source, files: [])], shape: .folder,
            files: [
                PlannedFile(
                    path: "unet/model.safetensors", container: .safetensors, tensors: [try Self.planned("w", .f32, [2], [Self.tensor(0)])])
            ],
            plainFiles: [PlainFile(path: "unet/config.json", bytes: Array("{}".utf8)), PlainFile(path: "model_index.json", bytes: [1])])
        let target = folder.path.appending("model")
        let outcome = try Executor().run(plan, to: target)
        #expect(outcome.paths.count == 3)
        #expect(try ReadableFile(target.pushing("unet/config.json")).contents(limit: 10) == Array("{}".utf8))
        #expect(try SafetensorsReader(target.pushing("unet/model.safetensors")).bytes(of: 0) == Self.floats([1, 2]))
        #expect(throws: IsomerError.self) { try Executor().run(plan, to: target) }
        var executor = Executor()
        executor.overwrite = true
        _ = try executor.run(plan, to: target)
        #expect(try temporaries() == [])
    }

    @Test func aSourceThatFailsLeavesTheOldFile() throws {
        let output = folder.path.appending("out.safetensors")
        let good = try MemorySource([("w", .f32, [2], Self.floats([1, 2]))])
        let tensors = [try Self.planned("w", .f32, [2], [Self.tensor(0)])]
        _ = try Executor().run(Self.plan(good, tensors), to: output)
        let before = try ReadableFile(output).contents(limit: .max)

        var executor = Executor()
        executor.overwrite = true
        let failure = IsomerError(.cannotRead, "the disk reported an error", item: "w")
        #expect(throws: failure) { try executor.run(Self.plan(FickleSource(good, failure: failure), tensors), to: output) }
        #expect(try ReadableFile(output).contents(limit: .max) == before)
        #expect(try temporaries() == [])
    }

    @Test func fullVerificationComparesEveryByte() throws {
        let output = folder.path.appending("out.safetensors")
        let good = try MemorySource([("w", .u8, [200_000], Self.noise(200_000, seed: 9))])
        let tensors = [try Self.planned("w", .u8, [200_000], [Self.tensor(0)])]
        var executor = Executor()
        executor.memoryBytes = 1
        let fickle = FickleSource(good, changesAt: 131_075)
        _ = try executor.run(Self.plan(fickle, tensors), to: output)
        executor.overwrite = true
        executor.verification = .full
        let error = #expect(throws: IsomerError.self) {
            try executor.run(Self.plan(FickleSource(good, changesAt: 131_075), tensors), to: output)
        }
        #expect(error?.code == .mismatch)
        #expect(error?.location == .init(path: output, item: "w"))
        #expect(error?.expected?.hasSuffix("at byte 131075 of the tensor") == true)
        #expect(try temporaries() == [])
    }
}

/// A source that fails, or that gives another byte when it is asked again.
private final class FickleSource: TensorSource {
    private let base: MemorySource
    private let failure: IsomerError?
    private let place: Int?
    private let reads = Mutex<Set<Int>>([])

    init(_ base: MemorySource, failure: IsomerError? = nil, changesAt place: Int? = nil) {
        self.base = base
        self.failure = failure
        self.place = place
    }

    var tensors: [TensorDescriptor] { base.tensors }
    var metadata: FileMetadata { base.metadata }
    func storedRange(of index: Int) -> StoredRange? { nil }

    func read(_ index: Int, at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws(IsomerError) {
        if let failure { throw failure }
        try base.read(index, at: offset, into: buffer)
        guard let place, (offset..<offset + buffer.count).contains(place) else { return }
        let isFirst = reads.withLock { $0.insert(place).inserted }
        if !isFirst { buffer[place - offset] ^= 1 }
    }
}
