internal import IsomerBytes

/// YAML with Python's tags, and what its keys name.
extension FileScanner {
    /// Python's tags make PyYAML's unsafe loaders call what they name.
    ///
    /// Reference: PyYAML 6.0 `constructor.py`, `UnsafeConstructor`; tags may be written with `%` and two digits.
    mutating func judge(yaml bytes: [UInt8], _ members: [String]) {
        var text: [UInt8] = []
        var place = 0
        while place < bytes.count {
            if bytes[place] == UInt8(ascii: "%"), place + 3 <= bytes.count,
                let code = UInt8(String(decoding: bytes[place + 1..<place + 3], as: UTF8.self), radix: 16)
            {
                text.append(code)
                place += 3
            } else {
                text.append(bytes[place])
                place += 1
            }
        }
        // Any cut through the tag's name will do for a shorthand, and no model needs one.
        if text.contains(sequence: "%TAG"), text.contains(sequence: "yaml.org,2002:") {
            remarkOnce(.suspicious, "the YAML shortens the tags that Python's loaders know" + FileScanner.place(members))
        }
        for tag in ["object/apply:", "object/new:", "python/object:", "python/name:", "python/module:"] {
            for start in text.places(of: tag) {
                let path = String(decoding: text[start...].prefix { FileScanner.isPath($0) }, as: UTF8.self)
                let parts = path.split(separator: ".")
                let global = PickleGraph.Global(
                    module: parts.dropLast().joined(separator: "."), name: parts.last.map(String.init) ?? "")
                let risk = CallableRisk(PythonTwoNames.modern(global), isCalled: true)
                guard risk.verdict > .safe else { continue }
                remarkOnce(
                    risk.verdict, "the YAML names \(path) for Python's loader to use, which \(risk.reason)" + FileScanner.place(members))
            }
        }
        for start in text.places(of: "target") {
            let rest = text[start...].drop { "_\"' ".utf8.contains($0) }
            guard rest.first == UInt8(ascii: ":") else { continue }
            let path = rest.dropFirst().drop { "\"' ".utf8.contains($0) }.prefix { FileScanner.isPath($0) }
            tell(of: String(decoding: path, as: UTF8.self), in: "the configuration", members)
        }
    }

    private static func isPath(_ byte: UInt8) -> Bool {
        byte == 0x2E || byte == 0x5F || byte >= 0x80 || 0x30...0x39 ~= byte || 0x41...0x5A ~= byte || 0x61...0x7A ~= byte
    }
}
