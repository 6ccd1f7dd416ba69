internal import IsomerBytes
internal import IsomerMapping

/// What `inspect --list` prints: every architecture in the registry, its published models and the namings of its components.
struct ArchitectureList {
    private let rows = ArchitectureCatalogue.rows

    func text(for terminal: Terminal?) -> String {
        var report = Report(for: terminal)
        for row in rows where row.unmappedBecause == nil {
            report.heading("\(row.title)  \(row.identifier)")
            for member in row.members { report.field(member.identifier, member.title) }
            for component in row.components {
                report.line("\(component.slot)  \(component.title): \(component.layouts.joined(separator: ", "))", indent: 2)
            }
        }
        report.list(
            "recognised, not converted", rows.compactMap { row in row.unmappedBecause.map { "\(row.title): \($0)" } })
        return report.finish()
    }

    /// The published form: `Sources/IsomerCommands/Schemas/architectures.json`.
    var json: JSONValue {
        [
            "schema": "isomer.architectures/1",
            "architectures": .array(
                rows.map { row in
                    [
                        "id": .string(row.identifier), "title": .string(row.title),
                        "members": .array(row.members.map { ["id": .string($0.identifier), "title": .string($0.title)] }),
                        "components": .array(
                            row.components.map {
                                ["slot": .string($0.slot), "network": .string($0.title), "layouts": .strings($0.layouts)]
                            }),
                        "unmappedBecause": row.unmappedBecause.map(JSONValue.string) ?? .null,
                    ]
                }),
        ]
    }
}
