internal import CKernels
internal import IsomerBytes

/// An axis' filter as the kernels take it, and the level that they run it at.
final class KernelFilter: @unchecked Sendable {
    // SAFETY: `@unchecked Sendable`: nothing changes after `init`.

    let level: isomer_level
    /// Of the rows that it is for; 0 for columns.
    let channels: Int
    /// Samples that a sum has, at most.
    let capacity: Int
    private let kernel: isomer_resample_filter
    private let storage: PixelStorage
    private let packed: PixelStorage

    /// For rows of `channels` channels, or for columns if that is 0.
    init(_ filter: AxisFilter, channels: Int, level: isomer_level) throws(IsomerError) {
        let outputs = filter.outputs
        storage = try PixelStorage.table(outputs * (2 + filter.capacity), of: Int32.self)
        let numbers = storage.base.assumingMemoryBound(to: Int32.self)
        for i in 0..<outputs {
            numbers[i] = filter.first[i]
            numbers[outputs + i] = filter.count[i]
        }
        for (i, weight) in filter.weights.enumerated() { numbers[2 * outputs + i] = AxisFilter.fixed(weight) }
        // SAFETY: the pointers lead into `storage` and `packed`, which live as long as this does.
        var kernel = isomer_resample_filter(
            outputs: outputs, capacity: filter.capacity, first: numbers, count: numbers + outputs, weights: numbers + 2 * outputs,
            packed: nil)
        self.level = isomer_resample_level(level, &kernel, Int32(channels))
        let bytes = isomer_resample_packed_bytes(self.level, &kernel, Int32(channels))
        packed = try PixelStorage.table(bytes, of: UInt8.self)
        if bytes > 0 {
            isomer_resample_pack(self.level, &kernel, Int32(channels), packed.base)
            kernel.packed = UnsafeRawPointer(packed.base)
        }
        self.kernel = kernel
        (self.channels, capacity) = (channels, filter.capacity)
    }

    var outputs: Int { kernel.outputs }
    var byteCount: Int { storage.count + packed.count }

    /// The first input of an output, and the first one behind its last.
    func inputs(of output: Int) -> Range<Int> {
        let first = Int(kernel.first[output])
        return first..<first + Int(kernel.count[output])
    }

    /// Makes rows from rows.
    func filterRows(
        _ source: UnsafePointer<UInt8>, _ sourceStride: Int, _ target: UnsafeMutablePointer<UInt8>, _ targetStride: Int, rows: Int,
        channels: Int
    ) {
        withUnsafePointer(to: kernel) {
            isomer_resample_rows(level, source, sourceStride, target, targetStride, rows, Int32(channels), $0)
        }
    }

    /// Makes `rows` outputs, from output `first` on, of `bytes` bytes each. `origin` is where input row 0 is.
    func filterColumns(
        _ origin: UnsafePointer<UInt8>, _ sourceStride: Int, _ target: UnsafeMutablePointer<UInt8>, _ targetStride: Int, first: Int,
        rows: Int, bytes: Int
    ) {
        withUnsafePointer(to: kernel) {
            isomer_resample_columns(level, origin, sourceStride, target, targetStride, first, rows, bytes, $0)
        }
    }
}
