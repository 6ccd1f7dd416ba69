/// How much a reader may spend on one file before it gives up.
///
/// Readers never allocate because a file says so: every declared size is first compared with the bytes that are there, then with these.
/// The defaults are far above what any published model needs. Pass a changed copy to raise one.
public struct Limits: Hashable, Sendable {
    /// Bytes of a safetensors header. The reference implementation's own limit.
    public var safetensorsHeaderBytes: UInt64 = 100_000_000
    /// Bytes of a JSON document that is held as a tree (configurations, indexes, vocabularies).
    public var jsonBytes: UInt64 = 256 << 20
    /// Nesting of JSON objects and arrays.
    public var jsonDepth: Int = 128
    /// Values in one JSON document that is held as a tree.
    public var jsonValues: Int = 16_000_000
    /// Tensors in one file or set of files.
    public var tensors: Int = 4_000_000
    /// Dimensions of one tensor.
    public var rank: Int = 64
    /// Bytes of one pickle stream, after decompression.
    public var pickleBytes: UInt64 = 1 << 30
    /// Opcodes one pickle stream may execute.
    public var pickleOperations: Int = 200_000_000
    /// Values one pickle stream may build, memo entries included.
    public var pickleValues: Int = 50_000_000
    /// Values that one pickle has in hand at once, on its stack. The longest tuple of an honest file is far shorter.
    public var pickleStack: Int = 1 << 19
    /// Nesting of values in a pickle.
    public var pickleDepth: Int = 1_000
    /// Members of one archive.
    public var archiveMembers: Int = 500_000
    /// Bytes one compressed archive member may grow to, as a multiple of its stored size, once it is above `archiveRatioFloor`.
    public var archiveRatio: UInt64 = 1_100
    /// Bytes below which `archiveRatio` is not asked for.
    public var archiveRatioFloor: UInt64 = 64 << 20
    /// Times its stored size that compressed data may grow to where it is unpacked into memory as a whole (pickles, whatever is scanned, text),
    /// once it is above `unpackedRatioFloor`. Honest data of these kinds stays below 30.
    public var unpackedRatio: UInt64 = 200
    /// Bytes below which `unpackedRatio` is not asked for.
    public var unpackedRatioFloor: UInt64 = 4 << 20
    /// Seconds that one pickle, one scanned file or one picture may take.
    public var seconds: Double = 300
    /// Pixels of one decoded picture.
    public var pixels: UInt64 = 268_435_456
    /// Bytes one decoded picture may take.
    public var pictureBytes: UInt64 = 2 << 30
    /// Bytes of one text or profile chunk in a picture.
    public var pictureChunkBytes: UInt64 = 1 << 20
    /// Parts that one long picture is split into. A strip of comics has a hundred.
    public var pictureParts: Int = 1_000

    public init() {}
}
