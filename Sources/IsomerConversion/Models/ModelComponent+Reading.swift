import IsomerArchitectures
import IsomerBytes
import IsomerMapping
import IsomerTensors

extension ModelComponent {
    /// The component that `reading` found in source number `source`.
    ///
    /// Throws `mismatch` if tensors are missing that the user did not allow to be missing, or if any has another shape than the network's.
    init(
        _ slot: Slot, _ reading: ComponentReading, source: Int, in tensors: any TensorSource, _ request: ConversionRequest
    ) throws(IsomerError) {
        if var error = reading.mismatches.first, !request.allowsMisshapen {
            if reading.mismatches.count > 1 { error.what += " (the first of \(reading.mismatches.count) such tensors)" }
            error.remedy = "give the configuration that belongs to these weights with --config"
            throw error
        }
        let implied = Dictionary(slot.implied(reading.configuration).map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        let items = try reading.placement.layout.expansion(of: reading.configuration).items
        let impliedNames = Set(
            items.filter { item in
                item.parts.allSatisfy { implied[$0.name] != nil }
            }.map { reading.placement.name(of: $0.name) })
        let needed = reading.missing.filter { name in !impliedNames.contains(name) }.filter { name in
            !request.allowedMissing.contains { $0.matches(name) }
        }
        if let first = needed.first {
            let more = needed.count > 1 ? " and \(needed.count - 1) more" : ""
            throw IsomerError(
                .mismatch, "the \(slot.network.title) is not whole: \(first)\(more) \(needed.count > 1 ? "are" : "is") missing",
                item: slot.name,
                remedy: "get the file again, or allow it with --allow-missing PATTERN")
        }
        let expressions = try ModelComponent.expressions(reading.assignments, reading.pairs, source: source, in: tensors)
        var oddShapes: [String: [Int]] = [:]
        for assignment in reading.assignments where tensors.tensors[assignment.index].shape != assignment.item.shape {
            let tensor = tensors.tensors[assignment.index]
            oddShapes[tensor.name] = tensor.shape.dimensions
        }
        let manifest = try reading.configuration.manifest()
        self.init(
            slot: slot, configuration: reading.configuration, written: nil,
            origin: reading.placement.description,
            placement: reading.placement, oddShapes: oddShapes, tensors: expressions,
            implied: implied.filter { expressions[$0.key] == nil },
            missing: Set(manifest.entries.map(\.name)).subtracting(expressions.keys).subtracting(implied.keys),
            misshapen: reading.mismatches.map { error in
                let its = items.filter { reading.placement.name(of: $0.name) == error.location.item }
                return (error, its.flatMap { $0.parts.map(\.name) })
            })
    }

    /// Its configuration and place, and of its tensors only the canonical `names`.
    init(
        outlineOf reading: ComponentReading, _ slot: Slot, source: Int, in tensors: any TensorSource, only names: Set<String>
    ) throws(IsomerError) {
        let wanted = reading.assignments.filter { assignment in assignment.item.parts.contains { names.contains($0.name) } }
        self.init(
            slot: slot, configuration: reading.configuration, written: nil, origin: reading.placement.description,
            placement: reading.placement, tensors: try ModelComponent.expressions(wanted, source: source, in: tensors))
    }

    /// The canonical tensors that `assignments` hold.
    private static func expressions(
        _ assignments: [ComponentReading.Assignment], _ pairs: [ComponentReading.Pair] = [], source: Int, in tensors: any TensorSource
    ) throws(IsomerError) -> [String: TensorExpression] {
        var expressions: [String: TensorExpression] = [:]
        for assignment in assignments {
            let reference = TensorReference(source: source, index: assignment.index)
            var expression = TensorExpression(reference, tensors.tensors[assignment.index])
            let item = assignment.item
            do throws(IsomerError) {
                if let pair = pairs.first(where: { $0.item.name == item.name }) {
                    let second = TensorReference(source: source, index: pair.second)
                    expression = try .completed(expression, by: TensorExpression(second, tensors.tensors[pair.second]), pair.table)
                }
                for (part, made) in zip(item.parts, try item.transform.canonical(of: expression, as: item)) {
                    expressions[part.name] = made
                }
            } catch {
                throw error.about(item.name)
            }
        }
        return expressions
    }
}
