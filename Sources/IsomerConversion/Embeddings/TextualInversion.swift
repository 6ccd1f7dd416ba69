public import IsomerBytes
import IsomerFormats
public import IsomerTensors

/// A textual inversion: vectors that stand in a text encoder's embedding table for words that it did not know.
///
/// Published in six arrangements, told apart by what the file holds, not by its name:
///
///     A1111 .pt            {string_to_param: {"*": [n, width]}, name, step, sd_checkpoint, …}
///     learned_embeds.bin   {"<word>": [width] or [n, width]}, diffusers' own; several words are several inversions
///     emb_params           one tensor `emb_params` [n, width], safetensors
///     SDXL                 `clip_l` [n, 768] and `clip_g` [n, 1280]: one word for two text encoders
///     bare                 one tensor without a telling name
///     picture              A1111's PNG with the same in a text chunk
///
/// Reference: AUTOMATIC1111/stable-diffusion-webui `modules/textual_inversion/textual_inversion.py`, 1.10; huggingface/diffusers
/// `loaders/textual_inversion.py`, 0.42; kohya-ss/sd-scripts `train_textual_inversion_XL.py`.
public struct TextualInversion: Sendable {
    /// How the vectors lie in the file.
    public enum Arrangement: String, Hashable, Sendable, CaseIterable {
        case webUI = "A1111"
        case diffusers
        case embeddingParameters = "emb_params"
        case perEncoder = "SDXL"
    }

    /// Vectors for one text encoder.
    public struct Vectors: Sendable {
        /// The text encoder that the file names (`clip_l`, `clip_g`, `t5`), if it names one.
        public var encoder: String?
        /// The tensor's whole name in the file.
        public let name: String
        /// How many vectors.
        public let count: Int
        /// How long each is.
        public let width: Int
        /// What their numbers are.
        public let scalarType: ScalarType
        /// Where they are read from.
        public let source: any TensorSource
        /// Their tensor's number there.
        public let index: Int
    }

    /// A word and its vectors, for one text encoder or several.
    public struct Word: Sendable {
        /// What the file calls it, if it does.
        public let token: String?
        /// One for each text encoder.
        public let vectors: [Vectors]
    }

    /// The file.
    public let path: FilePath
    /// How its vectors lie.
    public let arrangement: Arrangement
    /// What it teaches, in the file's order; hardly ever more than one.
    public let words: [Word]
    /// What it says beside: `step`, `sd_checkpoint_name`.
    public let metadata: FileMetadata

    /// No published inversion comes near: A1111's trainer allows 75.
    public static let mostVectors = 1_024
    private static let mostTensors = 256
    /// No text encoder is as wide.
    private static let widest = 1 << 16

    /// Reads a file without its numbers.
    ///
    /// Throws `mismatch` if it holds something other than vectors, `limitExceeded` for more than `mostVectors` of a word.
    public init(_ path: FilePath, limits: Limits = Limits()) throws(IsomerError) {
        do throws(IsomerError) {
            let source: any TensorSource
            if let picture = try PictureEmbedding.source(path, limits: limits) {
                source = picture
            } else {
                source = try openWeights(path, limits: limits)
            }
            let found = try Self.tensors(of: source)
            self.path = path
            metadata = found.metadata
            (arrangement, words) = try Self.arrange(found.tensors, found.metadata)
        } catch {
            throw error.inFile(path)
        }
    }

    private typealias Named = (name: String, source: any TensorSource, index: Int)

    /// Every tensor under its whole name: a torch archive tells its state dictionary and the rest apart, which does not matter here.
    private static func tensors(of source: any TensorSource) throws(IsomerError) -> (tensors: [Named], metadata: FileMetadata) {
        var parts: [(prefix: String, source: any TensorSource)] = [("", source)]
        if let archive = source as? TorchArchive {
            if let first = archive.unconverted.first {
                throw IsomerError(.unsupported, "the vectors have no plain numbers", item: first.path, found: first.reason)
            }
            let path = (archive.stateDictPath ?? []).map { $0 + "." }.joined()
            parts = [(path, archive.stateDict), ("", archive.rest)]
        }
        var named: [Named] = []
        for part in parts {
            guard part.source.tensors.count <= mostTensors else { throw notAnInversion(found: "\(part.source.tensors.count) tensors") }
            for (index, tensor) in part.source.tensors.enumerated() { named.append((part.prefix + tensor.name, part.source, index)) }
        }
        return (named, source.metadata)
    }

