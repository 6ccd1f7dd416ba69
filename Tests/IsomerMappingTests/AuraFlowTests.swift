import IsomerArchitectures
import IsomerTensors
import Testing

@testable import IsomerMapping

@Suite struct AuraFlowTests {
    private func list(_ path: String, below prefix: String) throws -> [TensorDescriptor] {
        try keyList(Fixtures.unpacked("manifests/\(path).txt")).map { try $0.under(prefix) }
    }

    /// As it is published for ComfyUI: one file with the VAE and with a text encoder that is not mapped.
    @Test func joinedWithATextEncoderThatIsNotMapped() throws {
        let encoder = "text_encoders.pile_t5xl.transformer.encoder.block.1.layer.0.SelfAttention.relative_attention_bias.weight"
        let tensors =
            try list("auraflow-0.3/checkpoint/transformer", below: "model.diffusion_model.")
            + list("vae-sd/checkpoint/vae", below: "vae.")
            + [TensorDescriptor(name: encoder, scalarType: .f16, shape: Shape([32, 32]))]
        let reading = try #require(FamilyDetection(of: TensorInventory(tensors)).decided)
        #expect(reading.family == .auraFlow)
        #expect(reading.components.keys.sorted() == ["transformer", "vae"])
        #expect(reading.leftover.isEmpty)
    }

    /// In the first release the names begin with `model.`.
    @Test func belowItsFirstPrefix() throws {
        let tensors = try list("auraflow-0.2/checkpoint/transformer", below: "model.")
        #expect(try FamilyDetection(of: TensorInventory(tensors)).decided?.family == .auraFlow)
    }
}
