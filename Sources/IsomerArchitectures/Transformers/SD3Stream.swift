import IsomerBytes

/// What Diffusers' `config.json` says alike of Stable Diffusion 3's transformer and of the ControlNets that copy its blocks.
struct SD3Stream {
    var inputChannels: Int
    var patchSize: Int
    var layers: Int
    var dualAttentionLayers: [Int]
    var pooledWidth: Int
    var width: Int
    var headWidth: Int
    /// Whether queries and keys are normalised.
    var isNormalized: Bool

    /// Reads the keys that both classes have. Throws `malformed` naming the first that is out of range.
    init(json: JSONCursor) throws(IsomerError) {
        let heads = try json.extent("num_attention_heads", default: 18)
        headWidth = try json.extent("attention_head_dim", default: 64)
        let (width, overflow) = heads.multipliedReportingOverflow(by: headWidth)
        guard !overflow, width <= JSONCursor.greatestExtent else { throw json.failure("num_attention_heads is out of range") }
        self.width = width
        layers = try json.extent("num_layers", default: 18)
        patchSize = try json.extent("patch_size", default: 2)
        guard layers <= 1_000, patchSize <= 64 else { throw json.failure("num_layers or patch_size is out of range") }
        try json.requireUsual("qk_norm", "rms_norm")
        isNormalized = try json.optional("qk_norm") != nil
        var dual: [Int] = []
        for element in try json.optional("dual_attention_layers")?.elements() ?? [] {
            dual.append(try element.integer(in: 0...(layers - 1)))
        }
        dualAttentionLayers = Set(dual).sorted()
        inputChannels = try json.extent("in_channels", default: 16)
        pooledWidth = try json.extent("pooled_projection_dim", default: 2048)
    }

    /// The side of the square of positions.
    static func positionsSide(_ json: JSONCursor) throws(IsomerError) -> Int {
        let side = try json.extent("pos_embed_max_size", default: 96)
        guard side <= 1 << 16 else { throw json.failure("pos_embed_max_size is out of range") }
        return side
    }

    init(
        inputChannels: Int, patchSize: Int, layers: Int, dualAttentionLayers: [Int], pooledWidth: Int, width: Int, headWidth: Int?,
        isNormalized: Bool
    ) throws(IsomerError) {
        guard let headWidth, headWidth > 0, width % headWidth == 0 else {
            throw IsomerError.indivisible("width", width, by: headWidth ?? 0)
        }
        self.inputChannels = inputChannels
        self.patchSize = patchSize
        self.layers = layers
        self.dualAttentionLayers = dualAttentionLayers
        self.pooledWidth = pooledWidth
        self.width = width
        self.headWidth = headWidth
        self.isNormalized = isNormalized
    }

    /// The keys that `init(json:)` reads, `own` among them, in the order in which Diffusers writes them.
    func json(_ className: String, _ own: JSONObject) -> JSONObject {
        var entries: [(String, JSONValue)] = [
            ("attention_head_dim", JSONValue(headWidth)), ("caption_projection_dim", JSONValue(width)),
            ("dual_attention_layers", .array(dualAttentionLayers.map { JSONValue($0) })), ("in_channels", JSONValue(inputChannels)),
            ("num_attention_heads", JSONValue(width / headWidth)), ("num_layers", JSONValue(layers)), ("patch_size", JSONValue(patchSize)),
            ("pooled_projection_dim", JSONValue(pooledWidth)), ("qk_norm", isNormalized ? "rms_norm" : .null),
        ]
        for (key, value) in own { entries.append((key, value)) }
        var object: JSONObject = ["_class_name": .string(className), "_diffusers_version": .string(NetworkClass.diffusersVersion)]
        for (key, value) in entries.sorted(by: { $0.0 < $1.0 }) { object[key] = value }
        return object
    }
}