    private static func arrange(_ tensors: [Named], _ metadata: FileMetadata) throws(IsomerError) -> (Arrangement, [Word]) {
        let parameters = tensors.filter { $0.name.hasPrefix("string_to_param.") }
        if let first = parameters.first {
            guard parameters.count == 1 else {
                throw notAnInversion(found: "\(parameters.count) words under string_to_param")
            }
            return (.webUI, [Word(token: metadata["name"], vectors: [try vectors(first)])])
        }
        guard !tensors.isEmpty else { throw notAnInversion(found: "no tensors") }
        let encoders = tensors.filter { encoderNames[$0.name] != nil }
        if encoders.count == tensors.count {
            var all: [Vectors] = []
            for tensor in encoders { all.append(try vectors(tensor, encoder: encoderNames[tensor.name])) }
            guard all.allSatisfy({ $0.count == all[0].count }) else {
                throw IsomerError(
                    .mismatch, "the text encoders get different numbers of vectors",
                    found: all.map { "\($0.name) \($0.count)" }.joined(separator: ", "))
            }
            return (.perEncoder, [Word(token: metadata["name"], vectors: all)])
        }
        if tensors.count == 1, tensors[0].name.utf8.elementsEqual("emb_params".utf8) {
            return (.embeddingParameters, [Word(token: metadata["name"], vectors: [try vectors(tensors[0])])])
        }
        var words: [Word] = []
        for tensor in tensors { words.append(Word(token: tensor.name, vectors: [try vectors(tensor)])) }
        return (.diffusers, words)
    }

    /// What files call text encoders, under the names that this program uses: kohya's, and those of diffusers' SDXL training scripts.
    private static let encoderNames = [
        "clip_l": "clip_l", "clip_g": "clip_g", "t5": "t5", "text_encoders_0": "clip_l", "text_encoders_1": "clip_g",
    ]

    private static func vectors(_ tensor: Named, encoder: String? = nil) throws(IsomerError) -> Vectors {
        let descriptor = tensor.source.tensors[tensor.index]
        let dimensions = descriptor.shape.dimensions
        guard [.f16, .bf16, .f32, .f64].contains(descriptor.scalarType), (1...2).contains(dimensions.count),
            let width = dimensions.last, (1...widest).contains(width), dimensions[0] > 0
        else { throw notAnInversion(item: tensor.name, found: "\(descriptor.scalarType.rawValue) \(descriptor.shape)") }
        let count = dimensions.count == 1 ? 1 : dimensions[0]
        guard count <= mostVectors else {
            throw IsomerError(
                .limitExceeded, "a word has more vectors than any text encoder reads", item: tensor.name,
                expected: "at most \(mostVectors)",
                found: "\(count)")
        }
        return Vectors(
            encoder: encoder, name: tensor.name, count: count, width: width, scalarType: descriptor.scalarType, source: tensor.source,
            index: tensor.index)
    }

    private static func notAnInversion(item: String? = nil, found: String) -> IsomerError {
        IsomerError(
            .mismatch, "this is no textual inversion", item: item, expected: "a few vectors of floating-point numbers, [n, width]",
            found: found)
    }
}

extension TextualInversion.Vectors {
    /// The numbers as `type`, row-major, least significant byte first. Tells what the cast lost.
    public func bytes(as type: ScalarType) throws(IsomerError) -> (bytes: [UInt8], report: CastReport) {
        let bytes = try source.bytes(of: index)
        guard type != scalarType else { return (bytes, CastReport()) }
        let cast = try Cast(from: scalarType, to: type)
        var result = [UInt8](repeating: 0, count: count * width * type.bitCount / 8)
        let elements = count * width
        var span = result.mutableSpan
        let report = try span.withUnsafeMutableBytes { target throws(IsomerError) in
            try bytes.span.withUnsafeBytes { source throws(IsomerError) in try cast.apply(source, target, elementCount: elements) }
        }
        return (result, report)
    }
}

extension TextualInversion.Word {
    /// What stands for it in prompts: what the file calls it, else the file's own name, as the web UI does.
    public func token(in path: FilePath) -> String? {
        if let token, !token.isEmpty, !token.utf8.elementsEqual("*".utf8) { return token }
        return path.stem.flatMap { $0.isEmpty ? nil : $0 }
    }
}
