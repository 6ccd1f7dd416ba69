internal import IsomerBytes
internal import Synchronization

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// The memory of one bitmap.
///
/// Blocks are handed on from one picture to the next: touching 36 MB of fresh pages costs as much as decoding half of a photo.
/// Every block has `padding` readable bytes behind its end, since the vector kernels read in steps of 64 bytes.
final class PixelStorage: @unchecked Sendable {
    // SAFETY: `@unchecked Sendable`: a storage is written only by whoever made it, before it is shared (`Bitmap` copies before it writes).

    /// Bytes behind the end that may be read, but mean nothing.
    static let padding = 64

    let base: UnsafeMutableRawPointer
    let count: Int
    private let capacity: Int

    /// `count` bytes with anything in them, or nil when memory is out.
    init?(count: Int) {
        guard let block = Self.pool.withLock({ $0.take(count) }) ?? Block(count) else { return nil }
        base = block.base
        capacity = block.capacity
        self.count = count
    }

    /// Room for a table of numbers, with anything in them.
    static func table<Number: BitwiseCopyable>(_ count: Int, of type: Number.Type) throws(IsomerError) -> PixelStorage {
        let (bytes, overflow) = count.multipliedReportingOverflow(by: MemoryLayout<Number>.stride)
        guard !overflow, let storage = PixelStorage(count: bytes) else {
            throw IsomerError(.limitExceeded, "there is no memory for a table of the picture", expected: "\(count) numbers")
        }
        return storage
    }

    deinit {
        let block = Block(base: base, capacity: capacity)
        Self.pool.withLock { $0.put(block) }?.release()
    }

    private static let pool = Mutex(Pool())

    // SAFETY: `@unchecked Sendable`: whoever holds a block owns it alone.
    private struct Block: @unchecked Sendable {
        var base: UnsafeMutableRawPointer
        var capacity: Int

        init(base: UnsafeMutableRawPointer, capacity: Int) {
            self.base = base
            self.capacity = capacity
        }

        init?(_ count: Int) {
            let (sum, overflow) = count.addingReportingOverflow(PixelStorage.padding + Self.hugePage)
            guard !overflow else { return nil }
            let small = (count + PixelStorage.padding + 4095) & ~4095
            // What a block was made by is told by its capacity.
            let isMapped = small >= Self.leastMapped
            capacity = isMapped ? sum & ~(Self.hugePage - 1) : small
            guard let memory = isMapped ? Self.mapped(capacity) : Self.allocated(capacity) else { return nil }
            base = memory
            // The padding is read (and multiplied by nothing); it must at least be there for the tools that watch memory.
            memset(base + (capacity - PixelStorage.padding), 0, PixelStorage.padding)
        }

        func release() {
            if capacity >= Self.leastMapped { munmap(base, capacity) } else { free(base) }
        }

        private static let hugePage = 2 << 20
        /// From this on blocks are mapped: of an allocator's aligned blocks the place is not found again once they are freed.
        private static let leastMapped = 2 * hugePage

        private static func allocated(_ capacity: Int) -> UnsafeMutableRawPointer? {
            var pointer: UnsafeMutableRawPointer?
            return posix_memalign(&pointer, 64, capacity) == 0 ? pointer : nil
        }

        /// Whole huge pages.
        private static func mapped(_ capacity: Int) -> UnsafeMutableRawPointer? {
            let (span, overflow) = capacity.addingReportingOverflow(hugePage)
            guard !overflow, let start = mmap(nil, span, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANON, -1, 0), start != MAP_FAILED
            else { return nil }
            // What lies before the first huge page, and behind the last, goes back at once.
            let base = start.alignedUp(toMultipleOf: hugePage)
            let (before, behind) = (base - start, hugePage - (base - start))
            if before > 0 { munmap(start, before) }
            if behind > 0 { munmap(base + capacity, behind) }
            #if os(Linux)
                // A worker's first picture pays for its pages, and filters along columns go through more of them at once than there are entries
                // for small ones. Where it is refused, nothing is lost.
                madvise(base, capacity, MADV_HUGEPAGE)
            #endif
            return base
        }
    }

    /// A few idle blocks, the largest pictures not among them.
    private struct Pool {
        private var idle: [Block] = []
        private var bytes = 0
        private let largest = 64 << 20
        private let total = 160 << 20

        // SAFETY: blocks in the pool belong to nobody else.
        mutating func take(_ count: Int) -> Block? {
            let needed = count + PixelStorage.padding
            var best: Int?
            for (index, block) in idle.enumerated() where block.capacity >= needed && block.capacity / 2 <= needed {
                if let current = best, idle[current].capacity <= block.capacity { continue }
                best = index
            }
            guard let best else { return nil }
            let block = idle.remove(at: best)
            bytes -= block.capacity
            return block
        }

        /// The block to give back to the system, if any.
        mutating func put(_ block: Block) -> Block? {
            // Small blocks are as quick from malloc.
            guard block.capacity >= 256 << 10, block.capacity <= largest, bytes + block.capacity <= total else { return block }
            idle.append(block)
            bytes += block.capacity
            return nil
        }
    }
}
