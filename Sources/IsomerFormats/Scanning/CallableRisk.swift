/// What is known of a callable that a pickle names: by the lists, never by running anything.
struct CallableRisk: Hashable, Sendable {
    let verdict: ScanVerdict
    let reason: String

    /// Judges a name that is called, or that only stands there.
    ///
    /// Exact names of known data are safe. Otherwise the longest listed path that the dotted path begins with decides, so that listing a
    /// module lists everything in it. A path that leads through another module's attribute (`torch.os.system`) counts as what it leads to.
    init(_ global: PickleGraph.Global, isCalled: Bool) {
        switch TorchGlobal(global) {
        case .builder, .descriptor, .inertData:
            self.init(verdict: .safe, reason: "makes data")
            return
        case .forbidden, .unknown: break
        }
        let components = (global.module.split(separator: ".") + global.name.split(separator: ".")).map(String.init)
        let names = global.name.split(separator: ".").map(String.init)
        if let listed = CallableRisk.listed(components), listed.verdict > .safe || !isCalled {
            self = listed
        } else if let step = names.first(where: CallableRisk.passages.contains) {
            self.init(verdict: .dangerous, reason: "reaches \(step) through an attribute")
        } else if let inner = CallableRisk.module(behind: names) {
            self.init(verdict: .dangerous, reason: "reaches \(inner) through an attribute")
        } else if TorchGlobal(global) == .forbidden {
            self.init(verdict: .dangerous, reason: "belongs to a module that no checkpoint needs")
        } else if isCalled {
            self.init(verdict: .suspicious, reason: "is called, and nobody knows what it does")
        } else if names.count > 1 {
            self.init(verdict: .suspicious, reason: "is an attribute of something, and nobody knows what it does")
        } else if let package = components.first, CallableRisk.knownPackages.contains(package) {
            self.init(verdict: .safe, reason: "is only named")
        } else {
            self.init(verdict: .suspicious, reason: "is imported, and nobody knows what its module does")
        }
    }

    init(verdict: ScanVerdict, reason: String) {
        self.verdict = verdict
        self.reason = reason
    }

    /// A dangerous name that an attribute leads to, as `functools.partial` in a module that imports `functools`.
    private static func module(behind names: [String]) -> String? {
        guard names.count > 1 else { return nil }
        for start in names.indices.dropLast().prefix(12) where listed(Array(names[start...]))?.verdict == .dangerous {
            return names[start...].joined(separator: ".")
        }
        return nil
    }

    /// Whether nothing is known of a name: neither that it is data nor that it is a function of tensors.
    static func isUnknown(_ global: PickleGraph.Global) -> Bool {
        switch TorchGlobal(global) {
        case .builder, .descriptor, .inertData: return false
        case .forbidden: return true
        case .unknown: return CallableRisk(global, isCalled: false).reason != harmlessReason
        }
    }

    /// The reason under which the list keeps functions of tensors.
    private static let harmlessReason = "computes with tensors when the model is used"

    /// The callable of a configuration, if no configuration should name it.
    static func launcher(_ path: String) -> String? {
        var prefix = ""
        for component in path.split(separator: ".").prefix(12) {
            prefix += prefix.isEmpty ? String(component) : "." + component
            if launchers.contains(prefix) { return path }
        }
        return nil
    }

    /// What is wrong with a chat template, and how bad it is.
    static func template(_ text: String) -> CallableRisk? {
        let text = text.filter { $0 != " " }
        guard let passage = templatePassages.first(where: text.contains) else { return nil }
        return CallableRisk(
            verdict: passage.hasPrefix("|") ? .suspicious : .dangerous,
            reason: "a chat template reaches for \(passage), which no template needs")
    }

    private static func listed(_ components: [String]) -> CallableRisk? {
        var found: CallableRisk?
        var path = ""
        // Deeper paths than any in the list need not be built.
        for component in components.prefix(12) {
            path += path.isEmpty ? component : "." + component
            if let risk = table[path] { found = risk }
        }
        return found
    }

    /// By dotted path.
    private static let table: [String: CallableRisk] = {
        var table: [String: CallableRisk] = [:]
        var heading = CallableRisk(verdict: .suspicious, reason: "")
        for line in riskTable.split(separator: "\n") where !line.hasPrefix("#") {
            if line.hasPrefix("["), let colon = line.firstIndex(of: ":"), line.hasSuffix("]"),
                let verdict = ScanVerdict(rawValue: String(line[line.index(after: line.startIndex)..<colon]))
            {
                heading = CallableRisk(verdict: verdict, reason: String(line[line.index(after: colon)...].dropFirst().dropLast()))
            } else {
                for path in line.split(separator: " ") { table[String(path)] = heading }
            }
        }
        return table
    }()

    private static let launchers = words(launcherTable)
    private static let templatePassages = words(templateTable).sorted()

    private static func words(_ table: String) -> Set<String> { Set(table.split { $0 == " " || $0 == "\n" }.map(String.init)) }

    private static let passages = words(passageTable)

    /// Packages that honest checkpoints name things in.
    private static let knownPackages: Set<String> = {
        var packages: Set<String> = []
        for text in [TorchGlobal.builderTable, TorchGlobal.descriptorTable, TorchGlobal.inertTable] {
            for line in text.split(separator: "\n") where !line.hasPrefix("#") {
                if let package = line.split(whereSeparator: { $0 == "." || $0 == " " }).first { packages.insert(String(package)) }
            }
        }
        return packages
    }()
}
