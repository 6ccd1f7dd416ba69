import IsomerBytes
import IsomerConversion
import IsomerFormats
import IsomerMapping
import IsomerTensors
import Testing

@Suite struct SynthesisTests {
    private let folder: TemporaryFolder
    init() throws { folder = try TemporaryFolder() }

    static let members = ModelFamily.all.flatMap { family in family.members.map(\.identifier) }

    /// A synthesized model is one: as a checkpoint and as a folder it is recognised, and both hold the same weights.
    @Test(arguments: members) func arrangementsOfOneSeedAreEqual(identifier: String) throws {
        let (family, member) = try #require(ModelFamily.member(identifier))
        let model = try Model(synthesizing: member, of: family, seed: 7, scalarType: .f16, isTiny: true)
        var request = ConversionRequest(source: "")
        request.keepsExtras = true
        let checkpoint = folder.path.appending("model.safetensors")
        let diffusers = folder.path.appending("model")
        _ = try Executor().run(model.checkpointPlan(.safetensors, request), to: checkpoint)
        _ = try Executor().run(model.diffusersPlan(request), to: diffusers)

        var read = ConversionRequest(source: checkpoint)
        read.architecture = family.identifier
        let first = try sums(Model(read).canonicalTensors())
        read.source = diffusers
        let second = try sums(Model(read).canonicalTensors())
        #expect(first.symmetricDifference(second) == [])
        #expect(!first.isEmpty)
    }
}
