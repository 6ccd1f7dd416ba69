import IsomerArchitectures
import IsomerBytes
import IsomerTensors
import Testing

@testable import IsomerMapping

/// Architectures that are told by their names but not mapped.
@Suite struct UnmappedArchitectureTests {
    @Test(arguments: UnmappedArchitecture.all.map(\.identifier)) func namesTellOneArchitecture(identifier: String) throws {
        let architecture = try #require(UnmappedArchitecture.all.first { $0.identifier == identifier })
        for signature in architecture.signatures {
            for prefix in ["", "model.diffusion_model."] {
                let names = signature.present.map { prefix + $0 }
                let tensors = try names.map { try TensorDescriptor(name: $0, scalarType: .f16, shape: Shape([1])) }
                #expect(UnmappedArchitecture.found(in: TensorInventory(tensors))?.identifier == identifier)
            }
        }
    }

    static let lists: [String] = {
        let entries = (try? FileSystem.entries(of: Fixtures["recognised"])) ?? []
        return entries.map(\.string).filter { $0.hasSuffix(".txt") }.sorted()
    }()

    @Test func thereAreLists() { #expect(Self.lists.count >= 9) }

    @Test(arguments: lists) func thePeersOwnNamesTellIt(list: String) throws {
        let inventory = try TensorInventory(keyList(Fixtures.bytes("recognised/\(list)")))
        #expect(UnmappedArchitecture.found(in: inventory).map { $0.identifier + ".txt" } == list)
        #expect(try FamilyDetection(of: inventory).decided?.family.identifier == nil)
    }

    @Test(arguments: FullSizeTests.models) func noMappedModelIsTakenForOne(model: FullSizeTests.Model) throws {
        let family = try #require(ModelFamily.member(model.name)).family
        for slot in family.slots {
            #expect(try UnmappedArchitecture.found(in: TensorInventory(model.canonical(slot.name)))?.identifier == nil)
            #expect(try UnmappedArchitecture.found(in: TensorInventory(model.original(slot)))?.identifier == nil)
        }
    }
}
