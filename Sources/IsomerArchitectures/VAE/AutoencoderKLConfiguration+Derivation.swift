public import IsomerBytes
import IsomerTensors

extension AutoencoderKLConfiguration {
    /// Reads off names and shapes (in the canonical naming) what they tell. Throws `malformed` naming the tensor that is missing or odd.
    public init(shapesOf inventory: TensorInventory) throws(IsomerError) {
        var channels: [Int] = []
        for i in 0..<inventory.count(under: "encoder.down_blocks") {
            channels.append(try inventory.required("encoder.down_blocks.\(i).resnets.0.conv1.weight", axis: 0))
        }
        self.init(
            inputChannels: try inventory.required("encoder.conv_in.weight", axis: 1),
            outputChannels: try inventory.required("decoder.conv_out.weight", axis: 0),
            channels: channels,
            layers: inventory.count(under: "encoder.down_blocks.0.resnets"),
            latentChannels: try inventory.required("decoder.conv_in.weight", axis: 1),
            hasQuantConvolution: inventory.has("quant_conv.weight"),
            hasPostQuantConvolution: inventory.has("post_quant_conv.weight"),
            hasMiddleAttention: inventory.has("decoder.mid_block.attentions.0.group_norm.weight"))
    }
}
