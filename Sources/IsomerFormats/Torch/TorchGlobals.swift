/// What an imported name means to a reader that imports nothing.
enum TorchGlobal: Hashable, Sendable {
    /// Makes a tensor out of storages, sizes and flags: understood here.
    case builder
    /// A storage class, a data type, a layout: a name that says how to read bytes.
    case descriptor
    /// Known classes of plain data. Their values stay opaque.
    case inertData
    /// Not on any list. Harmless as long as it is only named.
    case unknown
    /// Nothing that belongs in a checkpoint even as a name.
    case forbidden

    /// Decides by the exact module and name: never by a prefix of a name, never through a dotted attribute.
    init(_ global: PickleGraph.Global) {
        if let known = TorchGlobal.known[global] {
            self = known
        } else if TorchGlobal.isForbidden(global) {
            self = .forbidden
        } else {
            self = .unknown
        }
    }

    private static let known: [PickleGraph.Global: TorchGlobal] = {
        var table: [PickleGraph.Global: TorchGlobal] = [:]
        for (meaning, text) in [(TorchGlobal.builder, builderTable), (.descriptor, descriptorTable), (.inertData, inertTable)] {
            for line in text.split(separator: "\n") where !line.hasPrefix("#") {
                let words = line.split(separator: " ").map(String.init)
                guard let module = words.first else { continue }
                for name in words.dropFirst() { table[PickleGraph.Global(module: module, name: name)] = meaning }
            }
        }
        return table
    }()

    private static let forbiddenModules = Set(forbiddenTable.split { $0 == " " || $0 == "\n" }.map(String.init))

    /// By the module or the package that it is in.
    private static func isForbidden(_ global: PickleGraph.Global) -> Bool {
        var module = global.module[...]
        while true {
            if forbiddenModules.contains(String(module)) { return true }
            guard let dot = module.lastIndex(of: ".") else { return false }
            module = module[..<dot]
        }
    }
}
