internal import IsomerBytes
internal import IsomerTensors
internal import Synchronization

/// The storages of a checkpoint, read through views. Everything that is read whole is checked against its sum, in whatever order it is read.
final class TorchStorages: Sendable {
    let storages: [TorchStorage]
    private let sums = Mutex<[Int: RangeChecksum]>([:])
    private let verified: [Atomic64]

    /// Whether a storage's sum has been compared.
    private final class Atomic64: Sendable {
        let isDone = Atomic<Bool>(false)
    }

    init(_ storages: [TorchStorage]) {
        self.storages = storages
        verified = storages.map { _ in Atomic64() }
    }

    /// Whether the view's bytes are in the storage as they are wanted.
    func isPlain(_ view: TorchView) -> Bool {
        view.isContiguous && !view.isConjugated && !view.isNegated && !needsSwap(view)
    }

    private func needsSwap(_ view: TorchView) -> Bool {
        storages[view.storage].isBigEndian && view.scalarType.unitBytes > 1
    }

    /// Fills `buffer` with row-major bytes of the view from `offset`. The range lies inside the view.
    func read(_ view: TorchView, at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws(IsomerError) {
        if isPlain(view) { return try readStored(view.storage, at: view.byteOffset + UInt64(offset), into: buffer) }
        // Beyond plain bytes everything goes by whole elements.
        let item = view.scalarType.bitCount / 8
        let first = offset / item
        let last = (offset + buffer.count + item - 1) / item
        if first * item == offset, (last - first) * item == buffer.count { return try readElements(view, first..<last, into: buffer) }
        let elements = UnsafeMutableRawBufferPointer.allocate(byteCount: (last - first) * item, alignment: 16)
        defer { elements.deallocate() }
        try readElements(view, first..<last, into: elements)
        let start = offset - first * item
        buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: elements[start..<start + buffer.count]))
    }

    private func readElements(_ view: TorchView, _ range: Range<Int>, into buffer: UnsafeMutableRawBufferPointer) throws(IsomerError) {
        if view.isContiguous {
            let item = view.scalarType.bitCount / 8
            try readStored(view.storage, at: view.byteOffset + UInt64(range.lowerBound * item), into: buffer)
        } else {
            try StridedGather(view, storages[view.storage]).gather(range, into: buffer)
        }
        if needsSwap(view) { swapBytes(buffer, unit: view.scalarType.unitBytes) }
        applySigns(view, buffer)
    }

    private func swapBytes(_ buffer: UnsafeMutableRawBufferPointer, unit: Int) {
        var start = 0
        while start + unit <= buffer.count {
            buffer[start..<start + unit].reverse()
            start += unit
        }
    }

    /// Torch marks a conjugated or negated view with a bit instead of computing it.
    private func applySigns(_ view: TorchView, _ buffer: UnsafeMutableRawBufferPointer) {
        guard view.isConjugated || view.isNegated else { return }
        let unit = view.scalarType.unitBytes
        let isComplex = view.scalarType.kind == .complex
        guard isComplex || view.scalarType.kind == .float else { return }
        for index in 0..<(buffer.count / unit) {
            let isImaginary = isComplex && index % 2 == 1
            if view.isNegated != (view.isConjugated && isImaginary) { buffer[index * unit + unit - 1] ^= 0x80 }
        }
    }

    private func readStored(_ index: Int, at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer) throws(IsomerError) {
        let storage = storages[index]
        try storage.read(into: buffer, at: offset)
        guard let expected = storage.crc32, !verified[index].isDone.load(ordering: .relaxed) else { return }
        let sum = CRC32(UnsafeRawBufferPointer(buffer))
        let total = sums.withLock { sums in
            sums[index, default: RangeChecksum()].add(sum, at: offset)
            return sums[index]?.total(of: storage.byteCount)
        }
        guard let total else { return }
        verified[index].isDone.store(true, ordering: .relaxed)
        sums.withLock { _ = $0.removeValue(forKey: index) }
        guard total.value == expected else { throw TorchStorages.mismatch(storage, total.value) }
    }

    /// Reads every storage that has a sum and has not been compared with it yet: parts that no tensor shows, and strided views.
    func verifyRest() throws(IsomerError) {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 16)
        defer { buffer.deallocate() }
        for (index, storage) in storages.enumerated() {
            guard let expected = storage.crc32, !verified[index].isDone.load(ordering: .relaxed) else { continue }
            var sum = CRC32()
            while sum.byteCount < storage.byteCount {
                let count = Int(min(UInt64(buffer.count), storage.byteCount - sum.byteCount))
                let piece = UnsafeMutableRawBufferPointer(rebasing: buffer[..<count])
                try storage.read(into: piece, at: sum.byteCount)
                sum.update(UnsafeRawBufferPointer(piece))
            }
            guard sum.value == expected else { throw TorchStorages.mismatch(storage, sum.value) }
            verified[index].isDone.store(true, ordering: .relaxed)
        }
    }

    private static func mismatch(_ storage: TorchStorage, _ found: UInt32) -> IsomerError {
        var path: FilePath?
        if case .file(let file, _) = storage.place { path = file.path }
        return IsomerError(
            .mismatch, "the bytes do not have the checksum that the archive promises", path: path, item: storage.name,
            expected: "0x" + String(storage.crc32 ?? 0, radix: 16), found: "0x" + String(found, radix: 16),
            remedy: "the file is damaged: get it again")
    }
}
