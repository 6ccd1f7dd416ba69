import IsomerArchitectures
public import IsomerBytes
import IsomerMapping
public import IsomerTensors
import Synchronization

extension Adapter {
    /// The same adapter with fewer ranks. LoRA of linear maps and convolutions become smaller, the scale stays; other kinds stay as they are.
    ///
    /// - Throws: `usage` if there is nothing to reduce.
    public func resized(_ choice: LowRankFactors.Choice, workers: Workers = Workers()) throws(IsomerError) -> Adapter {
        let reduced = modules.indices.filter {
            modules[$0].kind == .lora && (scales[$0].rank ?? 0) > 1 && modules[$0].misfit(in: inventory) == nil
        }
        guard !reduced.isEmpty else {
            throw IsomerError(.usage, "no module of this adapter has a rank that can be reduced", path: path)
        }
        let made = Mutex<[Int: LowRankFactors]>([:])
        try workers.run(reduced.count) { (item, _) throws(IsomerError) in
            let number = reduced[item]
            guard let down = modules[number].tensors[.down], let up = modules[number].tensors[.up], let rank = scales[number].rank else {
                return
            }
            let rows = inventory.tensors[up].shape.elementCount / rank
            let columns = inventory.tensors[down].shape.elementCount / rank
            let factors = try LowRankFactors(
                up: source.tensors.floats(of: up), down: source.tensors.floats(of: down), rows: rows, columns: columns, rank: rank, choice)
            made.withLock { $0[number] = factors }
        }
        let found = made.withLock { $0 }
        var replaced: [Int: (TensorDescriptor, [UInt8])] = [:]
        for (number, factors) in found {
            let module = modules[number]
            guard let down = module.tensors[.down], let up = module.tensors[.up], let rank = scales[number].rank else { continue }
            let (first, second) = (inventory.tensors[down], inventory.tensors[up])
            replaced[down] = (
                try TensorDescriptor(
                    name: first.name, scalarType: first.scalarType, shape: Shape([factors.rank] + first.shape.dimensions.dropFirst())),
                try factors.down.bytes(as: first.scalarType)
            )
            replaced[up] = (
                try TensorDescriptor(
                    name: second.name, scalarType: second.scalarType,
                    shape: Shape([second.shape.dimensions[0], factors.rank] + second.shape.dimensions.dropFirst(2))),
                try factors.up.bytes(as: second.scalarType)
            )
            if let alpha = module.tensors[.alpha], let value = scales[number].alpha {
                let number = FloatBuffer(count: 1)
                number.values[0] = Float(value / Double(rank) * Double(factors.rank))
                replaced[alpha] = (inventory.tensors[alpha], try number.bytes(as: inventory.tensors[alpha].scalarType))
            }
        }
        var tensors: [(TensorDescriptor, [UInt8])] = []
        for (index, tensor) in inventory.tensors.enumerated() {
            if let made = replaced[index] { tensors.append(made) } else { tensors.append((tensor, try source.tensors.bytes(of: index))) }
        }
        let metadata = metadataAfterResizing(found)
        var resized = source
        resized.tensors = HeldTensors(tensors, metadata: metadata)
        return try Adapter(path, resized, base: base)
    }

    private func metadataAfterResizing(_ factors: [Int: LowRankFactors]) -> FileMetadata {
        var metadata = source.tensors.metadata
        for key in FileConversion.hashKeys + [AdapterOrigin.key] { metadata[key] = nil }
        let ranks = Set(factors.values.map(\.rank))
        if metadata["ss_network_dim"] != nil {
            metadata["ss_network_dim"] = ranks.count == 1 ? ranks.first.map(String.init) : "Dynamic"
            metadata["ss_network_alpha"] = ranks.count == 1 ? metadata["ss_network_alpha"] : "Dynamic"
        }
        if metadata["ss_network_alpha"] != nil, ranks.count == 1, let number = factors.keys.min(), let rank = scales[number].rank,
            let alpha = scales[number].alpha, let new = ranks.first
        {
            metadata["ss_network_alpha"] = "\(alpha / Double(rank) * Double(new))"
        }
        if metadata[PEFTConfigurations.metadataKey] != nil {
            var written: [(slot: String, module: String, rank: Int, alpha: Double, hasMagnitude: Bool)] = []
            for (number, module) in modules.enumerated() {
                guard let target = module.target, let rank = scales[number].rank else { continue }
                let new = factors[number]?.rank ?? rank
                written.append((target.slot, target.modules[0], new, scales[number].factor * Double(new), module.hasMagnitude))
            }
            metadata[PEFTConfigurations.metadataKey] = PEFTConfigurations.text(written)
        }
        return metadata
    }
}
