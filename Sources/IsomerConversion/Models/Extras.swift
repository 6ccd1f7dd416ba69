import IsomerArchitectures
import IsomerBytes
import IsomerFormats
import IsomerMapping
import IsomerTensors

/// What a conversion carried along because the target had no place for it, in a safetensors file beside the target.
///
/// A Diffusers folder keeps it as `isomer_extras.safetensors`, a file as `FILE.extras.safetensors`. The tensors have their original names; one
/// from a component's folder is called `component/name`. The metadata holds the rest:
///
/// - `isomer.extras`: `1`, the version of this arrangement;
/// - `isomer.checkpoint`: JSON, how the checkpoint differed from the usual: `placements` (slot → prefix and layout), `shapes`, `metadata`;
/// - `isomer.folder`: JSON, how a Diffusers folder's weights differed from what is written: `layouts`, `shapes`, `metadata`, each by slot;
/// - `isomer.files`: JSON, the text of every small file of a Diffusers folder, by path; of the folder of one component `config.json`.
struct Extras: Sendable {
    /// The checkpoint's peculiarities, if it was one.
    var checkpoint: Checkpoint?
    /// A Diffusers folder's small files, if it was one.
    var files: [PlainFile] = []
    /// A Diffusers folder's peculiarities, if it was one and had any.
    var folder: Folder?

    /// How a Diffusers folder's weights differed from those that the planner writes.
    struct Folder: Hashable, Sendable {
        /// Layouts of components with other names than today's, by slot.
        var layouts: [String: String] = [:]
        /// Shapes that differ from the layout's by extents of 1, by slot and name.
        var shapes: [String: [String: [Int]]] = [:]
        /// Metadata other than the usual, by slot.
        var metadata: [String: FileMetadata] = [:]
    }

    /// How a checkpoint differed from what the family's planner writes.
    struct Checkpoint: Sendable {
        /// Where components stood that did not stand in the usual place.
        var placements: [String: (prefix: String, layout: String)] = [:]
        /// Shapes that differ from the layout's by extents of 1.
        var shapes: [String: [Int]] = [:]
        /// Its metadata.
        var metadata: FileMetadata = [:]

        func placement(of slot: Slot) -> Placement? {
            guard let (prefix, layout) = placements[slot.name] else { return nil }
            return (slot.placements + [slot.average].compactMap(\.self)).first { $0.prefix == prefix && $0.layout.name == layout }
        }
    }

    /// The key of the metadata by which such a file is known.
    static let versionKey = "isomer.extras"

    /// Where the only component's configuration stands.
    static let configurationName: FilePath = "config.json"

    /// The file's name inside a Diffusers folder.
    static let folderFileName = "isomer_extras.safetensors"

    /// The file's name beside a checkpoint.
    static func fileName(beside checkpoint: FilePath.Component) -> String { checkpoint.string + ".extras.safetensors" }
}

extension Extras {
    /// Reads the metadata of an extras file.
    init(_ metadata: FileMetadata, _ path: FilePath, limits: Limits) throws(IsomerError) {
        guard let version = metadata[Self.versionKey] else {
            throw IsomerError(
                .malformed, "this is not a file of extras", path: path, item: Self.versionKey, remedy: "move it out of the way")
        }
        guard version == "1" else {
            throw IsomerError(.unsupported, "the extras were written by another version", path: path, expected: "1", found: version)
        }
        do throws(IsomerError) {
            if let text = metadata["isomer.checkpoint"] {
                let json = JSONCursor(try JSONValue(parsing: Array(text.utf8), limits: limits), path: path)
                var found = Checkpoint()
                for (slot, cursor) in try json.optional("placements")?.members() ?? [] {
                    found.placements[slot] = (try cursor.required("prefix").string(), try cursor.required("layout").string())
                }
                found.shapes = try json.optional("shapes")?.shapes() ?? [:]
                found.metadata = try json.optional("metadata")?.metadata() ?? [:]
                checkpoint = found
            }
            if let text = metadata["isomer.folder"] {
                folder = try Folder(JSONCursor(try JSONValue(parsing: Array(text.utf8), limits: limits), path: path))
            }
            if let text = metadata["isomer.files"] {
                let json = JSONCursor(try JSONValue(parsing: Array(text.utf8), limits: limits), path: path)
                for (name, cursor) in try json.members() {
                    files.append(PlainFile(path: try FileSystem.safeRelativePath(name), bytes: Array(try cursor.string().utf8)))
                }
            }
        } catch {
            throw error.inFile(path)
        }
    }

    /// The metadata that `init` reads.
    var metadata: FileMetadata {
        var metadata: FileMetadata = [Self.versionKey: "1"]
        if let checkpoint {
            var placements: JSONObject = [:]
            for (slot, place) in checkpoint.placements.sorted(by: { $0.key < $1.key }) {
                placements[slot] = ["prefix": .string(place.prefix), "layout": .string(place.layout)]
            }
            let json: JSONObject = [
                "placements": .object(placements), "shapes": JSONValue(shapes: checkpoint.shapes),
                "metadata": JSONValue(checkpoint.metadata),
            ]
            metadata["isomer.checkpoint"] = JSONWriter().text(.object(json))
        }
        if let folder { metadata["isomer.folder"] = JSONWriter().text(.object(folder.json)) }
        if !files.isEmpty {
            var text: JSONObject = [:]
            for file in files { text[file.path.string] = .string(String(decoding: file.bytes, as: UTF8.self)) }
            metadata["isomer.files"] = JSONWriter().text(.object(text))
        }
        return metadata
    }

    /// The hints that the kept files of a Diffusers folder give.
    func hints(_ path: FilePath, limits: Limits) throws(IsomerError) -> ConfigurationHints {
        var hints = ConfigurationHints()
        for file in files {
            let name = file.path.string
            if name == "model_index.json" {
                let json = JSONCursor(try JSONValue(parsing: file.bytes, dialect: .python, limits: limits), path: path)
                hints.index = try json.object()
                hints.pipeline = try json.optional("_class_name")?.string()
            } else if name == "scheduler/scheduler_config.json" {
                let json = JSONCursor(try JSONValue(parsing: file.bytes, dialect: .python, limits: limits), path: path)
                hints.scheduler = try json.object()
                hints.prediction = (try DiffusersFolder.prediction(json), path.string)
            } else if file.path == Self.configurationName {
                guard let found = try network(file, path, limits) else { continue }
                hints.add(found.typed, written: found.written)
            } else if file.path.components.count == 2, file.path.lastComponent?.string == "config.json",
                let slot = file.path.components.first,
                let json = try network(file, path, limits)
            {
                hints.components[slot.string] = json.typed
                hints.written[slot.string] = json.written
            } else {
                hints.plainFiles.append(file)
            }
        }
        return hints
    }

    private func network(
        _ file: PlainFile, _ path: FilePath, _ limits: Limits
    ) throws(IsomerError) -> (typed: any NetworkConfiguration, written: JSONObject)? {
        let json = JSONCursor(try JSONValue(parsing: file.bytes, dialect: .python, limits: limits), path: path)
        guard let name = try json.className(), let type = Networks.type(of: name) else { return nil }
        return (try type.init(json: json), try json.object())
    }
}
