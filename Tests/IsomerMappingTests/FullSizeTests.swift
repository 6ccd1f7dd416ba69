import IsomerArchitectures
import IsomerBytes
import IsomerTensors
import Testing

@testable import IsomerMapping

/// Every published model in `Fixtures/manifests`, at full size, by names and shapes alone.
@Suite struct FullSizeTests {
    struct Model: CustomTestStringConvertible, Sendable {
        var name: String
        /// The member whose lists stand for those that this one shares.
        var base: String
        var testDescription: String { name }

        /// Components that several models share have their list in one place.
        static let shared: [String: String] = [
            "flux-dev/vae": "vae-16/diffusers/vae", "flux-dev/text_encoder": "clip-l/diffusers/text_encoder",
            "vae-sd3/vae": "vae-16/diffusers/vae", "vae-flux/vae": "vae-16/diffusers/vae",
            "flux-dev/text_encoder_2": "t5-v1_1-xxl/diffusers/text_encoder",
            "clip-l-projected/text_encoder": "sd3-medium/diffusers/text_encoder",
            "pixart-alpha/vae": "vae-sd/diffusers/vae", "pixart-alpha/text_encoder": "t5-v1_1-xxl/diffusers/text_encoder",
            "auraflow-0.3/vae": "vae-sd/diffusers/vae",
        ]

        private func list(_ candidates: [String]) throws -> [TensorDescriptor] {
            for candidate in candidates {
                let path = "manifests/\(candidate).txt"
                if try FileSystem.kind(of: Fixtures[path + ".gz"]) == .file { return try keyList(Fixtures.unpacked(path)) }
            }
            throw IsomerError(.cannotRead, "there is no list", item: candidates.joined(separator: ", "))
        }

        /// Families whose transformer is published alone and which other tools join with these: the list of the VAE.
        static let joined = ["flux-dev": "vae-16", "pixart-alpha": "vae-sd", "auraflow-0.3": "vae-sd"]

        /// Models whose lists are another's and one tensor more: the name that it follows, in either layout, and what it is.
        static let added: [String: (after: Set<String>, tensor: (name: String, shape: [Int]))] = [
            "lcm-dreamshaper-v7/unet": (
                ["time_embedding.linear_1.bias", "time_embed.0.bias"], ("time_embedding.cond_proj.weight", [320, 256])
            )
        ]

        private func amended(_ list: [TensorDescriptor], _ component: String, below prefix: String = "") throws -> [TensorDescriptor] {
            guard let (names, tensor) = Model.added["\(name)/\(component)"] else { return list }
            let place = try #require(list.firstIndex { names.contains(String($0.name.dropFirst(prefix.count))) })
            var list = list
            let shape = try Shape(tensor.shape)
            list.insert(try TensorDescriptor(name: prefix + tensor.name, scalarType: list[place].scalarType, shape: shape), at: place + 1)
            return list
        }

        /// The component in canonical names.
        func canonical(_ component: String) throws -> [TensorDescriptor] {
            if name == "t2i-adapter-sd15-light" { return try Model.lightAdapter }
            return try amended(
                list([name, base].flatMap { ["\($0)/diffusers/\(component)"] + [Model.shared["\($0)/\(component)"]].compactMap { $0 } }),
                component)
        }

        /// `T2IAdapter(in_channels=3, channels=[320, 640, 1280], num_res_blocks=4, downscale_factor=8, adapter_type="light_adapter")` of
        /// diffusers 0.42.1, as its state dictionary lists it.
        static var lightAdapter: [TensorDescriptor] {
            get throws {
                var list: [TensorDescriptor] = []
                for (level, (input, inner, output)) in [(192, 80, 320), (320, 160, 640), (640, 320, 1280), (1280, 320, 1280)].enumerated() {
                    let blocks = (0..<4).flatMap { block in (1...2).map { ("resnets.\(block).block\($0)", inner, inner, 3) } }
                    for (module, from, to, side) in [("in_conv", input, inner, 1)] + blocks + [("out_conv", inner, output, 1)] {
                        for (leaf, shape) in [("weight", [to, from, side, side]), ("bias", [to])] {
                            let name = "adapter.body.\(level).\(module).\(leaf)"
                            list.append(try TensorDescriptor(name: name, scalarType: .f32, shape: Shape(shape)))
                        }
                    }
                }
                return list
            }
        }

