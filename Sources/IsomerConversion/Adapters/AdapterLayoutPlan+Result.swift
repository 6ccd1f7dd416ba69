import IsomerArchitectures
import IsomerBytes
import IsomerMapping
import IsomerTensors

extension AdapterLayoutPlan {
    func finish(leftOut: Set<Int>) throws(IsomerError) -> ConversionPlan {
        var planned = planned
        var plan = ConversionPlan(sources: [adapter.source], shape: .file, files: [])
        for index in adapter.base.reading.others where Adapter.isPassenger(tensors[index].name) {
            planned.append(
                PlannedTensor(tensors[index], from: TensorReference(source: 0, index: index), of: tensors[index].scalarType))
        }
        for index in adapter.base.reading.others where !Adapter.isPassenger(tensors[index].name) {
            plan.setAside.append(
                SetAside(
                    TensorReference(source: 0, index: index), name: tensors[index].name, .ignored, because: "nothing explains it"))
        }
        for index in leftOut.sorted() {
            for tensor in adapter.modules[index].tensors.values.sorted() {
                plan.setAside.append(
                    SetAside(
                        TensorReference(source: 0, index: tensor), name: tensors[tensor].name, .ignored,
                        because: "the model has no place for it"))
            }
        }
        if !blocks.isEmpty {
            plan.sources.append(ConversionPlan.Source("factors", BlockTensors(adapter.source.tensors, blocks), files: []))
        }
        var used: Set<Int> = []
        for piece in planned.flatMap(\.pieces) {
            if case .tensor(let reference, _) = piece, reference.source == 0 { used.insert(reference.index) }
        }
        for (index, reason) in dissolved.sorted(by: { $0.key < $1.key }) where !used.contains(index) || isPartlyUsed(index, planned) {
            plan.setAside.append(
                SetAside(TensorReference(source: 0, index: index), name: tensors[index].name, .merged, because: reason))
        }
        plan.decisions = decisions
        plan.files = [PlannedFile(container: conversion.container, tensors: planned)]
        plan.files[0].hold(metadata(planned))
        return plan
    }

    private func isPartlyUsed(_ index: Int, _ planned: [PlannedTensor]) -> Bool {
        var count = 0
        for piece in planned.flatMap(\.pieces) {
            guard case .tensor(let reference, let part) = piece, reference == TensorReference(source: 0, index: index) else { continue }
            switch part {
            case .elements(let range): count += range.count
            default: count += tensors[index].shape.elementCount
            }
        }
        return count < tensors[index].shape.elementCount
    }

    private var decisions: [Decision] {
        var decisions = [
            Decision("base model", adapter.base.title, because: "its modules have these names and shapes", flag: "--base-model PATH")
        ]
        let unstated = adapter.scales.contains { $0.rank != nil && $0.alpha == nil }
        if unstated { decisions.append(Decision("alpha", "the same as the rank", because: "nothing states it")) }
        if foldedCount > 0 {
            decisions.append(
                Decision(
                    "alpha", "multiplied into the second factors of \(foldedCount) modules",
                    because: conversion.foldsAlpha ? "--fold-alpha says so" : "\(conversion.naming.identifier) has no place for it"))
        }
        return decisions
    }

    private func metadata(_ planned: [PlannedTensor]) -> FileMetadata {
        var metadata = AdapterOrigin.metadata(
            of: adapter, for: conversion, isSameData: foldedCount == 0 && planned.allSatisfy { !$0.isCast })
        let statesAlpha = !(conversion.naming.writesAlphaTensors)
        if statesAlpha, metadata[PEFTConfigurations.metadataKey] == nil, written.contains(where: { $0.alpha != Double($0.rank) }) {
            metadata[PEFTConfigurations.metadataKey] = PEFTConfigurations.text(written)
        }
        for (key, value) in conversion.metadata { metadata[key] = value }
        return metadata
    }
}
