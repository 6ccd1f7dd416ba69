import IsomerArchitectures
import IsomerBytes
import IsomerMapping
import IsomerTensors

extension Model {
    /// What the denoiser of a checkpoint predicts, from the strongest sign to the weakest; `nil` if there is none.
    func predictionFound(
        in source: any TensorSource, _ inventory: TensorInventory, _ request: ConversionRequest, _ hints: ConfigurationHints
    ) throws(IsomerError) -> Decision? {
        func decide(_ prediction: Prediction, _ reason: String) -> Decision { .prediction(prediction, because: reason) }
        guard components["unet"] != nil || components["transformer"] != nil else { return nil }
        if let said = request.prediction { return decide(said, request.predictionReason ?? "--prediction-type says so") }
        if let hint = hints.prediction { return decide(hint.value, "\(hint.origin) says so") }
        if inventory.has("edm_mean") { return decide(.edm, "the file holds the latents' statistics edm_mean") }
        if inventory.has("v_pred") { return decide(.velocity, "the file holds the marker tensor v_pred") }
        switch source.metadata["modelspec.prediction_type"]?.lowercased() {
        case "v", "v_prediction": return decide(.velocity, "its metadata modelspec.prediction_type says so")
        case "epsilon", "eps": return decide(.epsilon, "its metadata modelspec.prediction_type says so")
        default: break
        }
        let members = fittingMembers
        // A relative of another size is judged by what all of its family's members do.
        let candidates = members.isEmpty ? relatives : members
        let predictions = Set(candidates.map(\.prediction))
        if predictions.count == 1, let only = predictions.first {
            return decide(only, "\(members.isEmpty ? family.title : members[0].title) models do")
        }
        // Stability's own training runs ended at these steps. Reference: InvokeAI 4, model_probe.py.
        switch source.metadata["global_step"] {
        case "220000", "875000": return decide(.epsilon, "its global_step is that of the 512 base model")
        case "110000", "140000": return decide(.velocity, "its global_step is that of the 768 model")
        default: break
        }
        return members.isEmpty ? nil : try predictionBySpread(in: source)
    }

    /// Reads the latents' mean and deviation that some checkpoints hold beside their VAE, which then normalises by them.
    mutating func readLatentStatistics(in source: any TensorSource, _ inventory: TensorInventory) throws(IsomerError) {
        guard var vae = components["vae"]?.configuration as? AutoencoderKLConfiguration,
            let mean = try smallFloats("edm_mean", in: source, inventory, count: vae.latentChannels),
            let deviation = try smallFloats("edm_std", in: source, inventory, count: vae.latentChannels)
        else { return }
        vae.latentsMean = mean
        vae.latentsDeviation = deviation
        // What remains of the factor once the latents have unit variance. Reference: diffusers 0.42.1, single_file_utils.py.
        vae.scalingFactor = 0.5
        components["vae"]?.configuration = vae
    }

    /// Numbers as a configuration states them: a 32-bit float is the shortest decimal that it is nearest to.
    private func smallFloats(
        _ name: String, in source: any TensorSource, _ inventory: TensorInventory, count: Int
    ) throws(IsomerError) -> [Double]? {
        guard let index = inventory.index(of: name), inventory.tensors[index].shape.elementCount == count, count <= 1_024,
            let cast = try? Cast(from: inventory.tensors[index].scalarType, to: .f64)
        else { return nil }
        let bytes = try source.bytes(of: index)
        var values = [Double](repeating: 0, count: count)
        _ = values.withUnsafeMutableBytes { target in bytes.withUnsafeBytes { try? cast.apply($0, target, elementCount: count) } }
        guard inventory.tensors[index].scalarType == .f32 else { return values }
        return values.map { Double(Float($0).description) ?? $0 }
    }

    /// Members whose denoiser has as many input channels.
    private var relatives: [ModelMember] {
        let members = family.members.filter { $0.markers.isEmpty }
        guard let unet = components["unet"]?.configuration as? UNetConfiguration else { return members }
        let alike = members.filter { ($0.components["unet"] as? UNetConfiguration)?.inputChannels == unet.inputChannels }
        return alike.isEmpty ? members : alike
    }

    /// A bias whose spread tells what a UNet of SD 2's structure was trained for.
    static let tensorSpreadByVelocity = "up_blocks.3.attentions.2.transformer_blocks.0.norm1.bias"

    /// Training for velocity spread the biases of one norm far wider than training for noise did.
    /// Reference: ComfyUI 0.3, supported_models.py `SD20.model_type`: a standard deviation above 0.09.
    private func predictionBySpread(in source: any TensorSource) throws(IsomerError) -> Decision? {
        guard let expression = components["unet"]?.tensors[Model.tensorSpreadByVelocity],
            case .tensor(let reference, .whole)? = expression.pieces.first,
            expression.shape.elementCount <= 1 << 16
        else { return nil }
        let bytes = try source.bytes(of: reference.index)
        guard let cast = try? Cast(from: expression.scalarType, to: .f32) else { return nil }
        var values = [Float](repeating: 0, count: expression.shape.elementCount)
        _ = values.withUnsafeMutableBytes { target in
            bytes.withUnsafeBytes { try? cast.apply($0, target, elementCount: expression.shape.elementCount) }
        }
        let mean = values.reduce(0.0) { $0 + Double($1) } / Double(max(1, values.count))
        let variance = values.reduce(0.0) { $0 + (Double($1) - mean) * (Double($1) - mean) } / Double(max(1, values.count))
        // Untrained biases are all alike and say nothing.
        guard variance > 0, variance.isFinite else { return nil }
        let isVelocity = variance.squareRoot() > 0.09
        return .prediction(
            isVelocity ? .velocity : .epsilon,
            because: "the biases of a late norm are spread as \(isVelocity ? "velocity" : "noise") models' are", isGuess: true)
    }
}
