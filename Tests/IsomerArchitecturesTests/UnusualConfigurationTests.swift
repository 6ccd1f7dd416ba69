import IsomerArchitectures
import IsomerBytes
import Testing

/// What a configuration says of the arithmetic and no shape tells: refused by its name unless it is what the networks here do, since a model
/// would load and compute something else.
@Suite struct UnusualConfigurationTests {
    struct Setting: Sendable, CustomTestStringConvertible {
        var network: any NetworkConfiguration.Type
        var key: String
        var usual: String
        var unusual: String
        /// What else such a configuration must say.
        var rest = ""

        var testDescription: String { "\(network) \(key)" }

        func read(_ value: String) throws -> any NetworkConfiguration {
            let text = "{\(rest.isEmpty ? "" : rest + ", ")\"\(key)\": \(value)}"
            return try network.init(json: JSONCursor(JSONValue(parsing: Array(text.utf8))))
        }
    }

    static let settings = [
        Setting(network: UNetConfiguration.self, key: "center_input_sample", usual: "false", unusual: "true", rest: unet),
        Setting(network: UNetConfiguration.self, key: "flip_sin_to_cos", usual: "true", unusual: "false", rest: unet),
        Setting(network: UNetConfiguration.self, key: "freq_shift", usual: "0.0", unusual: "1", rest: unet),
        Setting(network: UNetConfiguration.self, key: "downsample_padding", usual: "1", unusual: "0", rest: unet),
        Setting(network: UNetConfiguration.self, key: "mid_block_scale_factor", usual: "1.0", unusual: "0.7071", rest: unet),
        Setting(network: T5EncoderConfiguration.self, key: "relative_attention_max_distance", usual: "128", unusual: "64"),
        Setting(network: T5EncoderConfiguration.self, key: "layer_norm_epsilon", usual: "0.000001", unusual: "1e-5"),
        Setting(network: PixArtTransformerConfiguration.self, key: "activation_fn", usual: "\"gelu-approximate\"", unusual: "\"gelu\""),
        Setting(network: PixArtTransformerConfiguration.self, key: "norm_eps", usual: "1e-6", unusual: "1e-5"),
        Setting(network: AutoencoderTinyConfiguration.self, key: "act_fn", usual: "\"relu\"", unusual: "\"silu\""),
        Setting(network: AutoencoderTinyConfiguration.self, key: "upsample_fn", usual: "\"nearest\"", unusual: "\"bilinear\""),
        Setting(network: AutoencoderTinyConfiguration.self, key: "upsampling_scaling_factor", usual: "2", unusual: "4"),
    ]
    static let unet = "\"block_out_channels\": [32, 64], \"cross_attention_dim\": 8"

    @Test(arguments: settings) func isRefusedByName(setting: Setting) throws {
        _ = try setting.read(setting.usual)
        _ = try setting.read("null")
        #expect {
            try setting.read(setting.unusual)
        } throws: {
            ($0 as? IsomerError)?.code == .unsupported && ($0 as? IsomerError)?.location.item == setting.key
        }
    }

    /// One word for all levels means the same as a list. What Diffusers makes of it for the middle, no middle block that is known here asks.
    @Test func textAloneAtEveryLevel() throws {
        func levels(_ rest: String) throws -> Set<Int> {
            let text = "{\(Self.unet), \"only_cross_attention\": \(rest)}"
            return try UNetConfiguration(json: JSONCursor(JSONValue(parsing: Array(text.utf8)))).textOnlyLevels
        }
        #expect(try levels("true") == [0, 1])
        #expect(try levels("true, \"mid_block_only_cross_attention\": true") == [0, 1])
        #expect(try levels("[true, false], \"mid_block_only_cross_attention\": false") == [0])
    }

    /// Diffusers allows a number for each side; pictures here have one.
    @Test func aSampleSizeForEachSide() throws {
        func size(_ value: String) throws -> Int? {
            let text = "{\(Self.unet), \"sample_size\": \(value)}"
            return try UNetConfiguration(json: JSONCursor(JSONValue(parsing: Array(text.utf8)))).sampleSize
        }
        #expect(try size("64") == 64 && size("[64, 64]") == 64 && size("null") == nil)
        #expect { try size("[64, 96]") } throws: { ($0 as? IsomerError)?.found == "64 by 96" }
        #expect(throws: IsomerError.self) { try size("[64, 64, 64]") }
    }
}
