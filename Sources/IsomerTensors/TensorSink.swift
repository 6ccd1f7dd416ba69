public import IsomerBytes

/// A weight file being written.
///
/// A sink is made with all descriptors and the metadata, so that every offset is known before the first tensor byte. Then ranges arrive from
/// any number of threads, in any order, disjoint, and together covering every tensor. `finish` writes what comes after the tensors.
/// Making the file visible is not the sink's business but its stage's (`AtomicFile`, `StagedFolder`).
public protocol TensorSink: AnyObject, Sendable {
    /// The tensors as given, in the order in which indexes count.
    var tensors: [TensorDescriptor] { get }

    /// Bytes the file will have, known from the start.
    var byteCount: UInt64 { get }

    /// Stores `bytes` at `offset` inside tensor `index`.
    func write(_ bytes: UnsafeRawBufferPointer, to index: Int, at offset: Int) throws(IsomerError)

    /// Where tensor `index` lies in the file being made; `nil` if there is no such tensor.
    func destination(of index: Int) -> Destination?

    /// Whether every byte must come through `write` (to be summed, say), rather than be put into its place by the kernel.
    var seesEveryByte: Bool { get }

    /// Writes what follows the tensors. Called once, after the last `write`.
    func finish() throws(IsomerError)
}

extension TensorSink {
    public var seesEveryByte: Bool { false }
}

/// A place in a file being made.
public struct Destination: Sendable {
    /// The file.
    public let file: WritableFile
    /// The first byte's position in it.
    public let offset: UInt64

    public init(file: WritableFile, offset: UInt64) {
        self.file = file
        self.offset = offset
    }
}
