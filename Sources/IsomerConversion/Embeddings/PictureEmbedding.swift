import IsomerBytes
import IsomerTensors
import IsomerTokenizers

/// A textual inversion in a PNG picture: a text chunk `sd-ti-embedding` that holds JSON in base64, its vectors as numbers; where a site has taken
/// the text away, the same JSON, deflated, in the lower bits of the picture's edges.
///
/// Reference: AUTOMATIC1111/stable-diffusion-webui, modules/textual_inversion/image_embedding.py, 1.10.
enum PictureEmbedding {
    static let keyword = "sd-ti-embedding"

    /// The vectors of the picture at `path`, called as in the web UI's own files; `nil` if it is no PNG picture.
    static func source(_ path: FilePath, limits: Limits) throws(IsomerError) -> HeldTensors? {
        let file = try ReadableFile(path)
        guard file.size >= 8, try file.bytes(at: 0, count: 8) == PNGChunks.signature else { return nil }
        var found = try PNGText.text(keyword, in: file, limits: limits).flatMap { Base64.decode($0) }
        if found == nil { found = try hidden(in: file, limits) }
        guard let json = found else {
            throw IsomerError(
                .mismatch, "the picture holds no textual inversion", path: path,
                expected: "a text chunk called \(keyword), or strips of hidden data at both edges",
                remedy: "get the picture as it was saved: sites that shrink pictures take both away")
        }
        let root = JSONCursor(try JSONValue(parsing: json, dialect: .python, limits: limits), path: path)
        var metadata: FileMetadata = [:]
        for key in ["name", "step", "sd_checkpoint", "sd_checkpoint_name"] {
            switch try root.optional(key)?.value {
            case .string(let text)?: metadata[key] = text
            case .number(let number)?: metadata[key] = number.text
            default: break
            }
        }
        var tensors: [(TensorDescriptor, [UInt8])] = []
        for (name, value) in try root.required("string_to_param").members() {
            tensors.append(try tensor("string_to_param." + name, value.required("TORCHTENSOR")))
        }
        return HeldTensors(tensors, metadata: metadata)
    }

    /// Numbers in lists of lists.
    private static func tensor(_ name: String, _ value: JSONCursor) throws(IsomerError) -> (TensorDescriptor, [UInt8]) {
        let rows = try value.elements()
        guard rows.count <= TextualInversion.mostVectors else {
            throw IsomerError(.limitExceeded, "the picture holds more vectors than any text encoder reads", found: "\(rows.count)")
        }
        var numbers: [Float] = []
        var width: Int?
        for row in rows {
            let cells: [JSONCursor]
            if case .array = row.value { cells = try row.elements() } else { cells = [] }
            guard !cells.isEmpty, width == nil || width == cells.count else {
                throw row.failure("the vectors are not equally long lists of numbers")
            }
            width = cells.count
            for cell in cells { numbers.append(Float(try cell.double())) }
        }
        let descriptor = try TensorDescriptor(name: name, scalarType: .f32, shape: IsomerTensors.Shape([rows.count, width ?? 0]))
        return (descriptor, numbers.flatMap { number in withUnsafeBytes(of: number.bitPattern.littleEndian) { Array($0) } })
    }

    /// The JSON that is hidden in the picture's edges.
    private static func hidden(in file: ReadableFile, _ limits: Limits) throws(IsomerError) -> [UInt8]? {
        guard let hidden = try PicturePixels(file, limits: limits)?.hiddenBytes() else { return nil }
        // Behind the stream its beginning comes again, to fill the strip.
        var position = 0
        let inflater = try Inflater(.zlib, size: .atMost(limits.jsonBytes)) { buffer in
            let count = min(buffer.count, hidden.count - position)
            buffer.copyBytes(from: hidden[position..<position + count])
            position += count
            return count
        }
        var json: [UInt8] = []
        var part = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            var count = 0
            var failure: IsomerError?
            part.withUnsafeMutableBytes { buffer in
                do throws(IsomerError) { count = try inflater.read(into: buffer) } catch { failure = error }
            }
            // Edges of other pictures may look like strips, and hold nothing.
            if let failure {
                if failure.code == .limitExceeded { throw failure }
                return nil
            }
            json += part[..<count]
            if count < part.count { return json }
        }
    }

    /// A small grey picture that holds `vectors` as the web UI writes them.
    static func picture(word: String, _ vectors: TextualInversion.Vectors, metadata: FileMetadata) throws(IsomerError) -> [UInt8] {
        let bytes = try vectors.bytes(as: .f64).bytes
        var rows: [JSONValue] = []
        for row in 0..<vectors.count {
            rows.append(
                .array(
                    (0..<vectors.width).map { column in
                        let start = (row * vectors.width + column) * 8
                        let bits = bytes[start..<start + 8].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
                        return .number(JSONNumber(Double(bitPattern: bits)))
                    }))
        }
        var object: JSONObject = [
            "string_to_token": ["*": 265], "string_to_param": ["*": ["TORCHTENSOR": .array(rows)]], "name": .string(word),
        ]
        object["step"] = metadata["step"].flatMap { Int($0) }.map { .number(JSONNumber($0)) } ?? .null
        object["sd_checkpoint"] = metadata["sd_checkpoint"].map(JSONValue.string) ?? .null
        object["sd_checkpoint_name"] = metadata["sd_checkpoint_name"].map(JSONValue.string) ?? .null
        let side = 64
        let pixels = [UInt8](repeating: 0, count: side * (side + 1)).indices.map { index -> UInt8 in index % (side + 1) == 0 ? 0 : 0x80 }
        var picture = PNGChunks.signature
        picture += chunk("IHDR", bigEndian(UInt32(side)) + bigEndian(UInt32(side)) + [8, 0, 0, 0, 0])
        let text = Base64.encode(JSONWriter(style: .compact).bytes(.object(object)))
        let (kind, content) = PNGText.chunk(keyword, text)
        picture += chunk(kind, content)
        picture += chunk("IDAT", stored(pixels))
        return picture + chunk("IEND", [])
    }

    private static func bigEndian(_ number: UInt32) -> [UInt8] {
        (0..<4).map { UInt8(truncatingIfNeeded: number >> (24 - 8 * UInt32($0))) }
    }

    private static func chunk(_ kind: String, _ body: [UInt8]) -> [UInt8] {
        let named = Array(kind.utf8) + body
        return bigEndian(UInt32(truncatingIfNeeded: body.count)) + named + bigEndian(CRC32(named).value)
    }

    /// One zlib stream that does not compress, of at most 65,535 bytes.
    private static func stored(_ bytes: [UInt8]) -> [UInt8] {
        let count = UInt16(truncatingIfNeeded: bytes.count)
        var (a, b): (UInt32, UInt32) = (1, 0)
        for byte in bytes {
            a = (a + UInt32(byte)) % 65_521
            b = (b + a) % 65_521
        }
        let header: [UInt8] = [
            0x78, 0x01, 0x01, UInt8(truncatingIfNeeded: count), UInt8(count >> 8), UInt8(truncatingIfNeeded: ~count), UInt8(~count >> 8),
        ]
        return header + bytes + bigEndian(b << 16 | a)
    }
}
