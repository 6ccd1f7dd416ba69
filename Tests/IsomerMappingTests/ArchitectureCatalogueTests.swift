import IsomerArchitectures
import Testing

@testable import IsomerMapping

@Suite struct ArchitectureCatalogueTests {
    @Test func everyShortNameMeansOneThing() {
        let rows = ArchitectureCatalogue.rows
        #expect(Set(rows.map(\.identifier)).count == rows.count)
        let members = rows.flatMap(\.members).map(\.identifier)
        #expect(Set(members).count == members.count)
    }

    @Test func everyFamilySaysItsComponentsAndNamings() {
        let rows = ArchitectureCatalogue.rows.filter { $0.unmappedBecause == nil }
        #expect(rows.map(\.identifier) == ModelFamily.all.map(\.identifier))
        #expect(rows.allSatisfy { !$0.members.isEmpty && !$0.components.isEmpty })
        #expect(rows.flatMap(\.components).allSatisfy { !$0.layouts.isEmpty && Set($0.layouts).count == $0.layouts.count })
    }

    /// A network without a family would be read by nothing, and a layout that is not registered not be recognised where it stands alone.
    @Test func everyLayoutIsRegisteredAndHasAPlace() {
        var placed: Set<String> = []
        for slot in ModelFamily.all.flatMap(\.slots) {
            for placement in slot.placements { placed.insert("\(slot.network.title): \(placement.layout.name)") }
        }
        #expect(placed == Set(Layouts.all.map { "\($0.network.title): \($0.name)" }))
    }
}
