import IsomerArchitectures
import IsomerBytes
import IsomerCompute
import Testing

@testable import IsomerNetworks

/// What AuraFlow's transformer refuses.
@Suite struct AuraFlowInputTests {
    private func configuration() -> AuraFlowTransformerConfiguration {
        var configuration = AuraFlowTransformerConfiguration(
            inputWidth: 16, outputWidth: 16, width: 24, jointBlocks: 1, singleBlocks: 0, contextWidth: 20, positions: 17)
        configuration.headWidth = 12
        configuration.patchSize = 2
        return configuration
    }

    private func run(_ sample: [Int], times: [Float] = [0.5], context: [Int] = [1, 3, 20]) throws -> [Int] {
        let c = Computation.plan()
        return try AuraFlowTransformer(configuration())(
            c, Weights().root, sample: c.zeros(sample), times: times, context: c.zeros(context)
        ).shape
    }

    /// The table of seventeen positions is a square of four, and one that is never read.
    @Test func inputsThatDoNotFit() throws {
        #expect(try run([1, 8, 6, 4]) == [1, 8, 6, 4])
        for sample in [[1, 10, 6, 4], [1, 6, 10, 4], [1, 7, 6, 4], [1, 8, 6, 3], [1, 0, 6, 4], [1, 48, 4], []] {
            #expect(throws: IsomerError.self, "\(sample)") { try run(sample) }
        }
        #expect(throws: IsomerError.self) { try run([1, 8, 6, 4], times: [0.5, 0.5]) }
        #expect(throws: IsomerError.self) { try run([1, 8, 6, 4], context: [1, 3, 24]) }
        #expect(throws: IsomerError.self) { try run([1, 8, 6, 4], context: [2, 3, 20]) }
    }

    @Test func configurationsThatSayTooLittleOrContradictThemselves() throws {
        for path in [\AuraFlowTransformerConfiguration.headWidth, \.patchSize] {
            for number in [nil, 0, 7] {
                var wrong = configuration()
                wrong[keyPath: path] = number
                #expect(throws: IsomerError.self, "\(number ?? -1)") { try AuraFlowTransformer(wrong) }
            }
        }
        // A probe's latent is no larger than there are positions for.
        #expect(try NetworkProbe(configuration(), size: 64).run(.plan(), Weights()).map(\.tensor.shape) == [[1, 8, 8, 4]])
    }
}
