internal import IsomerBytes
internal import IsomerConversion

extension Report {
    /// What an adapter is and what it is for.
    mutating func add(_ adapter: AdapterSummary) {
        let kinds = adapter.kinds.map { "\($0.kind) (\(Numbers.count($0.modules, "module")))" }.joined(separator: ", ")
        field("adapter", kinds + (adapter.hasMagnitudes ? ", with DoRA's lengths" : ""))
        if !adapter.ranks.isEmpty {
            field(
                "rank",
                adapter.ranks.prefix(6).map { rank, alpha, modules in
                    "\(rank), alpha \(alpha.map { Numbers.significant($0) } ?? "not stated: the same")"
                        + (adapter.ranks.count > 1 ? " (\(Numbers.count(modules, "module")))" : "")
                }.joined(separator: "; ") + (adapter.ranks.count > 6 ? "; …" : ""))
        }
        if let origin = adapter.alphaOrigin { field("alpha from", origin) }
        field("base model", adapter.base?.title ?? "not known")
        field("naming", adapter.naming.map { "\($0.identifier): \($0.title)" } ?? "no single tool's")
        list("because", adapter.reasons)
        heading("targets")
        for component in adapter.components {
            line(
                "\(component.slot ?? "unknown")  \(Numbers.count(component.modules, "module")): \(component.targets.joined(separator: ", "))",
                indent: 2)
        }
        list("training", adapter.training.map { "\($0.name): \($0.value)" })
        list("do not fit", adapter.misfits, limit: 20)
        list("not explained", adapter.others, limit: 20)
    }
}

extension AdapterSummary {
    /// As `Sources/IsomerCommands/Schemas/inspect.json` has it.
    var json: JSONValue {
        [
            "kinds": .array(kinds.map { ["kind": .string($0.kind), "modules": .integer($0.modules)] }),
            "dora": .bool(hasMagnitudes),
            "ranks": .array(
                ranks.map { rank, alpha, modules in
                    ["rank": .integer(rank), "alpha": alpha.map { .real($0) } ?? .null, "modules": .integer(modules)]
                }),
            "alphaFrom": alphaOrigin.map(JSONValue.string) ?? .null,
            "baseModel": base.map { ["title": .string($0.title), "architecture": .string($0.family)] } ?? .null,
            "naming": naming.map { .string($0.identifier) } ?? .null,
            "reasons": .strings(reasons),
            "components": .array(
                components.map {
                    ["name": $0.slot.map(JSONValue.string) ?? .null, "modules": .integer($0.modules), "targets": .strings($0.targets)]
                }),
            "training": .array(training.map { ["name": .string($0.name), "value": .string($0.value)] }),
            "misfits": .strings(misfits),
            "others": .strings(others),
        ]
    }
}
