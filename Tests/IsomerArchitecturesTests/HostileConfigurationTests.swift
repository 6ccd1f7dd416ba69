import IsomerArchitectures
import IsomerBytes
import IsomerTensors
import Testing

/// Configurations and names made to overflow, hang or exhaust memory.
@Suite struct HostileConfigurationTests {
    @Test func aNetworkOfBillionsOfTensorsIsRefused() throws {
        let widths = Array(repeating: "32", count: 1_000).joined(separator: ",")
        let text = """
            {"block_out_channels": [\(widths)], "layers_per_block": 64, "transformer_layers_per_block": 1000, "cross_attention_dim": 8,
             "down_block_types": [\(Array(repeating: "\"CrossAttnDownBlock2D\"", count: 1_000).joined(separator: ","))],
             "up_block_types": [\(Array(repeating: "\"CrossAttnUpBlock2D\"", count: 1_000).joined(separator: ","))]}
            """
        let configuration = try UNetConfiguration(json: JSONCursor(JSONValue(parsing: Array(text.utf8))))
        #expect { try configuration.manifest() } throws: { ($0 as? IsomerError)?.code == .limitExceeded }
    }

    @Test(arguments: ["0", "-1", "1e3", "99999999999999999999", "\"8\"", "[1,2]", "16777217"])
    func oddNumbersAreRefused(number: String) throws {
        let text = "{\"block_out_channels\": [\(number)], \"cross_attention_dim\": 8}"
        #expect(throws: IsomerError.self) { try UNetConfiguration(json: JSONCursor(JSONValue(parsing: Array(text.utf8)))) }
    }

    /// A tensor without elements can claim any other extent, and widths are multiplied.
    @Test func extentsOfEmptyTensorsDoNotOverflow() throws {
        let names = [
            "conv_in.weight", "conv_out.weight", "time_embedding.linear_1.weight", "down_blocks.0.resnets.0.conv1.weight",
            "up_blocks.0.resnets.0.conv1.weight", "down_blocks.0.attentions.0.transformer_blocks.0.attn2.to_k.weight",
        ]
        let inventory = TensorInventory(
            try names.map { try TensorDescriptor(name: $0, scalarType: .f16, shape: Shape([.max, 0])) })
        #expect(throws: IsomerError.self) { try UNetConfiguration(shapesOf: inventory).manifest() }
    }

    @Test func countingBlocksTakesTimeByTheBlock() throws {
        let inventory = TensorInventory(
            try (0..<20_000).map { try TensorDescriptor(name: "down_blocks.\($0).x", scalarType: .u8, shape: Shape([0])) })
        #expect(inventory.count(under: "down_blocks") == 20_000)
        #expect(inventory.count(under: "down_block") == 0)
    }
}
