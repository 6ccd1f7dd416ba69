public import IsomerBytes
import IsomerTensors

extension UNetConfiguration {
    /// Reads off names and shapes (in the canonical naming) what they tell. Throws `malformed` naming the tensor that is missing or odd.
    public init(shapesOf inventory: TensorInventory) throws(IsomerError) {
        try self.init(shapesOf: inventory, outputChannels: inventory.required("conv_out.weight", axis: 0))
    }

    /// The same of a network that may be a UNet's way down and middle only.
    init(shapesOf inventory: TensorInventory, outputChannels: Int) throws(IsomerError) {
        let downCount = inventory.count(under: "down_blocks")
        let upCount = inventory.count(under: "up_blocks")
        var down: [Block] = []
        for i in 0..<downCount { down.append(try Block(shapesOf: inventory, "down_blocks.\(i)")) }
        var up: [Block] = []
        for i in 0..<upCount { up.append(try Block(shapesOf: inventory, "up_blocks.\(i)")) }

        let middle: Middle
        if inventory.has("mid_block.attentions.0.norm.weight") {
            middle = .attention(depth: inventory.count(under: "mid_block.attentions.0.transformer_blocks"))
        } else {
            middle = inventory.has("mid_block.resnets.0.conv1.weight") ? .residual : .absent
        }

        let classEmbedding: ClassEmbedding
        if let count = inventory.extent(of: "class_embedding.weight", axis: 0) {
            classEmbedding = .table(count: count)
        } else if let width = inventory.extent(of: "class_embedding.linear_1.weight", axis: 1) {
            classEmbedding = .projection(width: width)
        } else {
            classEmbedding = .none
        }

        // Any transformer tells; a UNet without one is not of this family.
        let key = inventory.tensors.first { $0.name.hasSuffix(".attn2.to_k.weight") && $0.shape.rank == 2 }
        let context = key.flatMap { inventory.extent(of: $0.name, axis: 1) }
        guard let context else { throw IsomerError(.malformed, "the UNet has no attention to a text", item: "attn2.to_k.weight") }
        let projection = inventory.tensors.first { $0.name.hasSuffix(".proj_in.weight") }

        var textOnlyLevels: Set<Int> = []
        for (level, block) in down.enumerated() where block.channels != context {
            let blocks = ["down_blocks.\(level)", "up_blocks.\(upCount - 1 - level)"]
            let width = blocks.lazy.compactMap {
                inventory.extent(of: $0 + ".attentions.0.transformer_blocks.0.attn1.to_k.weight", axis: 1)
            }.first
            if width == context { textOnlyLevels.insert(level) }
        }

        self.init(
            inputChannels: try inventory.required("conv_in.weight", axis: 1),
            outputChannels: outputChannels,
            down: down, middle: middle, up: up, crossAttentionWidth: context,
            usesLinearProjection: projection?.shape.rank == 2, classEmbedding: classEmbedding,
            additionWidth: inventory.extent(of: "add_embedding.linear_1.weight", axis: 1),
            guidanceWidth: inventory.extent(of: "time_embedding.cond_proj.weight", axis: 1), textOnlyLevels: textOnlyLevels)
    }
}

extension UNetConfiguration.Block {
    fileprivate init(shapesOf inventory: TensorInventory, _ path: String) throws(IsomerError) {
        let layers = inventory.count(under: path + ".resnets")
        let attentions = inventory.count(under: path + ".attentions")
        var depths: [Int?] = []
        for j in 0..<layers {
            depths.append(j < attentions ? inventory.count(under: "\(path).attentions.\(j).transformer_blocks") : nil)
        }
        self.init(channels: try inventory.required(path + ".resnets.0.conv1.weight", axis: 0), depths: depths)
    }
}

extension TensorInventory {
    /// The extent that a configuration is read off from, or an error that names the tensor.
    func required(_ name: String, axis: Int) throws(IsomerError) -> Int {
        guard let extent = extent(of: name, axis: axis) else {
            throw IsomerError(
                .malformed, has(name) ? "the tensor has too few extents" : "the tensor is missing", item: name,
                found: shape(of: name)?.description)
        }
        // Widths are multiplied and added further on; none of a real network comes near this.
        guard 1...JSONCursor.greatestExtent ~= extent else {
            throw IsomerError(
                .malformed, "no network is that wide", item: name, expected: "1 to \(JSONCursor.greatestExtent)", found: "\(extent)")
        }
        return extent
    }
}
