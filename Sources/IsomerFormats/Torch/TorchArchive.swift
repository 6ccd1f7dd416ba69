public import IsomerBytes
public import IsomerTensors

/// A checkpoint that `torch.save` wrote (or Python's `pickle`), of any age, as inert data and a source of tensors.
///
/// `tensors` is the state dictionary: the one at the top, or the one that training code put under `state_dict`, `model` and the like; `rest` has
/// every other tensor in the file (optimizer states, averages kept beside). A file whose pickle would run anything but known constructors of
/// data is refused with the code `unsafe`.
public final class TorchArchive: TensorSource {
    /// What the file is on the outside.
    public enum Container: String, Hashable, Sendable {
        /// A zip archive, since PyTorch 1.6.
        case zip
        /// Pickles followed by storages, PyTorch 0.2 to 1.5.
        case legacy
        /// A tar archive, PyTorch 0.1.
        case tar
        /// One pickle and nothing else, with arrays inside.
        case plain
    }

    /// A tensor that shares all its elements with an earlier one.
    public struct Alias: Hashable, Sendable {
        /// Its number in `tensors`.
        public let index: Int
        /// The earlier one's number.
        public let original: Int
    }

    /// Something that is a tensor to torch and not to us.
    public struct Unconverted: Hashable, Sendable {
        /// Its dotted path from the root.
        public let path: String
        /// What it is.
        public let reason: String
    }

    /// The file.
    public let file: ReadableFile
    /// What the file is on the outside.
    public let container: Container
    /// Whether numbers are stored most significant byte first.
    public let isBigEndian: Bool
    /// Everything the pickle says.
    public let root: PickleValue
    /// The keys that lead from the root to the state dictionary; `nil` if there is no tensor in the file.
    public let stateDictPath: [String]?
    /// The state dictionary, with names relative to it.
    public let stateDict: TorchTensors
    /// All other tensors, with their whole paths as names.
    public let rest: TorchTensors
    /// Tied tensors in `tensors`.
    public let aliases: [Alias]
    /// Sparse, quantized per channel, nested and other tensors that have no plain bytes.
    public let unconverted: [Unconverted]
    /// Scale and zero point of quantized tensors, by name.
    public let quantization: [String: String]
    /// What a careful reader would want to know. Sentences without a full stop.
    public let warnings: [String]
    private let storages: TorchStorages

    /// Opens a checkpoint and reads everything but the weights.
    ///
    /// - Parameter stateDict: the keys that lead to the state dictionary, if it is not to be looked for.
    public convenience init(_ file: ReadableFile, limits: Limits = Limits(), stateDict: [String]? = nil) throws(IsomerError) {
        do throws(IsomerError) {
            try self.init(contents: TorchContents.open(file, limits: limits), file: file, limits: limits, stateDict: stateDict)
        } catch {
            throw error.inFile(file.path)
        }
    }

    private init(contents: TorchContents, file: ReadableFile, limits: Limits, stateDict path: [String]?) throws(IsomerError) {
        let root = contents.document.root
        var collector = TorchCollector(contents, limits: limits)
        try collector.collect(from: root, path: path)
        let storages = TorchStorages(collector.interpreter.storages)
        let facts = TorchCollector.facts(of: root)
        self.file = file
        self.container = contents.container
        self.isBigEndian = contents.isBigEndian
        self.root = root
        self.stateDictPath = collector.stateDictPath
        self.stateDict = TorchTensors(
            tensors: collector.chosen.map(\.descriptor), views: collector.chosen.map(\.view), metadata: facts, storages: storages)
        self.rest = TorchTensors(
            tensors: collector.others.map(\.descriptor), views: collector.others.map(\.view), metadata: facts, storages: storages)
        self.aliases = collector.aliases
        self.unconverted = collector.unconverted
        self.quantization = collector.quantization
        self.warnings = contents.warnings + collector.warnings
        self.storages = storages
        try collector.checkTotal(fileSize: file.size)
    }

    public var tensors: [TensorDescriptor] { stateDict.tensors }

    /// Numbers and texts at the top of the file, such as `global_step` and `pytorch-lightning_version`.
    public var metadata: FileMetadata { stateDict.metadata }

    public func read(_ index: Int, at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws(IsomerError) {
        do throws(IsomerError) {
            try stateDict.read(index, at: offset, into: buffer)
        } catch {
            throw error.inFile(file.path)
        }
    }

    public func storedRange(of index: Int) -> StoredRange? { stateDict.storedRange(of: index) }

    /// See `TorchTensors.expectedCRC32`.
    public func expectedCRC32(of index: Int) -> UInt32? { stateDict.expectedCRC32(of: index) }

    /// Reads what has not been read through `read` and compares all remaining sums.
    public func verifyRest() throws(IsomerError) {
        do throws(IsomerError) { try storages.verifyRest() } catch { throw error.inFile(file.path) }
    }

    /// What is in the file, for one without tensors: "a dictionary with the keys epoch, optimizer".
    public var contentDescription: String {
        let document = root.document
        guard let entries = TorchTree.entries(of: root) else {
            return document.graph.kind(of: root.reference) + ": " + document.graph.text(of: root.reference)
        }
        let names = entries.prefix(12).map { $0.name ?? "" }
        if names.isEmpty { return "an empty dictionary" }
        return "a dictionary with the keys " + names.joined(separator: ", ") + (entries.count > names.count ? ", …" : "")
    }
}
