import IsomerArchitectures
import IsomerBytes
import IsomerTensors
import Testing

@testable import IsomerMapping

/// Random relatives of every kind of network, of other depths and widths than any published one: from each of their namings shapes alone tell
/// the same network again.
@Suite struct RelativeTests {
    static let kinds = Networks.all.indices

    @Test(arguments: kinds) func shapesTellARelativeInEveryNaming(kind: Int) throws {
        var random = SplitMix(UInt64(kind) + 1)
        var namings: Set<String> = []
        for _ in 0..<60 {
            let configuration = try #require(Self.relative(Networks.all[kind], &random))
            let manifest = try configuration.manifest()
            for layout in Layouts.of(type(of: configuration)) {
                let items = try layout.expansion(of: configuration).items
                let seconds = layout.secondTables.compactMap { table in
                    items.first { $0.name == table.first }.map { (table.second, $0.shape) }
                }
                let inventory = try TensorInventory(
                    (items.map { ($0.name, $0.shape) } + seconds).map { try TensorDescriptor(name: $0.0, scalarType: .f16, shape: $0.1) })
                #expect(items.flatMap(\.parts).count == manifest.entries.count)
                // Not every relative can be had in every naming: XLabs' files, for one, look at pixels.
                guard inventory.matches(layout.signature) else { continue }
                namings.insert(layout.name)
                #expect(Layouts.matching(type(of: configuration), inventory)?.name == layout.name, "\(configuration)")
                let told = try layout.configuration(shapesOf: inventory)
                #expect(told.hasStructure(of: configuration), "\(layout.name): \(told.structure) for \(configuration.structure)")
            }
        }
        #expect(namings == Set(Layouts.of(Networks.all[kind]).map(\.name)))
    }

    @Test(arguments: kinds) func configurationsOfRelativesSurviveTheirFiles(kind: Int) throws {
        var random = SplitMix(UInt64(kind) + 1_000)
        var survivors = 0
        for _ in 0..<60 {
            let configuration = try #require(Self.relative(Networks.all[kind], &random))
            // Some relatives no Diffusers class can be; those are refused rather than described as others.
            guard configuration.undecided.isEmpty, let json = try? configuration.sayableJSON() else { continue }
            let read = try type(of: configuration).init(json: JSONCursor(.object(json)))
            #expect(read.hasStructure(of: configuration))
            #expect(try read.json() == json)
            survivors += 1
        }
        #expect(survivors >= 5)
    }

    /// A network of the kind `type` with random depths and widths.
    static func relative(_ type: any NetworkConfiguration.Type, _ random: inout SplitMix) -> (any NetworkConfiguration)? {
        switch type {
        case is UNetConfiguration.Type: unet(&random, isOfAnyKind: true)
        case is ControlNetConfiguration.Type: controlNet(&random)
        case is AutoencoderKLConfiguration.Type: vae(&random)
        case is CLIPTextConfiguration.Type:
            clip(&random, width: random.width(), projection: random.flag() ? random.width() : nil)
        case is T5EncoderConfiguration.Type: t5(&random, width: random.width())
        case is SD3TransformerConfiguration.Type: sd3(&random)
        case is FluxTransformerConfiguration.Type: flux(&random)
        case is PixArtTransformerConfiguration.Type: pixArt(&random)
        case is AuraFlowTransformerConfiguration.Type: auraFlow(&random)
        case is FluxControlNetConfiguration.Type:
            FluxControlNetConfiguration(
                trunk: flux(&random, isControl: true), modes: random.flag() ? random.number(2...12) : nil,
                pictureWidths: random.flag() ? Array(repeating: random.number(2...20), count: 4) : nil)
        case is SD3ControlNetConfiguration.Type: sd3Control(&random)
        case is T2IAdapterConfiguration.Type: adapter(&random)
        case is AutoencoderTinyConfiguration.Type:
            AutoencoderTinyConfiguration(
                latentChannels: random.number(1...40), width: random.width(), encoderBlocks: [1] + random.counts(3),
                decoderBlocks: random.counts(3) + [1])
        default: nil
        }
    }
}

extension SplitMix {
    fileprivate mutating func counts(_ count: Int) -> [Int] { (0..<count).map { _ in number(1...4) } }
}

