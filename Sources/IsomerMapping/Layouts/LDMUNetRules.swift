import IsomerArchitectures
import IsomerBytes

extension Layouts {
    /// Diffusers' own names of a UNet.
    public static let unet = Layout.canonical(UNetConfiguration.self)

    /// LDM's and SGM's names of a UNet.
    public static let ldmUNet = Layout(
        "LDM", of: UNetConfiguration.self,
        signature: NetworkSignature(
            present: ["input_blocks.0.0.weight", "time_embed.0.weight", "output_blocks.0.0.in_layers.2.weight", "out.2.weight"],
            absent: ["input_hint_block.0.weight"]),
        rules: { .ldmUNet(LDMUNetIndex($0), classEmbedding: UNetClassEmbeddingName($0)) },
        fromNames: { .ldmUNet(LDMUNetIndex(namesOf: $0), classEmbedding: UNetClassEmbeddingName(shapesOf: $0)) })
}

/// Where the blocks of a UNet stand in LDM's and SGM's flat numbering of `input_blocks` and `output_blocks`.
///
/// That needs only how many residual layers each block has and which blocks have attention, which both namings show without a
/// configuration.
/// Reference: Stability-AI/generative-models, sgm/modules/diffusionmodules/openaimodel.py.
struct LDMUNetIndex: Hashable, Sendable {
    /// Residual layers of each block on the way down.
    var downLayers: [Int]
    /// Residual layers of each block on the way up, and whether the block has attention.
    var up: [(layers: Int, hasAttention: Bool)]

    static func == (left: LDMUNetIndex, right: LDMUNetIndex) -> Bool {
        left.downLayers == right.downLayers && left.up.elementsEqual(right.up, by: ==)
    }

    func hash(into hasher: inout Hasher) {
        hasher.combine(downLayers)
        for block in up {
            hasher.combine(block.layers)
            hasher.combine(block.hasAttention)
        }
    }
}

extension LDMUNetIndex {
    init(_ configuration: UNetConfiguration) {
        downLayers = configuration.down.map(\.layers)
        up = configuration.up.map { ($0.layers, $0.hasAttention) }
    }

    /// Reads the numbering off a checkpoint's own names, which begin at `input_blocks`. `input_blocks.0` is the first convolution; a block ends
    /// with its `op` (a stride-2 convolution), except the last; on the way up a block ends where a layer also has a `conv`.
    init(namesOf inventory: TensorInventory) {
        downLayers = []
        var layers = 0
        for n in 1..<max(1, inventory.count(under: "input_blocks")) {
            if inventory.has("input_blocks.\(n).0.op.weight") {
                downLayers.append(layers)
                layers = 0
            } else {
                layers += 1
            }
        }
        downLayers.append(layers)

        up = []
        layers = 0
        var hasAttention = false
        for n in 0..<inventory.count(under: "output_blocks") {
            layers += 1
            if inventory.has("output_blocks.\(n).1.norm.weight") { hasAttention = true }
            if inventory.has("output_blocks.\(n).1.conv.weight") || inventory.has("output_blocks.\(n).2.conv.weight") {
                up.append((layers, hasAttention))
                layers = 0
                hasAttention = false
            }
        }
        up.append((layers, hasAttention))
    }
}

extension RuleList {
    /// LDM's and SGM's names of a UNet, below `model.diffusion_model.`.
    static func ldmUNet(_ index: LDMUNetIndex, classEmbedding: UNetClassEmbeddingName) -> RuleList {
        var list = ldmUNetEncoder(index.downLayers, classEmbedding: classEmbedding)
        var first = 0
        for (i, block) in index.up.enumerated() {
            for j in 0..<block.layers {
                list.nest("up_blocks.\(i).resnets.\(j)", "output_blocks.\(first + j).0", .ldmResidual)
                if block.hasAttention { list.module("up_blocks.\(i).attentions.\(j)", "output_blocks.\(first + j).1") }
            }
            if i + 1 < index.up.count {
                // The upsampler is the last module of the block's last layer, after its attention if there is one.
                let last = first + block.layers - 1
                list.module("up_blocks.\(i).upsamplers.0.conv", "output_blocks.\(last).\(block.hasAttention ? 2 : 1).conv")
            }
            first += block.layers
        }
        list.module("conv_norm_out", "out.0")
        list.module("conv_out", "out.2")
        return list
    }

