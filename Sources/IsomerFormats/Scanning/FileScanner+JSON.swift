internal import IsomerBytes

/// Objects of JSON, alone or among other bytes.
extension FileScanner {
    /// Looks at every run of text in a file of other bytes.
    mutating func scanTexts(_ source: ScanSource, _ members: [String]) throws(IsomerError) {
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
    mutating func judge(text: [UInt8], _ members: [String]) {
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
}
