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
        if let listed = CallableRisk.listed(components) {
            self = listed
        } else if let step = global.name.split(separator: ".").first(where: { CallableRisk.passages.contains(String($0)) }) {
            self.init(verdict: .dangerous, reason: "reaches \(step) through an attribute")
        } else if TorchGlobal(global) == .forbidden {
            self.init(verdict: .dangerous, reason: "belongs to a module that no checkpoint needs")
        } else if isCalled {
            self.init(verdict: .suspicious, reason: "is called, and nobody knows what it does")
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

    private static let passages = Set(passageTable.split { $0 == " " || $0 == "\n" }.map(String.init))

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
