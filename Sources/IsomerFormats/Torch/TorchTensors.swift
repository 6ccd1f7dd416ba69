public import IsomerBytes
public import IsomerTensors

/// Some of the tensors of a torch checkpoint, ready to be read.
public final class TorchTensors: TensorSource {
    public let tensors: [TensorDescriptor]
    public let metadata: FileMetadata
    let views: [TorchView]
    private let storages: TorchStorages

    init(tensors: [TensorDescriptor], views: [TorchView], metadata: FileMetadata, storages: TorchStorages) {
        self.tensors = tensors
        self.views = views
        self.metadata = metadata
        self.storages = storages
    }

    public func read(_ index: Int, at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws(IsomerError) {
        guard tensors.indices.contains(index), offset >= 0, offset <= tensors[index].byteCount,
            buffer.count <= tensors[index].byteCount - offset
        else {
            throw IsomerError(.usage, "a read leaves its tensor", item: tensors.indices.contains(index) ? tensors[index].name : nil)
        }
        guard !buffer.isEmpty else { return }
        do throws(IsomerError) {
            try storages.read(views[index], at: offset, into: buffer)
        } catch {
            throw error.about(tensors[index].name)
        }
    }

    public func storedRange(of index: Int) -> StoredRange? {
        guard tensors.indices.contains(index) else { return nil }
        let view = views[index]
        let storage = storages.storages[view.storage]
        guard storages.isPlain(view), case .file(let file, let start) = storage.place else { return nil }
        return StoredRange(file: file, offset: start + view.byteOffset, count: tensors[index].byteCount)
    }

    /// The CRC-32 that the container promises for the stored bytes of tensor `index`, if they are a whole record: whoever copies them behind
    /// `read`'s back can check it. `nil` for views of larger records, for containers without sums, and for sums that were not computed.
    public func expectedCRC32(of index: Int) -> UInt32? {
        guard tensors.indices.contains(index) else { return nil }
        let storage = storages.storages[views[index].storage]
        guard storedRange(of: index) != nil, UInt64(tensors[index].byteCount) == storage.byteCount else { return nil }
        return storage.crc32
    }
}

extension TorchView {
    /// Where the first element begins in its storage.
    var byteOffset: UInt64 { UInt64(offset) * UInt64(scalarType.bitCount) / 8 }
}
