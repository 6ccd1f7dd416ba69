public import IsomerBytes

/// An ordered list of tensors that can be read in byte ranges, from any thread.
///
/// A safetensors file, a torch archive, a GGUF file, a sharded set, a Diffusers component and a random generator are all sources.
public protocol TensorSource: AnyObject, Sendable {
    /// The tensors, in the source's own order, with unique names.
    var tensors: [TensorDescriptor] { get }

    /// Text carried beside the tensors.
    var metadata: FileMetadata { get }

    /// Fills `buffer` with bytes of tensor `index` from `offset`, as if it were stored row-major without gaps, least significant byte
    /// first. The range lies inside the tensor's `byteCount`; anything else throws.
    func read(_ index: Int, at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws(IsomerError)

    /// Where those very bytes lie in a file, in one piece; `nil` if they must be made by `read` (a strided view, a compressed member,
    /// the other byte order). A copier may move them inside the kernel.
    func storedRange(of index: Int) -> StoredRange?

    /// The files that its bytes come from, each once.
    var files: [ReadableFile] { get }
}

/// A piece of a file.
public struct StoredRange: Sendable {
    /// The file.
    public let file: ReadableFile
    /// The first byte's position in it.
    public let offset: UInt64
    /// How many bytes.
    public let count: Int

    public init(file: ReadableFile, offset: UInt64, count: Int) {
        self.file = file
        self.offset = offset
        self.count = count
    }
}

extension TensorSource {
    /// The files in which tensors are stored as they are. A source that makes its bytes from other files says so itself.
    public var files: [ReadableFile] {
        var found: [ReadableFile] = []
        for index in tensors.indices {
            guard let file = storedRange(of: index)?.file, !found.contains(where: { $0 === file }) else { continue }
            found.append(file)
        }
        return found
    }

    /// All bytes of one tensor. For small tensors; large ones are read in ranges.
    public func bytes(of index: Int) throws(IsomerError) -> [UInt8] {
        var failure: IsomerError?
        let count = tensors[index].byteCount
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            do throws(IsomerError) {
                try read(index, at: 0, into: UnsafeMutableRawBufferPointer(buffer))
                filled = count
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        return bytes
    }
}
