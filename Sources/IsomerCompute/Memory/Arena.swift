import IsomerBytes

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// The memory of one forward pass.
///
/// Tensors come and go in the order the network's definition says. A first pass that computes nothing takes and gives back addresses only and
/// so finds how much the real one needs; that one then gets its memory in one piece and finds every place as planned, since the same
/// requests in the same order lead to the same places.
///
/// Used by one thread: kernels on other threads see addresses only.
final class Arena {
    /// Whether there is no memory behind the places.
    let isPlanning: Bool
    /// Bytes the planned piece has.
    let capacity: Int
    /// The most bytes that were taken at once, gaps between them included.
    private(set) var peak = 0
    /// Bytes that are taken now.
    private(set) var taken = 0

    /// Bytes that may be taken at once.
    private let limit: Int
    private var memory: UnsafeMutableRawPointer?
    /// Free places by their offset, in order; neighbours are merged. The last one has no end.
    private var holes: [Range<Int>] = [0..<Int.max]

    /// A place for some floats.
    struct Place {
        var range: Range<Int>
        /// `nil` while planning.
        var address: UnsafeMutablePointer<Float>?
        /// Memory of its own, because the planned piece had no room.
        var isSeparate: Bool
    }

    private static let alignment = 64
    private static let hugePage = 2 << 20
    /// Memory of this many bytes or more comes from the system.
    private static let mappedFrom = 256 << 10

    /// A plan: places, but no memory. Throws, when it would be passed, that `limit` bytes are not enough.
    init(planningUpTo limit: Int) {
        isPlanning = true
        capacity = 0
        self.limit = limit
    }

    /// Memory for a planned pass. What does not fit is taken from the system.
    init(capacity: Int) throws(IsomerError) {
        isPlanning = false
        self.capacity = capacity
        limit = .max
        if capacity > 0 { memory = try Arena.allocate(capacity) }
    }

    deinit { Arena.release(memory) }

    /// Takes a place for `count` floats.
    func take(_ count: Int) throws(IsomerError) -> Place {
        let (bytes, overflow) = count.multipliedReportingOverflow(by: MemoryLayout<Float>.stride)
        guard count >= 0, !overflow, bytes < Int.max / 4 else {
            throw IsomerError(.limitExceeded, "a tensor has more elements than memory can address", found: "\(count)")
        }
        let size = max(Arena.alignment, (bytes + Arena.alignment - 1) / Arena.alignment * Arena.alignment)
        // The smallest hole that is large enough; the open end only if there is none.
        var best: Int?
        for (index, hole) in holes.enumerated() where hole.count >= size {
            if let chosen = best, holes[chosen].count <= hole.count { continue }
            best = index
        }
        guard let best else { throw IsomerError(.limitExceeded, "the forward pass needs more than memory can address") }
        let range = holes[best].lowerBound..<holes[best].lowerBound + size
        guard range.upperBound <= limit else {
            throw IsomerError(
                .limitExceeded, "the forward pass needs more memory than allowed", expected: "at most \(limit) bytes",
                found: "more than \(range.upperBound)", remedy: "allow more with --memory, or choose a smaller size")
        }
        if holes[best].count == size { holes.remove(at: best) } else { holes[best] = range.upperBound..<holes[best].upperBound }
        peak = max(peak, range.upperBound)
        taken += size
        if isPlanning { return Place(range: range, address: nil, isSeparate: false) }
        if let memory, range.upperBound <= capacity {
            return Place(range: range, address: (memory + range.lowerBound).assumingMemoryBound(to: Float.self), isSeparate: false)
        }
        return Place(range: range, address: try Arena.allocate(size).assumingMemoryBound(to: Float.self), isSeparate: true)
    }

    /// Gives a place back.
    func giveBack(_ place: Place) {
        if place.isSeparate { Arena.release(place.address) }
        taken -= place.range.count
        var index = holes.firstIndex { $0.lowerBound >= place.range.upperBound } ?? holes.count
        var merged = place.range
        if index < holes.count, holes[index].lowerBound == merged.upperBound {
            merged = merged.lowerBound..<holes[index].upperBound
            holes.remove(at: index)
        }
        if index > 0, holes[index - 1].upperBound == merged.lowerBound {
            merged = holes[index - 1].lowerBound..<merged.upperBound
            index -= 1
            holes.remove(at: index)
        }
        holes.insert(merged, at: index)
    }
}

extension Arena {
    /// Stands right before memory of `allocate`, and says how it is given back.
    private struct Origin {
        let base: UnsafeMutableRawPointer
        /// Zero if the allocator gave it.
        let mappedByteCount: Int
    }

    /// Aligned memory, or an error where there is none.
    static func allocate(_ byteCount: Int) throws(IsomerError) -> UnsafeMutableRawPointer {
        guard let (address, origin) = byteCount >= mappedFrom ? mapped(byteCount) : fromAllocator(byteCount) else {
            throw IsomerError(
                .limitExceeded, "there is not enough memory", expected: "\(byteCount) bytes", remedy: "choose a smaller size")
        }
        // SAFETY: both leave room before the address, as large as the alignment.
        (address - alignment).storeBytes(of: origin, as: Origin.self)
        return address
    }

    /// Gives memory of `allocate` back.
    static func release(_ address: UnsafeMutableRawPointer?) {
        guard let address else { return }
        let origin = (address - alignment).load(as: Origin.self)
        if origin.mappedByteCount > 0 {
            munmap(origin.base, origin.mappedByteCount)
        } else {
            free(origin.base)
        }
    }

    private static func fromAllocator(_ byteCount: Int) -> (UnsafeMutableRawPointer, Origin)? {
        var base: UnsafeMutableRawPointer?
        guard posix_memalign(&base, alignment, alignment + max(byteCount, alignment)) == 0, let base else { return nil }
        return (base + alignment, Origin(base: base, mappedByteCount: 0))
    }

    /// From the system itself: weights that are made in memory come and go by up to tens of megabytes, each of another size, and the allocator
    /// would keep many times the largest.
    private static func mapped(_ byteCount: Int) -> (UnsafeMutableRawPointer, Origin)? {
        let page = Int(getpagesize())
        let isLarge = byteCount >= 2 * hugePage
        let unit = isLarge ? hugePage : page
        let (size, overflow) = byteCount.addingReportingOverflow(unit + page)
        let flags = MAP_PRIVATE | MAP_ANON
        guard !overflow, let whole = mmap(nil, size, PROT_READ | PROT_WRITE, flags, -1, 0), Int(bitPattern: whole) != -1 else { return nil }
        // One page before the first address that is aligned.
        let first = (Int(bitPattern: whole) + page + unit - 1) / unit * unit - Int(bitPattern: whole)
        let base = whole + (first - page)
        if first > page { munmap(whole, first - page) }
        #if os(Linux)
            // Kernels walk through many rows at once, more than there are entries for small pages. Where it is refused, nothing is lost.
            if isLarge { madvise(whole + first, byteCount / hugePage * hugePage, MADV_HUGEPAGE) }
        #endif
        return (whole + first, Origin(base: base, mappedByteCount: size - (first - page)))
    }
}