        /// The component as the model's original file has it, below the prefix that a file of several components gives it.
        func original(_ slot: Slot) throws -> [TensorDescriptor] {
            if name == "taesd" {
                return try ["encoder", "decoder"].flatMap { half in
                    try list(["taesd/checkpoint/\(half)"]).map { try $0.under("taesd_\(half).") }
                }
            }
            // What is published alone shares nothing with its relatives.
            let sharers = (ModelFamily.member(name)?.family.slots.count ?? 1) > 1 ? [name, base] : [name]
            let layouts = ["checkpoint", "gguf"].flatMap { layout in sharers.map { "\($0)/\(layout)/\(slot.name)" } }
            // Text encoders are joined as they are.
            let own = Self.joined[base] != nil && slot.name.hasPrefix("text") ? [] : layouts
            if name == "vae-sdxl" { return try list(["vae-sd/checkpoint/vae"]) }
            if name == "vae-sd3" || name == "vae-flux" { return try list(["vae-16/checkpoint/vae"]) }
            guard let autoencoder = Self.joined[base] else {
                return try (try? list(own)).map { try amended($0, slot.name, below: slot.placements[0].prefix) } ?? canonical(slot.name)
            }
            let found = try slot.name == "vae" ? list(["\(autoencoder)/checkpoint/vae"]) : (try? list(own)) ?? canonical(slot.name)
            return try found.map { try $0.under(slot.placements[0].prefix) }
        }
    }

    static let models = ModelFamily.all.flatMap { family in
        family.members.map { Model(name: $0.identifier, base: family.members[0].identifier) }
    }

    /// A new family without lists would otherwise pass by not being tested.
    @Test(arguments: ModelFamily.all.map(\.identifier)) func everyFamilyHasAMemberWithLists(identifier: String) throws {
        let family = try #require(ModelFamily.named(identifier))
        for slot in family.slots {
            let member = try #require(family.members.first)
            let list = try Model(name: member.identifier, base: member.identifier).canonical(slot.name)
            #expect(!list.isEmpty)
        }
    }

    @Test(arguments: models) func manifestsEqualThePeers(model: Model) throws {
        let (family, member) = try #require(ModelFamily.member(model.name))
        for slot in family.slots {
            let configuration = try #require(member.components[slot.name])
            let manifest = try configuration.manifest()
            let peer = try model.canonical(slot.name)
            #expect(manifest.entries.map(\.name) == peer.map(\.name))
            #expect(manifest.entries.map(\.shape) == peer.map(\.shape))
        }
    }

    @Test(arguments: models) func shapesTellTheStructure(model: Model) throws {
        let (family, member) = try #require(ModelFamily.member(model.name))
        for slot in family.slots {
            let known = try #require(member.components[slot.name])
            let read = try slot.network.init(shapesOf: TensorInventory(model.canonical(slot.name)))
            #expect(read.hasStructure(of: known))
            #expect(family.completed(read, slot: slot.name).undecided.isEmpty || family.asksForMember)
            #expect(read.completed(byAny: known).undecided.isEmpty)
        }
    }

    @Test(arguments: models) func configurationsSurviveTheirFiles(model: Model) throws {
        let (_, member) = try #require(ModelFamily.member(model.name))
        for (_, configuration) in member.components {
            let json = try configuration.json()
            let read = try type(of: configuration).init(json: JSONCursor(.object(json)))
            #expect(try read.json() == json)
            #expect(read.hasStructure(of: configuration))
        }
    }

    @Test(arguments: models) func checkpointsAreRecognisedWhole(model: Model) throws {
        let (family, _) = try #require(ModelFamily.member(model.name))
        let checkpoint = try family.slots.flatMap { try model.original($0) }
        let detection = try FamilyDetection(of: TensorInventory(checkpoint))
        let reading = try #require(detection.decided)
        #expect(reading.family.identifier == family.identifier)
        #expect(reading.components.count == family.slots.count)
        // A member that only its markers tell from another is not told by names of weights.
        let markers = try #require(family.members.first { $0.identifier == model.name }).markers
        #expect(reading.members.map(\.identifier).contains(model.name) == markers.isEmpty)
        #expect(reading.leftover.isEmpty)
        for component in reading.components.values {
            #expect(component.missing.isEmpty)
            #expect(component.mismatches.isEmpty)
        }
    }

    @Test(arguments: models) func layoutsExpandOneToOne(model: Model) throws {
        let (family, member) = try #require(ModelFamily.member(model.name))
        for slot in family.slots {
            let configuration = try #require(member.components[slot.name])
            for layout in Layouts.of(slot.network) {
                // `Expansion` throws unless it is one-to-one and its own inverse; the parts must cover the manifest.
                let expansion = try layout.expansion(of: configuration)
                #expect(expansion.items.flatMap(\.parts).count == (try configuration.manifest().entries.count))
            }
        }
    }
}