extension RelativeTests {
    static func unet(
        _ random: inout SplitMix, context: Int? = nil, addition: Int?? = nil, linear: Bool? = nil, isOfAnyKind: Bool = false
    ) -> UNetConfiguration {
        let levels = random.number(1...4)
        let layers = random.number(1...3)
        let widths = (0..<levels).map { _ in random.width() }
        var down = widths.map { UNetConfiguration.Block(channels: $0, layers: layers, depth: random.flag() ? random.number(1...3) : nil) }
        // Without any attention it would not be a UNet of this family.
        let sure = random.number(0...levels - 1)
        down[sure] = UNetConfiguration.Block(channels: widths[sure], layers: layers, depth: random.number(1...3))
        let up = down.reversed().map { block in
            UNetConfiguration.Block(
                channels: block.channels, depths: (0...layers).map { _ in block.hasAttention ? random.number(1...3) : nil })
        }
        var unet = UNetConfiguration(
            inputChannels: random.choice(4, 5, 8, 9, 16), outputChannels: random.choice(4, 8, 16), down: down,
            middle: random.choice(.absent, .residual, .attention(depth: random.number(1...3))), up: up,
            crossAttentionWidth: context ?? random.number(1...40), usesLinearProjection: linear ?? random.flag(),
            additionWidth: addition ?? (random.flag() ? random.number(20...200) : nil))
        if isOfAnyKind {
            unet.guidanceWidth = random.flag() ? random.number(2...40) : nil
            // In the original's names only unCLIP's widths tell a class from SDXL's sizes.
            unet.classEmbedding =
                unet.additionWidth == nil ? random.choice(.none, .table(count: random.number(2...99)), .projection(width: 1536)) : .none
            unet.textOnlyLevels = Set(widths.indices.filter { _ in random.flag() })
        }
        unet.headCounts = widths.map { _ in 1 }
        unet.additionTimeWidth = unet.additionWidth.map { _ in 2 }
        unet.normGroups = 1
        return unet
    }

    private static func controlNet(_ random: inout SplitMix) -> ControlNetConfiguration {
        var encoder = unet(&random)
        encoder.up = []
        // Which it has none of: what every other one says.
        encoder.outputChannels = 4
        // The published class always has a middle.
        encoder.middle = .attention(depth: random.number(1...3))
        var network = ControlNetConfiguration(
            encoder: encoder, conditioningChannels: random.number(1...4),
            conditioningWidths: (0..<random.number(2...5)).map { _ in random.width() })
        if random.flag() {
            let width = random.width()
            network.union = ControlNetConfiguration.Union(
                controlTypes: random.number(2...9), width: width, layers: random.number(1...3), projectionWidth: encoder.down[0].channels,
                additionWidth: random.number(10...90))
            network.union?.headCount = 1
        }
        return network
    }

    static func vae(_ random: inout SplitMix, latent: Int? = nil) -> AutoencoderKLConfiguration {
        let hasQuantization = random.flag()
        var vae = AutoencoderKLConfiguration(
            inputChannels: random.choice(1, 3, 4), outputChannels: random.choice(1, 3, 4),
            channels: (0..<random.number(1...5)).map { _ in random.width() }, layers: random.number(1...3),
            latentChannels: latent ?? random.number(1...40), hasQuantConvolution: hasQuantization, hasPostQuantConvolution: hasQuantization)
        vae.scalingFactor = 0.5
        vae.normGroups = 1
        return vae
    }

    static func clip(_ random: inout SplitMix, width: Int, projection: Int?, vocabulary: Int? = nil) -> CLIPTextConfiguration {
        var text = CLIPTextConfiguration(
            vocabularySize: vocabulary ?? random.number(10...90), positions: random.choice(16, 77, 248), width: width,
            feedForwardWidth: random.number(8...80), layers: random.number(1...5), projectionWidth: projection)
        text.headCount = 1
        text.activation = .gelu
        return text
    }

    static func t5(_ random: inout SplitMix, width: Int, vocabulary: Int? = nil) -> T5EncoderConfiguration {
        T5EncoderConfiguration(
            vocabularySize: vocabulary ?? random.number(10...90), width: width, headCount: random.number(1...5),
            headWidth: random.number(2...9), feedForwardWidth: random.number(8...80), layers: random.number(1...5), isGated: random.flag())
    }

