import Foundation
import IsomerBytes
import IsomerTensors
import Testing

@testable import IsomerFormats

@Suite struct TorchWriterTests {
    private func temporary() -> FilePath {
        FilePath(FileManager.default.temporaryDirectory.appending(path: "isomer-torch-\(UInt64.random(in: 0 ... .max)).pt").path())
    }

    /// Copies all tensors in pieces, from four threads, in an order that nobody would choose.
    private func copy(_ source: TorchArchive, to sink: any TensorSink) async throws {
        var pieces: [(Int, Int, Int)] = []
        for (index, tensor) in source.tensors.enumerated() {
            for start in stride(from: 0, to: tensor.byteCount, by: 777) {
                pieces.append((index, start, min(777, tensor.byteCount - start)))
            }
        }
        let shuffled = pieces.shuffled()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for worker in 0..<4 {
                group.addTask {
                    for (index, start, count) in shuffled.enumerated().filter({ $0.offset % 4 == worker }).map(\.element) {
                        var bytes = [UInt8](repeating: 0, count: count)
                        try bytes.withUnsafeMutableBytes { try source.read(index, at: start, into: $0) }
                        try bytes.withUnsafeBytes { try sink.write($0, to: index, at: start) }
                    }
                }
            }
            try await group.waitForAll()
        }
        try sink.finish()
    }

    private func written(_ source: TorchArchive, root: TorchRoot, isLegacy: Bool = false) async throws -> [UInt8] {
        let path = temporary()
        defer { try? FileManager.default.removeItem(atPath: path.string) }
        if isLegacy {
            let layout = try TorchLegacyLayout(source.tensors, root: root)
            let output = try AtomicFile(path: path, byteCount: layout.byteCount, overwrite: false)
            try await copy(source, to: TorchLegacyWriter(output.file, tensors: source.tensors, layout: layout))
            try output.commit()
        } else {
            let layout = try TorchArchiveLayout(source.tensors, root: root)
            let output = try AtomicFile(path: path, byteCount: layout.byteCount, overwrite: false)
            try await copy(source, to: TorchArchiveWriter(output.file, tensors: source.tensors, layout: layout))
            try output.commit()
        }
        // What was written reads back as what was read.
        let again = try TorchArchive(ReadableFile(path))
        #expect(again.tensors == source.tensors)
        for index in source.tensors.indices { #expect(try again.bytes(of: index) == source.bytes(of: index)) }
        try again.verifyRest()
        return try Array(Data(contentsOf: URL(filePath: path.string)))
    }

    /// The identifier's first half is a hash that only a C++ standard library can make; the rest of the file is equal.
    private func masked(_ bytes: [UInt8]) -> [UInt8] {
        var copy = bytes
        for index in copy.indices where copy[index...].starts(with: ".data/serialization_id".utf8) {
            // In the local header the record follows its padding; in the directory the sum is 16 bytes into the entry.
            if copy[index + 22] == 0x46 {
                let start = index + 22 + 4 + Int(copy[index + 24])
                for place in start..<start + 20 { copy[place] = 0 }
                for place in start + 44..<start + 48 { copy[place] = 0 }
            } else {
                // The entry is 46 bytes and `archive/` before the name.
                for place in index - 38..<index - 34 { copy[place] = 0 }
            }
        }
        return copy
    }

    static let goldens: [(String, TorchRoot)] = [
        ("written-one.pt", .stateDict), ("written-many.pt", .stateDict),
        (
            "written-nested.ckpt",
            .nested(
                key: "state_dict",
                entries: [
                    .init("global_step", .integer(470_000)), .init("epoch", .integer(6)), .init("big", .integer(1 << 40)),
                    .init("less", .integer(-129)), .init("rate", .float(1e-4)), .init("name", .string("Zürich")),
                    .init("done", .bool(true)),
                    .init("nothing", .none),
                ])
        ),
    ]

    @Test(arguments: goldens) func writesWhatTorchWrites(_ name: String, _ root: TorchRoot) async throws {
        let golden = try Array(Data(contentsOf: TorchFixtureTests.folder.appending(path: name)))
        let bytes = try await written(TorchFixtureTests.open(name), root: root)
        #expect(bytes.count == golden.count)
        #expect(masked(bytes) == masked(golden))
    }

    @Test(arguments: ["dtypes.pt", "written.pt", "views.pt", "written-many.pt", "single.pt"]) func writesEverything(_ name: String)
        async throws
    {
        _ = try await written(TorchFixtureTests.open(name), root: .stateDict)
        _ = try await written(TorchFixtureTests.open(name), root: .nested(key: "state_dict", entries: []))
        // Types younger than the legacy format have no storage class there, and PyTorch cannot read what it writes for them.
        guard name != "dtypes.pt", name != "written.pt" else { return }
        _ = try await written(TorchFixtureTests.open(name), root: .stateDict, isLegacy: true)
        _ = try await written(
            TorchFixtureTests.open(name), root: .nested(key: "model", entries: [.init("step", .integer(3))]), isLegacy: true)
    }

    @Test func refusesWhatTorchCannotHold() throws {
        let odd = try TensorDescriptor(name: "x", scalarType: .f6e2m3, shape: Shape([4]))
        #expect(throws: IsomerError.self) { try TorchArchiveLayout([odd]) }
        let quantized = try TensorDescriptor(name: "x", scalarType: .qint8, shape: Shape([4]))
        #expect(throws: IsomerError.self) { try TorchLegacyLayout([quantized]) }
        let young = try TensorDescriptor(name: "x", scalarType: .u16, shape: Shape([4]))
        #expect(throws: IsomerError.self) { try TorchLegacyLayout([young]) }
        #expect(throws: Never.self) { try TorchArchiveLayout([young]) }
    }

    @Test func wantsEveryByteOnce() throws {
        let path = temporary()
        let tensors = [try TensorDescriptor(name: "x", scalarType: .u8, shape: Shape([4]))]
        let layout = try TorchArchiveLayout(tensors)
        let output = try AtomicFile(path: path, byteCount: layout.byteCount, overwrite: false)
        let writer = try TorchArchiveWriter(output.file, tensors: tensors, layout: layout)
        #expect(throws: IsomerError.self) { try writer.finish() }
        try [1, 2].withUnsafeBytes { try writer.write(UnsafeRawBufferPointer(rebasing: $0[..<2]), to: 0, at: 0) }
        #expect(throws: IsomerError.self) {
            try [9, 9].withUnsafeBytes { try writer.write(UnsafeRawBufferPointer(rebasing: $0[..<2]), to: 0, at: 1) }
        }
        #expect(throws: IsomerError.self) { try writer.finish() }
    }

    /// Offsets beyond 4 GiB, without writing them: the layout is arithmetic.
    @Test func largeArchivesHaveWideFields() throws {
        let large = try TensorDescriptor(name: "a", scalarType: .f32, shape: Shape([1 << 31]))
        let small = try TensorDescriptor(name: "b", scalarType: .f32, shape: Shape([3]))
        let layout = try TorchArchiveLayout([small, large, small])
        #expect(layout.offsets.allSatisfy { $0 % 64 == 0 })
        #expect(layout.offsets[2] > 8 << 30)
        let records = layout.plan.records
        #expect(records.records[5].isWide && records.records[6].isWide && !records.records[4].isWide)
        #expect(records.directory([UInt32](repeating: 1, count: records.records.count)).count == Int(records.directoryCount))
    }
}
