import IsomerArchitectures
import IsomerBytes
import IsomerCompute
import IsomerFormats
import IsomerTensors
import Testing

@testable import IsomerNetworks

/// Whole networks against PyTorch, on every case in Fixtures/networks.
@Suite struct GoldenTests {
    /// PyTorch differs from itself by up to 6e-6 of the largest output, depending on threads and libraries.
    private static let bound: Float = 2e-5

    struct Run: Sendable, CustomStringConvertible {
        let golden: String
        let precision: Computation.Precision
        var description: String { "\(golden) \(precision)" }
        static let all = Golden.names.flatMap { name in Computation.Precision.allCases.map { Run(golden: name, precision: $0) } }
    }

    @Test(arguments: Run.all) func computesWhatPyTorchDoes(run: Run) throws {
        let golden = try Golden(run.golden)
        let plan = Computation.plan(precision: run.precision)
        _ = try golden.outputs(plan)
        let pass = try Computation(precision: run.precision, planned: plan.peak)
        let outputs = try golden.outputs(pass)
        #expect(pass.peak == plan.peak)
        for (name, found) in outputs.sorted(by: { $0.key < $1.key }) {
            guard let wanted = try golden.tensor("output/" + name) else { continue }
            #expect(found.shape == wanted.shape, "\(name)")
            let peak = wanted.values.reduce(0) { max($0, abs($1)) }
            var (worst, squares): (Float, Float) = (0, 0)
            for (a, b) in zip(found.values, wanted.values) {
                let apart = abs(a - b)
                if !(apart <= worst) { worst = apart }
                squares += apart * apart
            }
            if run.precision == .f32 {
                #expect(worst <= Self.bound * peak, "\(name): \(worst / peak) of the largest output")
            } else if !run.golden.hasSuffix("faint") {
                // bf16 keeps eight bits of each operand. Where channels are as few as here their errors do not always average out:
                // PyTorch's own bf16 runs are off by up to 26 %.
                let rough = try golden.tensor("bf16/" + name)?.values.first ?? 0
                #expect(worst <= max(2e-2, rough) * peak, "\(name): \(worst / peak) of the largest output")
                // 40 dB below the peak.
                #expect(squares / Float(found.count) <= 1e-4 * peak * peak, "\(name)")
            }
        }
        #expect(outputs.keys.filter { (try? golden.tensor("output/" + $0)) != nil }.count == golden.outputNames.count)
        #expect(try golden.unusedWeights(after: outputs) == [])
    }

    /// The results are the same bits whatever the number of threads.
    @Test func threadsDoNotShow() throws {
        let golden = try Golden("unet-sd1")
        let one = try golden.outputs(Computation(workers: Workers(count: 1)))
        let five = try golden.outputs(Computation(workers: Workers(count: 5)))
        #expect(one["prediction"]?.values == five["prediction"]?.values)
    }

    @Test func saysWhichTensorIsMissing() throws {
        let golden = try Golden("unet-sd1")
        let weights = Weights(golden.file, under: "nothing/")
        #expect {
            try golden.outputs(Computation.plan(), weights)
        } throws: { error in
            (error as? IsomerError)?.location.item == "nothing/time_embedding.linear_1.weight"
        }
    }
}

/// One case of Fixtures/networks.
struct Golden {
    let file: SafetensorsReader
    private let json: JSONCursor
    private let name: String

    init(_ name: String) throws {
        self.name = name
        file = try SafetensorsReader(Self.folder.appending(name + ".safetensors"))
        let path = Self.folder.appending(name + ".json")
        json = JSONCursor(try JSONValue(contentsOf: path, dialect: .python, limits: Limits()), path: path)
    }

    static let folder = FilePath(#filePath).removingLastComponent().removingLastComponent().removingLastComponent()
        .appending("Fixtures/networks")

    static var names: [String] {
        ((try? FileSystem.entries(of: folder)) ?? []).map(\.string).filter { $0.hasSuffix(".safetensors") }
            .map { String($0.dropLast(12)) }.sorted()
    }

    var outputNames: [String] { file.tensors.map(\.name).filter { $0.hasPrefix("output/") } }

    func tensor(_ name: String) throws -> (shape: [Int], values: [Float])? {
        guard let index = file.tensors.firstIndex(where: { $0.name == name }) else { return nil }
        let bytes = try file.bytes(of: index)
        let values = bytes.withUnsafeBytes { bytes in
            file.tensors[index].scalarType == .i32
                ? bytes.bindMemory(to: Int32.self).map(Float.init) : Array(bytes.bindMemory(to: Float.self))
        }
        return (file.tensors[index].shape.dimensions, values)
    }

    private func input(_ c: Computation, _ name: String) throws -> Tensor? {
        try tensor("input/" + name).map { try c.tensor($0.shape, $0.values) }
    }

    private final class Asked { var weights: [Weights] = [] }
    private let asked = Asked()

    func unusedWeights(after outputs: [String: Tensor]) throws -> [String] {
        // Encoder and decoder each use a part.
        let unused = asked.weights.map { Set($0.unused) }
        return unused.dropFirst().reduce(unused.first ?? []) { $0.intersection($1) }.sorted()
    }

    func outputs(_ c: Computation, _ given: Weights? = nil) throws -> [String: Tensor] {
        let weights = given ?? Weights(file, under: "weights/")
        asked.weights.append(weights)
        if name.hasPrefix("clip") {
            let ids = try #require(try tensor("input/ids"))
            let network = try CLIPTextEncoder(CLIPTextConfiguration(json: json))
            let made = try network(
                c, weights.root, ids: ids.values.map { Int($0) }, images: ids.shape[0], keepsHiddenStates: true)
            var outputs = ["last": made.last, "pooled": made.pooled]
            outputs["projected"] = made.projected
            for (index, state) in made.hiddenStates.enumerated() { outputs["hidden.\(index)"] = state }
            return outputs
        }
        if name.hasPrefix("vae") {
            let network = try AutoencoderKL(AutoencoderKLConfiguration(json: json))
            return [
                "moments": try network.encode(c, weights.root, #require(try input(c, "pictures"))),
                "pictures": try network.decode(c, weights.root, #require(try input(c, "latents"))),
            ]
        }
        let network = try UNet2DCondition(UNetConfiguration(json: json))
        var conditioning = UNet2DCondition.Conditioning(context: try #require(try input(c, "context")))
        if let text = try input(c, "text"), let sizes = try tensor("input/sizes") { conditioning.addition = (text, sizes.values) }
        conditioning.classes = try tensor("input/classes")?.values
        conditioning.classVector = try input(c, "class_vector")
        let times = try #require(try tensor("input/times")).values
        return [
            "prediction": try network(c, weights.root, sample: #require(try input(c, "sample")), times: times, conditioning)
        ]
    }
}
