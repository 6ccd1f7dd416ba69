import IsomerArchitectures
import IsomerBytes
import IsomerConversion
import Testing

/// `--config` with the YAML that an original repository describes its model by.
@Suite struct YAMLConfigurationTests {
    let folder: TemporaryFolder
    init() throws { folder = try TemporaryFolder() }

    private let description = """
        model:
          target: ldm.models.diffusion.ddpm.LatentDiffusion
          params:
            parameterization: "v"
            scale_factor: 0.25
            unet_config:
              target: ldm.modules.diffusionmodules.openaimodel.UNetModel
              params:
                image_size: 24
                in_channels: 4
                out_channels: 4
                model_channels: WIDTH
                attention_resolutions: [ 4, 2, 1 ]
                num_res_blocks: 2
                channel_mult: [ 1, 2, 3, 3 ]
                num_head_channels: 2
                use_linear_in_transformer: True
                transformer_depth: 1
                context_dim: 12
        """

    private func unet(describedBy text: String) throws -> Model {
        let file = folder["unet.safetensors"]
        let plan = try ConversionPlan(
            ConversionRequest(source: Fixtures["models/sd21-tiny/unet"]), to: .checkpoint(.safetensors))
        var executor = Executor()
        executor.overwrite = true
        _ = try executor.run(plan, to: file)
        var request = ConversionRequest(source: file)
        request.configuration = try folder.file("v2-inference-v.yaml", Array(text.utf8))
        return try Model(request)
    }

    @Test func itTellsWhatShapesDoNot() throws {
        let model = try unet(describedBy: description.replacing("WIDTH", with: "4"))
        #expect(model.prediction?.value == "v_prediction")
        #expect(model.prediction?.reason.contains("v2-inference-v.yaml") == true)
        let unet = try #require(model.components["unet"])
        let configuration = JSONCursor(.object(try unet.configuration.json()))
        #expect(try configuration.required("attention_head_dim").elements().map { try $0.integer() } == [2, 4, 6, 6])
        #expect(try configuration.required("sample_size").integer() == 24)
    }

    @Test func oneOfAnotherModelIsRefused() throws {
        #expect { try unet(describedBy: description.replacing("WIDTH", with: "8")) } throws: { ($0 as? IsomerError)?.code == .mismatch }
    }

    @Test(arguments: [
        ("model: [", "in line"), ("model: {params: {parameterization: x1}}", "parameterization"), ("other: 1", "model.params"),
        (String(repeating: "[", count: 100_000), "in line"), ("model: &a {params: *a}", ""),
    ])
    func whatCannotBeReadIsRefusedInASentence(text: String, word: String) throws {
        #expect {
            try unet(describedBy: text)
        } throws: { error in
            guard let error = error as? IsomerError else { return false }
            return "\(error)".contains(word) && "\(error)".utf8.count < 400
        }
    }
}