    /// The half that a ControlNet shares: everything up to the middle.
    static func ldmUNetEncoder(_ downLayers: [Int], classEmbedding: UNetClassEmbeddingName) -> RuleList {
        var list = RuleList()
        list.module("conv_in", "input_blocks.0.0")
        list.module("time_embedding.linear_1", "time_embed.0")
        list.module("time_embedding.linear_2", "time_embed.2")
        // The original has no such model; this is what the scripts of diffusers and kohya make of it.
        list.add("time_embedding.cond_proj.weight", "time_embedding.cond_proj.weight")
        list.alsoRead("time_embedding.cond_proj.weight", "time_embed.cond_proj.weight", because: "as some tools name it")
        switch classEmbedding {
        case .table: list.add("class_embedding.weight", "label_emb.weight")
        case .classProjection:
            list.module("class_embedding.linear_1", "label_emb.0.0")
            list.module("class_embedding.linear_2", "label_emb.0.2")
            for leaf in ["weight", "bias"] {
                for (n, number) in [(1, 0), (2, 2)] {
                    list.alsoRead(
                        "class_embedding.linear_\(n).\(leaf)", "label_emb.1.\(number).\(leaf)",
                        because: "as SGM numbers the input of a time")
                }
            }
        case .addition:
            list.module("add_embedding.linear_1", "label_emb.0.0")
            list.module("add_embedding.linear_2", "label_emb.0.2")
        }
        var first = 1
        for (i, layers) in downLayers.enumerated() {
            for j in 0..<layers {
                list.nest("down_blocks.\(i).resnets.\(j)", "input_blocks.\(first + j).0", .ldmResidual)
                list.module("down_blocks.\(i).attentions.\(j)", "input_blocks.\(first + j).1")
            }
            first += layers
            if i + 1 < downLayers.count {
                list.module("down_blocks.\(i).downsamplers.0.conv", "input_blocks.\(first).0.op")
                first += 1
            }
        }
        list.nest("mid_block.resnets.0", "middle_block.0", .ldmResidual)
        list.module("mid_block.attentions.0", "middle_block.1")
        list.nest("mid_block.resnets.1", "middle_block.2", .ldmResidual)
        return list
    }

    private static var ldmResidual: RuleList {
        var list = RuleList()
        list.module("norm1", "in_layers.0")
        list.module("conv1", "in_layers.2")
        list.module("time_emb_proj", "emb_layers.1")
        list.module("norm2", "out_layers.0")
        list.module("conv2", "out_layers.3")
        list.module("conv_shortcut", "skip_connection")
        return list
    }
}

/// Which canonical module LDM's `label_emb` is: its names alone do not say.
enum UNetClassEmbeddingName: Hashable, Sendable {
    case table, classProjection, addition
}

extension UNetClassEmbeddingName {
    init(_ configuration: UNetConfiguration) {
        switch configuration.classEmbedding {
        case .table: self = .table
        case .projection, .timestep: self = .classProjection
        case .none: self = .addition
        }
    }

    /// unCLIP's UNets (of the Stable Diffusion 2 family, context 1024) take a noised picture embedding as class; SDXL's take sizes.
    init(shapesOf inventory: TensorInventory) {
        if inventory.has("label_emb.weight") {
            self = .table
        } else if inventory.has("label_emb.1.0.weight") {
            self = .classProjection
        } else if let width = inventory.extent(of: "label_emb.0.0.weight", axis: 1), [1536, 2048].contains(width) {
            self = .classProjection
        } else {
            self = .addition
        }
    }
}
