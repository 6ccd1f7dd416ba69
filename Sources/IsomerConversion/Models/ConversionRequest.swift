public import IsomerBytes
public import IsomerMapping
public import IsomerTensors

/// What the user asks of a conversion between arrangements of a model.
public struct ConversionRequest: Sendable {
    /// The file or folder to read.
    public var source: FilePath
    /// The element type of floating tensors in the output; `nil` keeps each as it is.
    public var scalarType: ScalarType?
    /// Whether the averaged copy of the weights is taken instead of the last one.
    public var usesAverage = false
    /// Only these components, by slot.
    public var only: Set<String> = []
    /// Another file or folder for a component, by slot: `vae`.
    public var replacements: [String: FilePath] = [:]
    /// A `config.json`, a Diffusers folder, or an LDM/SGM YAML that says what shapes do not tell.
    public var configuration: FilePath?
    /// How components are built where nothing else says it, by slot (see `Model.pair`).
    var given: ModelFamily.Components = [:]
    /// Which of several variants of a folder's weights: `fp16`.
    public var variant: String?
    /// The family or member it is, if the user says so.
    public var architecture: String?
    /// What the denoiser predicts, if the user says so.
    public var prediction: Prediction?
    /// From what that follows, if not from a flag: a clause.
    public var predictionReason: String?
    /// Whether what the target has no place for is stored beside it.
    public var keepsExtras = false
    /// Whether what tools are known to break is mended (see `Repairs`).
    public var repairs = false
    /// Tensors that may be missing.
    public var allowedMissing: [NamePattern] = []
    /// Whether tensors of another shape than the network's are put on record with their component, as missing ones may be, rather than refused.
    public var allowsMisshapen = false
    /// Tensors that may be left out though nothing explains them.
    public var allowedUnknown: [NamePattern] = []
    /// Text to be written beside the tensors.
    public var metadata: FileMetadata = [:]
    /// Tensor bytes that no file may exceed.
    public var shardBytes: UInt64?
    /// Where the result goes, for names of files beside it.
    public var destination: FilePath?
    /// Bounds for readers.
    public var limits = Limits()

    /// A request to read `source`, everything else as usual.
    public init(source: FilePath) {
        self.source = source
    }
}

/// A name with `*` for any run of characters, as shells have it.
public struct NamePattern: Hashable, Sendable {
    /// The pattern as it was given.
    public let text: String
    private let parts: [[UInt8]]

    /// Reads the pattern; a text without `*` matches itself only.
    public init(_ text: String) {
        self.text = text
        parts = text.split(separator: "*", omittingEmptySubsequences: false).map { Array($0.utf8) }
    }

    /// Whether all of `name` matches. Time grows with the name's length times the pattern's at worst.
    public func matches(_ name: String) -> Bool {
        let name = Array(name.utf8)
        guard let first = parts.first, let last = parts.last, name.starts(with: first) else { return false }
        guard parts.count > 1 else { return name.count == first.count }
        var position = first.count
        for part in parts.dropFirst().dropLast() where !part.isEmpty {
            guard let found = name.firstRange(of: part, from: position) else { return false }
            position = found
        }
        return name.count - position >= last.count && name.suffix(last.count).elementsEqual(last)
    }
}

extension [UInt8] {
    /// Where the first occurrence of `part` at or after `start` ends.
    fileprivate func firstRange(of part: [UInt8], from start: Int) -> Int? {
        guard count - start >= part.count else { return nil }
        for begin in start...(count - part.count) where self[begin..<begin + part.count].elementsEqual(part) { return begin + part.count }
        return nil
    }
}
