import IsomerArchitectures
import IsomerBytes
import IsomerCompute
import IsomerTensors
import Testing

@testable import IsomerNetworks

/// The forward pass of each network reads exactly the tensors that its manifest lists, with those shapes: for every configuration among the
/// fixtures, small and in full size. Plans compute nothing, so size does not matter.
@Suite struct ManifestTests {
    static let configurations: [FilePath] = {
        let root = Golden.folder.removingLastComponent()
        var found: [FilePath] = []
        for folder in ["networks", "models", "components", "manifests"] {
            var open = [root.appending(folder)]
            while let path = open.popLast() {
                for name in (try? FileSystem.entries(of: path)) ?? [] {
                    let entry = path.appending(name)
                    switch try? FileSystem.kind(of: entry) {
                    case .folder?: open.append(entry)
                    case .file? where entry.extension == "json": found.append(entry)
                    default: break
                    }
                }
            }
        }
        return found.sorted { $0.string < $1.string }
    }()

    @Test func readsExactlyTheManifest() throws {
        var kinds: [String: Int] = [:]
        for path in Self.configurations {
            guard let value = try? JSONValue(contentsOf: path, dialect: .python, limits: Limits()) else { continue }
            let json = JSONCursor(value, path: path)
            let (weights, c) = (Weights(), Computation.plan())
            let manifest: Manifest
            switch try (json.optional("_class_name") ?? json.optional("architectures")?.elements().first)?.string() {
            case "UNet2DConditionModel":
                let configuration = try UNetConfiguration(json: json)
                try UNet2DCondition(configuration).rehearse(c, weights)
                manifest = try configuration.manifest()
                kinds["unet", default: 0] += 1
            case "AutoencoderKL":
                let configuration = try AutoencoderKLConfiguration(json: json)
                try AutoencoderKL(configuration).rehearse(c, weights)
                manifest = try configuration.manifest()
                kinds["vae", default: 0] += 1
            case "CLIPTextModel", "CLIPTextModelWithProjection":
                let configuration = try CLIPTextConfiguration(json: json)
                try CLIPTextEncoder(configuration).rehearse(c, weights)
                manifest = try configuration.manifest()
                kinds["clip", default: 0] += 1
            default: continue
            }
            let read = Dictionary(weights.requests.map { ($0.name, $0.shape) }) { first, _ in first }
            let listed = Dictionary(manifest.entries.map { ($0.name, $0.shape.dimensions) }) { first, _ in first }
            #expect(read == listed, "\(path)")
        }
        for kind in ["unet", "vae", "clip"] { #expect(kinds[kind, default: 0] >= 3, "\(kind)") }
    }
}
