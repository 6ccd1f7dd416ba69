import IsomerBytes
import IsomerConversion
import IsomerFormats
import IsomerMapping
import IsomerTensors
import Testing

/// Every whole model in `Fixtures/models` that stands beside its golden: one folder, one file, and each made of the other.
@Suite struct WholeModelTests {
    private let folder: TemporaryFolder
    init() throws { folder = try TemporaryFolder() }

    static let names: [String] = {
        let entries = ((try? FileSystem.entries(of: Fixtures["models"])) ?? []).map(\.string)
        return entries.filter { entries.contains($0 + ".checkpoint.txt") }.sorted()
    }()

    /// What a checkpoint has beyond the peers' golden: tensors that follow from the configuration or say what the scheduler's says.
    private static let generated = ["embeddings.position_ids", ".logit_scale", "v_pred", "ztsnr"]

    private func request(_ source: FilePath, keepsExtras: Bool = false, configuration: FilePath? = nil) -> ConversionRequest {
        var request = ConversionRequest(source: source)
        request.keepsExtras = keepsExtras
        request.configuration = configuration
        return request
    }

    private func bytes(_ path: FilePath) throws -> [UInt8] { try ReadableFile(path).contents(limit: 1 << 26) }

    private func files(_ model: FilePath) throws -> [FilePath] {
        var found: [FilePath] = []
        for entry in try FileSystem.entries(of: model) {
            switch try FileSystem.kind(of: model.appending(entry)) {
            case .folder?: found += try FileSystem.entries(of: model.appending(entry)).map { FilePath(entry.string).appending($0) }
            case .file?: found.append(FilePath(entry.string))
            default: break
            }
        }
        return found.sorted { $0.string < $1.string }
    }

    @Test func everyFamilyOfWholeModelsIsThere() throws {
        // What reads AuraFlow's prompts is not mapped: no folder of it becomes one file whole.
        let whole = ModelFamily.all.filter { $0.slots.count > 1 && $0 != .auraFlow }.map(\.identifier)
        let found = try Self.names.map { try Model(request(Fixtures["models/\($0)"])).family.identifier }
        #expect(Set(whole).subtracting(found) == [])
    }

    @Test(arguments: names) func foldersBecomeThePeersCheckpoint(name: String) throws {
        let file = try folder.convert(request(Fixtures["models/\(name)"]), to: .checkpoint(.safetensors), "out.safetensors")
        let found = try sums(file)
        let expected = try golden(Fixtures["models/\(name).checkpoint.txt"])
        #expect(expected.subtracting(found) == [])
        let beyond = found.subtracting(expected).filter { tensor in !Self.generated.contains { tensor.name.hasSuffix($0) } }
        #expect(beyond == [])
    }

    @Test(arguments: names) func foldersComeBackFileByFile(name: String) throws {
        let source = Fixtures["models/\(name)"]
        let there = try folder.convert(request(source, keepsExtras: true), to: .checkpoint(.safetensors), "there.safetensors")
        let back = try folder.convert(request(there), to: .diffusers, "back")
        #expect(try files(back) == files(source))
        for file in try files(source) {
            if file.extension == "json" {
                // Python's writer and this one may lay out a configuration differently.
                let left = try JSONValue(contentsOf: back.pushing(file))
                let right = try JSONValue(contentsOf: source.pushing(file))
                #expect(left == right || file == "model_index.json", "\(file)")
            } else {
                #expect(try bytes(back.pushing(file)) == bytes(source.pushing(file)), "\(file)")
            }
        }
    }

    @Test(arguments: names) func checkpointsComeBackByteForByte(name: String) throws {
        let source = Fixtures["models/\(name)"]
        let file = try folder.convert(request(source), to: .checkpoint(.safetensors), "file.safetensors")
        let there = try folder.convert(request(file, keepsExtras: true, configuration: source), to: .diffusers, "there")
        let back = try folder.convert(request(there), to: .checkpoint(.safetensors), "back.safetensors")
        #expect(try bytes(back) == bytes(file))
    }

    @Test(arguments: names) func aConfigurationIsAllThatAFileNeeds(name: String) throws {
        let source = Fixtures["models/\(name)"]
        let file = try folder.convert(request(source), to: .checkpoint(.safetensors), "file.safetensors")
        let back = try folder.convert(request(file, configuration: source), to: .diffusers, "back")
        for path in try files(source) where path.extension == "safetensors" {
            // A depth estimator has no place in a checkpoint.
            guard try FileSystem.kind(of: back.pushing(path)) == .file else {
                #expect(path.string.hasPrefix("depth_estimator"))
                continue
            }
            #expect(try bytes(back.pushing(path)) == bytes(source.pushing(path)), "\(path)")
        }
    }

    @Test(arguments: names) func shapesAloneTellTheSameTensors(name: String) throws {
        let file = try folder.convert(request(Fixtures["models/\(name)"]), to: .checkpoint(.safetensors), "file.safetensors")
        let again = try folder.convert(request(file), to: .checkpoint(.safetensors), "again.safetensors")
        #expect(try sums(again) == sums(file))
    }
}