    static func sd3(_ random: inout SplitMix, context: Int? = nil, pooled: Int? = nil) -> SD3TransformerConfiguration {
        let head = random.number(2...8)
        let layers = random.number(1...5)
        var network = SD3TransformerConfiguration(
            inputChannels: random.number(1...16), outputChannels: random.number(1...16), patchSize: random.number(1...4),
            width: head * random.number(1...4), layers: layers, dualAttentionLayers: (0..<layers).filter { _ in random.flag() },
            contextWidth: context ?? random.number(2...40), pooledWidth: pooled ?? random.number(2...40),
            positionsSide: random.number(1...9), normalizedHeadWidth: random.flag() ? head : nil)
        network.headWidth = head
        return network
    }

    static func flux(
        _ random: inout SplitMix, context: Int? = nil, pooled: Int? = nil, isControl: Bool = false
    ) -> FluxTransformerConfiguration {
        // Positions take even shares of a head.
        let head = 2 * random.number(3...8)
        let inputs = random.number(1...40)
        var network = FluxTransformerConfiguration(
            inputWidth: inputs, outputWidth: isControl ? inputs : random.number(1...40), width: head * random.number(1...4),
            headWidth: head, doubleBlocks: random.number(1...5), singleBlocks: random.number(isControl ? 0...5 : 1...5),
            contextWidth: context ?? random.number(2...40), pooledWidth: pooled ?? random.number(2...40), hasGuidance: random.flag())
        network.rotaryWidths = [2, 2, head - 4]
        return network
    }

    static func auraFlow(_ random: inout SplitMix) -> AuraFlowTransformerConfiguration {
        let (head, patch) = (random.number(1...12), random.number(1...4))
        var network = AuraFlowTransformerConfiguration(
            inputWidth: random.number(1...16) * patch * patch, outputWidth: random.number(1...16) * patch * patch,
            width: head * random.number(1...4), jointBlocks: random.number(1...4), singleBlocks: random.number(1...4),
            contextWidth: random.number(1...40), positions: random.number(1...100))
        network.patchSize = patch
        network.headWidth = head
        network.sampleSize = 8 * random.number(1...20)
        return network
    }

    static func pixArt(_ random: inout SplitMix, caption: Int? = nil) -> PixArtTransformerConfiguration {
        let head = 3 * random.number(1...4)
        let width = head * random.number(1...4)
        var network = PixArtTransformerConfiguration(
            inputChannels: random.number(1...16), outputChannels: random.number(1...16), patchSize: random.number(1...4), width: width,
            layers: random.number(1...5), contextWidth: width, captionWidth: caption ?? random.number(2...40), isToldSizes: random.flag())
        network.headWidth = head
        network.sampleSize = 8 * random.number(1...20)
        return network
    }

    private static func sd3Control(_ random: inout SplitMix) -> SD3ControlNetConfiguration {
        let head = random.number(2...8)
        let layers = random.number(1...5)
        let isJoint = random.flag()
        return SD3ControlNetConfiguration(
            inputChannels: random.number(1...16), extraChannels: isJoint ? random.number(0...3) : 0, patchSize: random.number(1...4),
            width: head * random.number(1...4), layers: layers,
            dualAttentionLayers: isJoint ? (0..<layers).filter { _ in random.flag() } : [],
            contextWidth: isJoint ? random.number(2...40) : nil, pooledWidth: random.number(2...40),
            positionsSide: isJoint ? random.number(1...9) : nil, normalizedHeadWidth: random.flag() ? head : nil, headWidth: head)
    }

    private static func adapter(_ random: inout SplitMix) -> T2IAdapterConfiguration {
        // The original tells levels apart by where the channels change.
        let first = random.width()
        var channels = [first, first + 2 * random.number(1...5)]
        for _ in 0..<random.number(0...3) { channels.append(random.width()) }
        let isLight = random.flag()
        if isLight, random.flag() { channels.append(channels[channels.count - 1]) }
        var network = T2IAdapterConfiguration(
            foldedChannels: 3 * 16, channels: channels.map { isLight ? 4 * $0 : $0 }, layers: random.number(1...4), isLight: isLight)
        network.foldedSide = 4
        network.isForXL = isLight ? false : random.flag()
        return network
    }
}
