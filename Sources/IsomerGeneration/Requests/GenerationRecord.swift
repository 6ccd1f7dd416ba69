public import IsomerBytes
public import IsomerCompute
public import IsomerConversion
import IsomerMapping

/// Everything that one image was made of, as its file carries it: the request, which files the model was read from, and how exactly it was run.
public struct GenerationRecord: Sendable {
    /// With the image's own seed.
    public var request: GenerationRequest
    /// How the model was read.
    public var reading: ConversionRequest
    /// What operands of matrix products were rounded to.
    public var precision: Computation.Precision
    /// The side of the autoencoder's tiles, if there were tiles.
    public var tile: Int?

    public init(_ request: GenerationRequest, _ reading: ConversionRequest, _ precision: Computation.Precision, tile: Int?) {
        self.request = request
        self.reading = reading
        self.precision = precision
        self.tile = tile
    }

    /// The keyword under which a PNG file holds it.
    public static let keyword = "isomer"
    private static let schema = "isomer.image/1"
}

extension GenerationRecord {
    /// The record of image `number` of a run.
    public func record(ofImage number: Int) -> GenerationRecord {
        var record = self
        record.request = request.request(forImage: number)
        return record
    }

    /// As JSON. Paths are those that were given.
    public var json: JSONValue {
        var object: JSONObject = [
            "schema": .string(Self.schema), "model": .string(reading.source.string), "precision": .string(precision.rawValue),
        ]
        object["tile"] = tile.map { .number(JSONNumber($0)) }
        if !reading.replacements.isEmpty {
            var components: JSONObject = [:]
            for (slot, path) in reading.replacements.sorted(by: { $0.key < $1.key }) { components[slot] = .string(path.string) }
            object["components"] = .object(components)
        }
        object["config"] = reading.configuration.map { .string($0.string) }
        object["variant"] = reading.variant.map { .string($0) }
        object["architecture"] = reading.architecture.map { .string($0) }
        object["prediction"] = reading.prediction.map { .string($0.rawValue) }
        if reading.usesAverage { object["ema"] = true }
        object["request"] = request.json
        return .object(object)
    }

    /// Reads what `json` wrote. Throws `malformed` or `unsupported` for anything else.
    public init(_ json: JSONCursor, limits: Limits = Limits()) throws(IsomerError) {
        let schema = try json.required("schema").string()
        guard schema == Self.schema else {
            throw IsomerError(
                .unsupported, "the image's record was written by another version", path: json.path, expected: Self.schema, found: schema)
        }
        var reading = ConversionRequest(source: FilePath(try json.required("model").string()))
        reading.limits = limits
        for (slot, path) in try json.optional("components")?.members() ?? [] { reading.replacements[slot] = FilePath(try path.string()) }
        if let path = try json.optional("config")?.string() { reading.configuration = FilePath(path) }
        reading.variant = try json.optional("variant")?.string()
        reading.architecture = try json.optional("architecture")?.string()
        if let field = try json.optional("prediction") {
            guard let prediction = Prediction(rawValue: try field.string()) else { throw field.failure("the word is not known") }
            reading.prediction = prediction
        }
        reading.usesAverage = try json.optional("ema")?.bool() ?? false
        let word = try json.required("precision")
        guard let precision = Computation.Precision(rawValue: try word.string()) else { throw word.failure("the word is not known") }
        self.init(
            try GenerationRequest(json.required("request")), reading, precision, tile: try json.optional("tile")?.integer(in: 4...1 << 16))
    }

    /// The record that the PNG picture at `path` carries. Throws `mismatch` if it carries none.
    public init(ofPicture path: FilePath, limits: Limits = Limits()) throws(IsomerError) {
        do throws(IsomerError) {
            guard let text = try PNGText.text(Self.keyword, in: ReadableFile(path), limits: limits) else {
                throw IsomerError(
                    .mismatch, "the picture does not tell how it was made", expected: "a PNG file with a text chunk called \(Self.keyword)",
                    remedy: "use the file as it was saved: programs that shrink pictures take the text away")
            }
            self = try GenerationRecord(JSONCursor(JSONValue(parsing: Array(text.utf8), limits: limits), path: path), limits: limits)
        } catch {
            throw error.inFile(path)
        }
    }
}
