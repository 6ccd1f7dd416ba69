public import IsomerBytes

extension StridedView {
    /// Writes bytes `range` of the tensor, as it would lie row-major without gaps, to `destination`.
    ///
    /// `storage` holds the whole storage. Elements have `elementSize` bytes (1, 2, 4, 8 or 16); the range may cut through elements.
    /// Throws `usage` if sizes do not fit together.
    public func gather(
        _ range: Range<Int>, elementSize: Int, from storage: UnsafeRawBufferPointer, into destination: UnsafeMutableRawBufferPointer
    ) throws(IsomerError) {
        let (storageBytes, overflow) = storageElementCount.multipliedReportingOverflow(by: elementSize)
        guard !overflow, storage.count >= storageBytes else {
            throw IsomerError(
                .usage, "a storage is smaller than its view says", expected: "\(storageElementCount) elements of \(elementSize) bytes",
                found: "\(storage.count) bytes")
        }
        try checkGather(range, elementSize: elementSize, destination: destination)
        try forEachBox(range, elementSize: elementSize, into: destination) { box, destination throws(IsomerError) in
            // SAFETY: the view's elements lie inside the storage (checked when it was made), and the storage was just measured.
            if let base = storage.baseAddress { box.copy(from: base, to: destination, elementSize: elementSize) }
        }
    }

    /// Writes bytes `range` of the tensor, as it would lie row-major without gaps, to `destination`, when the storage is not in memory.
    ///
    /// `read` fills a buffer with the storage's bytes from an offset. It is asked for no more than `scratchByteCount` bytes at a time, in
    /// ascending order where strides allow, and never for bytes outside `span`; what lies contiguous goes straight to `destination`.
    public func gather(
        _ range: Range<Int>, elementSize: Int, into destination: UnsafeMutableRawBufferPointer, scratchByteCount: Int = 1 << 20,
        read: (_ byteOffset: Int, _ buffer: UnsafeMutableRawBufferPointer) throws(IsomerError) -> Void
    ) throws(IsomerError) {
        let (_, overflow) = storageElementCount.multipliedReportingOverflow(by: elementSize)
        guard !overflow else { throw IsomerError(.usage, "a storage has more bytes than memory can address") }
        try checkGather(range, elementSize: elementSize, destination: destination)

        let budget = max(scratchByteCount / elementSize, 1)
        // Made at the first need: a contiguous tensor has none.
        var scratch = UnsafeMutableRawBufferPointer(start: nil, count: 0)
        defer { scratch.deallocate() }
        try forEachBox(range, elementSize: elementSize, into: destination) { box, destination throws(IsomerError) in
            try box.forEachWindow(of: budget, gap: max(Self.worthSkipping / elementSize, 1)) { window throws(IsomerError) in
                let target = destination + window.destinationOffset * elementSize
                let span = window.span
                if window.isContiguous {
                    let count = span.count * elementSize
                    try read(span.lowerBound * elementSize, UnsafeMutableRawBufferPointer(start: target, count: count))
                    return
                }
                if scratch.count == 0 { scratch = .allocate(byteCount: budget * elementSize, alignment: 16) }
                let loaded = UnsafeMutableRawBufferPointer(rebasing: scratch[..<(span.count * elementSize)])
                try read(span.lowerBound * elementSize, loaded)
                guard let base = loaded.baseAddress else { return }
                // SAFETY: the window reads `span` only, which is what was loaded.
                var local = window
                local.storageOffset -= span.lowerBound
                local.copy(from: UnsafeRawPointer(base), to: target, elementSize: elementSize)
            }
        }
    }

    /// Bytes between two pieces that are cheaper to read and throw away than to skip with another system call.
    private static let worthSkipping = 8192

    private func checkGather(
        _ range: Range<Int>, elementSize: Int, destination: UnsafeMutableRawBufferPointer
    ) throws(IsomerError) {
        guard [1, 2, 4, 8, 16].contains(elementSize) else {
            throw IsomerError(
                .usage, "elements of this size cannot be gathered", expected: "1, 2, 4, 8 or 16 bytes", found: "\(elementSize)")
        }
        let (byteCount, overflow) = shape.elementCount.multipliedReportingOverflow(by: elementSize)
        guard !overflow, range.lowerBound >= 0, range.upperBound <= byteCount, destination.count >= range.count else {
            throw IsomerError(
                .usage, "a range lies outside its tensor or its buffer", expected: "at most \(byteCount) and \(destination.count) bytes",
                found: "\(range)")
        }
    }

    /// Cuts a range of bytes into boxes of whole elements, each with its place in `destination`. An element that the range cuts through
    /// is gathered apart and copied in part.
    private func forEachBox(
        _ range: Range<Int>, elementSize: Int, into destination: UnsafeMutableRawBufferPointer,
        _ body: (StridedBox, UnsafeMutableRawPointer) throws(IsomerError) -> Void
    ) throws(IsomerError) {
        guard !range.isEmpty, let base = destination.baseAddress else { return }
        let first = range.lowerBound / elementSize + (range.lowerBound % elementSize == 0 ? 0 : 1)
        let last = range.upperBound / elementSize

        func part(of element: Int) throws(IsomerError) {
            let start = element * elementSize
            let wanted = max(start, range.lowerBound)..<min(start + elementSize, range.upperBound)
            let whole = UnsafeMutableRawPointer.allocate(byteCount: elementSize, alignment: 16)
            defer { whole.deallocate() }
            try StridedBox.forEach(in: axes, offset: offset, elements: element..<element + 1) { box throws(IsomerError) in
                try body(box, whole)
            }
            (base + (wanted.lowerBound - range.lowerBound)).copyMemory(from: whole + (wanted.lowerBound - start), byteCount: wanted.count)
        }

        if range.lowerBound % elementSize != 0 { try part(of: first - 1) }
        if first < last {
            try StridedBox.forEach(in: axes, offset: offset, elements: first..<last) { box throws(IsomerError) in
                try body(box.movedToOrigin, base + (first * elementSize - range.lowerBound) + (box.destinationOffset * elementSize))
            }
        }
        if range.upperBound % elementSize != 0, last >= first { try part(of: last) }
    }
}
