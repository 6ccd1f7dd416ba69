import IsomerArchitectures
import IsomerBytes
import IsomerTensors
import Testing

@testable import IsomerMapping

/// Every published model in `Fixtures/manifests`, at full size, by names and shapes alone.
@Suite struct FullSizeTests {
    struct Model: CustomTestStringConvertible, Sendable {
        var name: String
        var testDescription: String { name }
        func list(_ layout: String, _ component: String) throws -> [TensorDescriptor] {
            try keyList(fixtures.appending("manifests/\(name)/\(layout)/\(component).txt"))
        }
    }

    static let models = ModelFamily.all.flatMap(\.members).map { Model(name: $0.identifier) }

    @Test(arguments: models) func manifestsEqualThePeers(model: Model) throws {
        let (family, member) = try #require(ModelFamily.member(model.name))
        for slot in family.slots {
            let configuration = try #require(member.components[slot.name])
            let manifest = try configuration.manifest()
            let peer = try model.list("diffusers", slot.name)
            #expect(manifest.entries.map(\.name) == peer.map(\.name))
            #expect(manifest.entries.map(\.shape) == peer.map(\.shape))
        }
    }

    @Test(arguments: models) func shapesTellTheStructure(model: Model) throws {
        let (family, member) = try #require(ModelFamily.member(model.name))
        for slot in family.slots {
            let known = try #require(member.components[slot.name])
            let read = try slot.network.init(shapesOf: TensorInventory(model.list("diffusers", slot.name)))
            #expect(read.hasStructure(of: known))
            #expect(family.completed(read, slot: slot.name).undecided.isEmpty)
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
        let checkpoint = try family.slots.flatMap { try model.list("checkpoint", $0.name) }
        let detection = try Detection(of: TensorInventory(checkpoint))
        let reading = try #require(detection.decided)
        #expect(reading.family.identifier == family.identifier)
        #expect(reading.components.count == family.slots.count)
        #expect(reading.members.map(\.identifier).contains(model.name))
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
