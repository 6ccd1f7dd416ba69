import IsomerArchitectures
import IsomerBytes
import IsomerCompute
import IsomerMapping
import IsomerTensors
import Testing

@testable import IsomerNetworks

/// The forward pass of each network reads exactly the tensors that its manifest lists, with those shapes: for every configuration among the
/// fixtures, small and in full size. Plans compute nothing, so size does not matter.
@Suite struct ManifestTests {
    static let configurations: [FilePath] = {
        var found: [FilePath] = []
        var open = ["networks", "models", "components", "manifests", "published"].map {
            Fixtures[$0]
        }
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
        return found.sorted { $0.string < $1.string }
    }()

    /// Titles of networks that are converted and not run.
    private static let notComputed: [String] = []

    @Test func readsExactlyTheManifest() throws {
        var kinds: [String: Int] = [:]
        for path in Self.configurations {
            guard let configuration = try? Golden.configuration(at: path), !Self.notComputed.contains(type(of: configuration).title) else {
                continue
            }
            try expectExactly(configuration, "\(path)")
            kinds[type(of: configuration).title, default: 0] += 1
        }
        for kind in Networks.all where !Self.notComputed.contains(kind.title) {
            #expect(kinds[kind.title, default: 0] >= 1, "\(kind.title)")
        }
    }

    private func expectExactly(_ configuration: any NetworkConfiguration, _ comment: Comment) throws {
        let (weights, c) = (Weights(), Computation.plan())
        _ = try NetworkProbe(configuration).run(c, weights)
        let manifest = try configuration.manifest()
        let read = Dictionary(weights.requests.map { ($0.name, $0.shape) }) { first, _ in first }
        let listed = Dictionary(manifest.entries.map { ($0.name, $0.shape.dimensions) }) { first, _ in first }
        #expect(read == listed, comment)
    }
}
