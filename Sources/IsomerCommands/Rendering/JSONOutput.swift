internal import IsomerBytes
internal import IsomerTensors

/// Results for programs: one JSON value, indented, with a line end. Each has a `schema` that names its published description in
/// `Sources/IsomerCommands/Schemas`; within a version keys are only added.
enum JSONOutput {
    static func text(_ value: JSONValue) -> String {
        JSONWriter(style: .pretty(indent: 2)).text(value) + "\n"
    }
}

extension JSONValue {
    static func integer(_ value: some BinaryInteger) -> JSONValue { .number(JSONNumber(value)) }

    /// A measured number; `null` for what JSON has no number for.
    static func real(_ value: Double) -> JSONValue { value.isFinite ? .number(JSONNumber(value)) : .null }

    static func path(_ path: FilePath) -> JSONValue { .string(path.string) }

    static func strings(_ values: some Sequence<String>) -> JSONValue { .array(values.map(JSONValue.string)) }

    static func shape(_ shape: Shape) -> JSONValue { .array(shape.dimensions.map { .integer($0) }) }
}

extension FileMetadata {
    var json: JSONValue {
        var object = JSONObject()
        for (key, value) in self { object[key] = .string(value) }
        return .object(object)
    }
}
