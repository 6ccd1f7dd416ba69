import IsomerArchitectures
import IsomerBytes
import IsomerCompute
import IsomerTensors
import Testing

@testable import IsomerNetworks

/// Whole networks and their parts against PyTorch, on every case in Fixtures/networks.
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
        var layers: [String: [Float]] = [:]
        let wantedLayers = golden.layerNames
        if run.precision == .f32 {
            pass.observer = { name, output throws(IsomerError) in
                if wantedLayers.contains(name) { layers[name] = output.values }
            }
        }
        let outputs = try golden.outputs(pass)
        #expect(pass.peak == plan.peak)
        for (name, found) in outputs.sorted(by: { $0.key < $1.key }) {
            guard let wanted = try golden.tensor("output/" + name) else { continue }
            #expect(found.shape == wanted.shape, "\(name)")
            let apart = Difference(found.values, wanted.values)
            if run.precision == .f32 {
                #expect(apart.relative <= Self.bound, "\(name)")
            } else {
                let rough = try golden.tensor("bf16/" + name)?.values ?? [0, 999]
                let (bound, noise) = golden.bf16Bounds(pyTorch: (rough[0], rough[1]))
                #expect(apart.relative <= bound, "\(name)")
                #expect(apart.signalToNoise >= noise, "\(name)")
            }
        }
        #expect(outputs.keys.filter { (try? golden.tensor("output/" + $0)) != nil }.count == golden.outputNames.count)
        #expect(golden.unusedWeights == [])
        guard run.precision == .f32 else { return }
        #expect(Set(layers.keys) == wantedLayers)
        for (name, values) in layers {
            let wanted = try #require(try golden.tensor("layer/" + name)).values
            let places = (0..<wanted.count - 1).map { $0 * (values.count - 1) / (wanted.count - 2) }
            let peak = values.reduce(0) { max($0, abs($1)) }
            #expect(abs(peak - wanted[0]) <= 2e-5 * wanted[0], "\(name)")
            let worst = Difference(places.map { values[$0] }, Array(wanted.dropFirst())).largest
            #expect(worst <= Self.bound * wanted[0], "\(name): \(worst / wanted[0])")
        }
    }

    /// How far numbers are from others.
    struct Difference {
        /// The largest.
        var largest: Float = 0
        /// The same as a part of the largest number.
        var relative: Float = 0
        /// In dB below it.
        var signalToNoise: Float = .infinity

        init(_ found: [Float], _ wanted: [Float]) {
            let peak = wanted.reduce(0) { max($0, abs($1)) }
            var (worst, squares): (Float, Double) = (0, 0)
            for (a, b) in zip(found, wanted) {
                let apart = abs(a - b)
                // The first that is not a number stays.
                if !(apart <= worst), !worst.isNaN { worst = apart }
                squares += Double(apart) * Double(apart)
            }
            (largest, relative) = (worst, worst / peak)
            guard squares != 0 else { return }
            let mean = squares / Double(max(1, found.count))
            signalToNoise = Golden.decibels(Double(peak) * Double(peak) / mean)
        }
    }

    /// The results are the same bits whatever the number of threads.
    @Test(arguments: [
        "unet-sd1", "sd35-medium", "flux-dev", "auraflow", "t5-gated", "controlnet-union", "vae-4-tiled", "t2i-adapter-xl", "taesd",
    ])
    func threadsDoNotShow(name: String) throws {
        let golden = try Golden(name)
        let one = try golden.outputs(Computation(workers: Workers(count: 1)))
        let five = try golden.outputs(Computation(workers: Workers(count: 5)))
        #expect(one.mapValues(\.values) == five.mapValues(\.values))
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
