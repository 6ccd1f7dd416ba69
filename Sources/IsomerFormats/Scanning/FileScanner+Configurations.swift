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
    private static let textBytes = 64 << 20

    // MARK: JSON

    /// Looks at every run of text in a file of other bytes.
    private mutating func scanTexts(_ source: ScanSource, _ members: [String]) throws(IsomerError) {
        var run: [UInt8] = []
        var position: UInt64 = 0
        while position < source.count {
            try checkTime()
            let piece = try source.bytes(at: position, atMost: 1 << 20)
            var start = 0
            for (place, byte) in piece.enumerated() where byte < 0x20 && byte != 0x0A && byte != 0x0D && byte != 0x09 || byte == 0x7F {
                if !run.isEmpty || place - start >= 16 {
                    run += piece[start..<place]
                    judge(text: run, members)
                    run = []
                }
                start = place + 1
            }
            if run.count < FileScanner.textBytes { run += piece[start...] }
            position += UInt64(piece.count)
        }
        judge(text: run, members)
    }

    /// Judges the JSON objects in a text; where there is something that is none, by how their members are written.
    private mutating func judge(text: [UInt8], _ members: [String]) {
        guard let first = text.firstIndex(where: { "{[".utf8.contains($0) }), FileScanner.telling.contains(where: text.contains(sequence:))
        else {
            return
        }
        if let value = try? JSONValue(parsing: Array(text[first...]), dialect: .python, limits: limits) { return judge(value, members) }
        var start = first
        while let open = text[start...].firstIndex(of: UInt8(ascii: "{")), let end = FileScanner.objectEnd(text, from: open) {
            if let value = try? JSONValue(parsing: Array(text[open..<end]), dialect: .python, limits: limits) {
                judge(value, members)
            } else {
                judge(fragment: text[open..<end], members)
            }
            start = end
        }
        if start < text.count { judge(fragment: text[start...], members) }
    }

    /// Without one of these, which may be escaped, a JSON text says nothing that is judged.
    private static let telling = ["class_name", "target", "auto_map", "chat_template", "_diffusers_version", "\\u00"]

    /// Where the object that begins at `start` ends, if it does.
    private static func objectEnd(_ text: [UInt8], from start: Int) -> Int? {
        var depth = 0
        var isInString = false
        var place = start
        while place < text.count {
            switch text[place] {
            case UInt8(ascii: "\\") where isInString: place += 1
            case UInt8(ascii: "\""): isInString.toggle()
            case UInt8(ascii: "{") where !isInString: depth += 1
            case UInt8(ascii: "}") where !isInString:
                depth -= 1
                if depth == 0 { return place + 1 }
            default: break
            }
            place += 1
        }
        return nil
    }

    /// Judges what may have been meant as JSON: without blanks, escapes undone.
    private mutating func judge(fragment: ArraySlice<UInt8>, _ members: [String]) {
        var plain: [UInt8] = []
        var place = fragment.startIndex
        while place < fragment.endIndex {
            let byte = fragment[place]
            place += 1
            if [0x20, 0x0A, 0x0D, 0x09].contains(byte) { continue }
            if byte == UInt8(ascii: "\\"), fragment[place...].starts(with: "u00".utf8), place + 5 <= fragment.endIndex,
                let code = UInt8(String(decoding: fragment[place + 3..<place + 5], as: UTF8.self), radix: 16)
            {
                plain.append(code)
                place += 5
            } else {
                plain.append(byte)
            }
        }
        for name in FileScanner.lambdaNames where plain.contains(sequence: "\"class_name\":\"\(name)\"") { tellOfLambda(members) }
    }

    private static let lambdaNames: Set<String> = ["Lambda", "__lambda__"]

    private mutating func tellOfLambda(_ members: [String]) {
        remarkOnce(
            .dangerous, "a Keras model with a Lambda layer, whose Python code runs when the model is loaded" + FileScanner.place(members))
    }

    /// Judges every object of a configuration.
    ///
    /// References: Keras 3.10 `saving/serialization_lib.py`, `deserialize_keras_object`; Hydra 1.3 `_internal/instantiate`; latent diffusion
    /// `ldm/util.py`, `instantiate_from_config`; diffusers 0.42 `pipelines/pipeline_utils.py`; transformers 5 `dynamic_module_utils.py`.
    private mutating func judge(_ value: JSONValue, _ members: [String]) {
        if value["_diffusers_version"] != nil, case .object(let pipeline) = value {
            for (_, component) in pipeline {
                guard case .array(let names) = component, names.count == 2, case .string(let library) = names[0],
                    case .string(let type) = names[1]
                else { continue }
                tell(of: library + "." + type, in: "the pipeline's index", members)
            }
        }
        var pending = [value]
        while let value = pending.popLast() {
            if case .array(let items) = value { pending += items }
            guard case .object(let object) = value else { continue }
            pending += object.lazy.map(\.value)
            for key in ["_target_", "target"] {
                if case .string(let path)? = object[key] { tell(of: path, in: "the configuration", members) }
            }
            if case .string(let type)? = object["class_name"] {
                if FileScanner.lambdaNames.contains(type) { tellOfLambda(members) }
                if case .string(let module)? = object["module"] {
                    var name = type
                    if type == "function", case .string(let function)? = object["config"] { name = function }
                    tell(of: module + "." + name, in: "the Keras model", members)
                }
            }
            if case .object(let classes)? = object["auto_map"], !classes.isEmpty {
                remarkOnce(
                    .suspicious,
                    "the configuration names Python code of its own, which runs if `trust_remote_code` is set" + FileScanner.place(members))
            }
            if case .string(let template)? = object["chat_template"] { judge(template: template, members) }
            if case .array(let templates)? = object["chat_template"] {
                for case .string(let template) in templates.compactMap({ $0["template"] }) { judge(template: template, members) }
            }
        }
    }

    private mutating func tell(of path: String, in what: String, _ members: [String]) {
        guard let path = CallableRisk.launcher(path) else { return }
        remarkOnce(.dangerous, "\(what) names \(path), which its loader would call" + FileScanner.place(members))
    }

    // MARK: YAML

    /// Python's tags make PyYAML's unsafe loaders call what they name.
    ///
    /// Reference: PyYAML 6.0 `constructor.py`, `UnsafeConstructor`; tags may be written with `%` and two digits.
    private mutating func judge(yaml bytes: [UInt8], _ members: [String]) {
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

    // MARK: Templates and graphs

    private mutating func judge(template: String, _ members: [String]) {
        guard let risk = CallableRisk.template(template) else { return }
        remarkOnce(risk.verdict, risk.reason + FileScanner.place(members))
    }

    /// The chat templates in a GGUF file's keys.
    private mutating func scanTemplates(_ source: ScanSource, _ members: [String]) throws(IsomerError) {
        guard case .file(let file, let range) = source, range == 0..<file.size else { return }
        let reader: GGUFReader
        do throws(IsomerError) { reader = try GGUFReader(file, limits: limits) } catch {
            if error.code == .interrupted { throw error }
            return
        }
        for entry in reader.keyValues where entry.key.hasPrefix("tokenizer.chat_template") {
            if case .string(let template) = entry.value { judge(template: template, members) }
        }
    }

    /// Operations of a TensorFlow graph that reach outside it, by how a node names its operation: field 2, the length, the name.
    ///
    /// References: modelscan 0.8.8, unsafe operators; TensorFlow 2.20 `core/framework/node_def.proto`, `python/ops/script_ops.py`.
    private mutating func scanGraph(_ source: ScanSource, _ members: [String]) throws(IsomerError) {
        let operations = ["ReadFile", "WriteFile", "MatchingFiles", "PyFunc", "PyFuncStateless", "EagerPyFunc", "PyCall"]
        let most = operations.map(\.utf8.count).max() ?? 0
        var found: Set<String> = []
        var position: UInt64 = 0
        while position < source.count {
            try checkTime()
            let piece = try source.bytes(at: position, atMost: 1 << 20 + most + 2)
            for place in piece.indices.dropLast(2) where piece[place] == 0x12 && Int(piece[place + 1]) <= most {
                let name = piece[(place + 2)...].prefix(Int(piece[place + 1]))
                if let operation = operations.first(where: { name.elementsEqual($0.utf8) }) { found.insert(operation) }
            }
            position += 1 << 20
        }
        for operation in found.sorted() {
            remarkOnce(
                .dangerous, "a TensorFlow graph with the operation \(operation), which reaches outside it" + FileScanner.place(members))
        }
    }
}

extension [UInt8] {
    /// Whether the text's bytes occur.
    fileprivate func contains(sequence text: String) -> Bool { !places(of: text, most: 1).isEmpty }

    /// Where the text's bytes end, wherever they occur.
    fileprivate func places(of text: String, most: Int = 10_000) -> [Int] {
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
