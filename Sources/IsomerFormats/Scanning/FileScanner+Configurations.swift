internal import IsomerBytes

/// Files that are no pickles and still hold code, or name what their loaders call: configurations of Keras, Hydra, latent diffusion and
/// diffusers, YAML with Python's tags, TensorFlow's graphs, chat templates.
extension FileScanner {
    mutating func scanConfiguration(_ source: ScanSource, _ members: [String], _ format: FileFormat) throws(IsomerError) {
        let name = (members.last { !$0.hasPrefix("(") } ?? fileName).lowercased()
        let ending = name.split(separator: ".").last ?? ""
        if ending == "pb" { try scanGraph(source, members) }
        switch format {
        // The configuration is a text somewhere among the weights.
        case .hdf5: return try scanTexts(source, members)
        case .gguf: return try scanTemplates(source, members)
        default: if ending == "pb" { return try scanTexts(source, members) }
        }
        // By their first letters, a template and YAML in braces are JSON.
        guard format == .text || format == .unknown || format == .json else { return }
        let text = { () throws(IsomerError) in try source.bytes(at: 0, atMost: FileScanner.textBytes) }
        switch ending {
        case "yaml", "yml": judge(yaml: try text(), members)
        case "jinja", "jinja2", "j2": judge(template: String(decoding: try text(), as: UTF8.self), members)
        default: if format == .json { judge(text: try text(), members) }
        }
    }

    /// As much of a text as is looked at.
    static let textBytes = 64 << 20

    /// Tells of `path` if it is something that a loader of `what` should not call.
    mutating func tell(of path: String, in what: String, _ members: [String]) {
        guard let path = CallableRisk.launcher(path) else { return }
        remarkOnce(.dangerous, "\(what) names \(path), which its loader would call" + FileScanner.place(members))
    }
}

extension [UInt8] {
    /// Whether the text's bytes occur.
    func contains(sequence text: String) -> Bool { !places(of: text, most: 1).isEmpty }

    /// Where the text's bytes end, wherever they occur.
    func places(of text: String, most: Int = 10_000) -> [Int] {
        let wanted = Array(text.utf8)
        guard let first = wanted.first else { return [] }
        var places: [Int] = []
        var start = startIndex
        while places.count < most, let found = self[start...].firstIndex(of: first) {
            if self[found...].starts(with: wanted) { places.append(found + wanted.count) }
            start = found + 1
        }
        return places
    }
}
