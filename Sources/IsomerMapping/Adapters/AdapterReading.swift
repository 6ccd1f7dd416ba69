public import IsomerArchitectures
import IsomerBytes
import IsomerTensors

/// One module that an adapter changes, as its file names it.
public struct AdapterModule: Hashable, Sendable {
    /// The name, without what a tensor is to the module.
    public let stem: String
    /// What the name means in the model; `nil` if nothing there is called so.
    public var target: AdapterTarget?
    /// The positions of its tensors in the file.
    public var tensors: [AdapterRole: Int]
    /// How it changes the module; `nil` if its tensors make up none of the known ways.
    public let kind: AdapterKind?

    /// Whether the changed weight's rows or columns get trained lengths (DoRA).
    public var hasMagnitude: Bool { tensors[.magnitude] != nil }
}

/// The tensors of a file read as an adapter.
public struct AdapterReading: Sendable {
    /// The modules, in the order in which the file first mentions them.
    public var modules: [AdapterModule]
    /// Tensors that belong to no module.
    public let others: [Int]

    /// Groups `inventory` by module. `nil` if fewer than half of its tensors are named as an adapter's are.
    public init?(_ inventory: TensorInventory) {
        guard let grouped = AdapterReading.group(inventory) else { return nil }
        (modules, others) = grouped
    }

    /// Whether `inventory` looks like an adapter: by a few names, at once.
    public static func looksLikeOne(_ inventory: TensorInventory) -> Bool {
        let sample = inventory.tensors.prefix(64)
        let found = sample.count { tensor in AdapterKey(tensor.name).map { $0.role != .inputFactors } ?? false }
        return found > 0 && (found * 2 >= sample.count || AdapterReading(inventory) != nil)
    }

    private static func group(_ inventory: TensorInventory) -> ([AdapterModule], [Int])? {
        var order: [ExactString] = []
        var tensors: [ExactString: [AdapterRole: Int]] = [:]
        var pending: [(Int, String)] = []
        var others: [Int] = []
        for (index, tensor) in inventory.tensors.enumerated() {
            guard let key = AdapterKey(tensor.name) else {
                others.append(index)
                continue
            }
            // `.weight` alone says nothing: only beside `on_input` are they factors.
            if key.role == .inputFactors {
                pending.append((index, key.stem))
                continue
            }
            let stem = ExactString(key.stem)
            if tensors[stem] == nil { order.append(stem) }
            if tensors[stem]?[key.role] == nil { tensors[stem, default: [:]][key.role] = index } else { others.append(index) }
        }
        for (index, stem) in pending {
            if tensors[ExactString(stem)]?[.isOnInput] != nil {
                tensors[ExactString(stem)]?[.inputFactors] = index
            } else {
                others.append(index)
            }
        }
        let count = tensors.values.reduce(0) { $0 + $1.count }
        guard count > 0, count * 2 >= inventory.tensors.count else { return nil }
        let modules = order.compactMap { stem -> AdapterModule? in
            guard let roles = tensors[stem] else { return nil }
            return AdapterModule(stem: stem.string, target: nil, tensors: roles, kind: AdapterKind(roles: roles.keys))
        }
        return (modules, others.sorted())
    }

    /// The same with every name looked up in `aliases`.
    public func resolved(in aliases: AdapterAliases) -> AdapterReading {
        var resolved = self
        for index in modules.indices { resolved.modules[index].target = aliases.target(of: modules[index].stem) }
        return resolved
    }

    /// The naming whose names these are, to the last one; `nil` if none is.
    public func naming(in aliases: AdapterAliases, _ inventory: TensorInventory) -> AdapterNaming? {
        AdapterNaming.all.first { naming in
            modules.allSatisfy { module in
                guard let target = module.target, let first = target.modules.first,
                    let name = naming.name(ofModule: first, slot: target.slot, in: aliases), name.target.modules == target.modules
                else { return false }
                return module.tensors.allSatisfy { role, index in
                    name.tensorName(role).map { $0.utf8.elementsEqual(inventory.tensors[index].name.utf8) } ?? false
                }
            }
        }
    }
}
