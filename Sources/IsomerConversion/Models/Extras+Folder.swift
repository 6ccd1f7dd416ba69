import IsomerBytes
import IsomerTensors

extension Extras.Folder {
    /// Reads what `json` writes.
    init(_ json: JSONCursor) throws(IsomerError) {
        for (slot, cursor) in try json.optional("layouts")?.members() ?? [] { layouts[slot] = try cursor.string() }
        for (slot, cursor) in try json.optional("shapes")?.members() ?? [] { shapes[slot] = try cursor.shapes() }
        for (slot, cursor) in try json.optional("metadata")?.members() ?? [] { metadata[slot] = try cursor.metadata() }
    }

    var json: JSONObject {
        var object: [String: JSONObject] = [:]
        for (slot, layout) in layouts { object["layouts", default: [:]][slot] = .string(layout) }
        for (slot, shapes) in shapes { object["shapes", default: [:]][slot] = JSONValue(shapes: shapes) }
        for (slot, metadata) in metadata { object["metadata", default: [:]][slot] = JSONValue(metadata) }
        var result: JSONObject = [:]
        for (key, value) in object.sorted(by: { $0.key < $1.key }) { result[key] = .object(value) }
        return result
    }
}

extension JSONCursor {
    /// An object of lists of extents.
    func shapes() throws(IsomerError) -> [String: [Int]] {
        var shapes: [String: [Int]] = [:]
        for (name, cursor) in try members() {
            var dimensions: [Int] = []
            for element in try cursor.elements() { dimensions.append(try element.integer(in: 0...Int.max)) }
            shapes[name] = dimensions
        }
        return shapes
    }

    /// An object of texts.
    func metadata() throws(IsomerError) -> FileMetadata {
        var metadata = FileMetadata()
        for (key, cursor) in try members() { metadata[key] = try cursor.string() }
        return metadata
    }
}

extension JSONValue {
    init(shapes: [String: [Int]]) {
        var object: JSONObject = [:]
        for (name, dimensions) in shapes.sorted(by: { $0.key < $1.key }) {
            object[name] = .array(dimensions.map { .number(JSONNumber($0)) })
        }
        self = .object(object)
    }

    init(_ metadata: FileMetadata) {
        var object: JSONObject = [:]
        for (key, value) in metadata { object[key] = .string(value) }
        self = .object(object)
    }
}
