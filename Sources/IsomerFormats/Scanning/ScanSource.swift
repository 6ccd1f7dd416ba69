internal import IsomerBytes

/// Bytes to look at: a part of a file, or what came out of a compressed member.
enum ScanSource {
    case file(ReadableFile, Range<UInt64>)
    /// A part of bytes that many parts may share.
    case memory([UInt8], Range<Int>)

    init(_ file: ReadableFile) { self = .file(file, 0..<file.size) }
    init(_ bytes: [UInt8]) { self = .memory(bytes, bytes.indices) }

    var count: UInt64 {
        switch self {
        case .file(_, let range): range.upperBound - range.lowerBound
        case .memory(_, let range): UInt64(range.count)
        }
    }

    /// What offsets are told relative to: the file, or these bytes.
    var origin: UInt64 {
        switch self {
        case .file(_, let range): range.lowerBound
        case .memory(_, let range): UInt64(range.lowerBound)
        }
    }

    var isInFile: Bool { if case .file = self { true } else { false } }

    /// Up to `count` bytes from `offset`; fewer where the source ends.
    func bytes(at offset: UInt64, atMost count: Int) throws(IsomerError) -> [UInt8] {
        guard offset < self.count else { return [] }
        let count = min(UInt64(max(0, count)), self.count - offset)
        switch self {
        case .file(let file, let range): return try file.bytes(at: range.lowerBound + offset, count: Int(count))
        case .memory(let bytes, let range): return Array(bytes[range.lowerBound + Int(offset)..<range.lowerBound + Int(offset + count)])
        }
    }

    /// What lies in `range`, as far as it does.
    func part(_ range: Range<UInt64>) -> ScanSource {
        let start = min(range.lowerBound, count)
        let end = max(start, min(range.upperBound, count))
        switch self {
        case .file(let file, let own): return .file(file, own.lowerBound + start..<own.lowerBound + end)
        case .memory(let bytes, let own): return .memory(bytes, own.lowerBound + Int(start)..<own.lowerBound + Int(end))
        }
    }

    func part(from start: UInt64) -> ScanSource { part(min(start, count)..<count) }

    /// A pickle stream that begins here.
    func pickleInput(limit: UInt64) -> PickleInput {
        switch self {
        case .file(let file, let range): PickleInput(file, from: range.lowerBound, to: range.upperBound, limit: limit)
        case .memory(let bytes, let range): PickleInput(bytes, in: range, origin: UInt64(range.lowerBound))
        }
    }
}

extension ScanSource {
    /// What comes out of the deflate stream that begins here: at most `limit` bytes, and why it ended if that was no proper end.
    ///
    /// What grows more than `limits.unpackedRatio` says is given up as soon as it does.
    func inflated(_ wrapping: Inflater.Wrapping, limit: UInt64, limits: Limits) -> (bytes: [UInt8], problem: IsomerError?) {
        var result: [UInt8] = []
        do throws(IsomerError) {
            var position: UInt64 = 0
            let inflater = try Inflater(wrapping, size: .atMost(limit)) { (buffer) throws(IsomerError) -> Int in
                let piece = try bytes(at: position, atMost: buffer.count)
                buffer.copyBytes(from: piece)
                position += UInt64(piece.count)
                return piece.count
            }
            let piece = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 << 10, alignment: 16)
            defer { piece.deallocate() }
            while true {
                try Interruption.check()
                let (count, problem) = inflater.salvage(into: piece)
                result.append(contentsOf: piece[..<count])
                if count < piece.count || problem != nil { return (result, problem) }
                guard UInt64(result.count) <= max(limits.unpackedRatioFloor, position.multipliedSaturating(by: limits.unpackedRatio)) else {
                    throw IsomerError(
                        .limitExceeded, "the compressed data grows too much", byteOffset: isInFile ? origin : nil,
                        expected: "at most \(limits.unpackedRatio) times its size",
                        found: "\(result.count) bytes out of at most \(position)")
                }
            }
        } catch {
            return (result, error)
        }
    }

    /// Where the deflate stream of a gzip member begins, by the rules of those who do not check its header's sum.
    ///
    /// Reference: RFC 1952, section 2.3.
    func gzipContent() throws(IsomerError) -> ScanSource? {
        let header = try bytes(at: 0, atMost: 64 << 10)
        guard header.count >= 10, header[2] == 8 else { return nil }
        let flags = header[3]
        var start = 10
        if flags & 4 != 0 {
            guard header.count >= 12 else { return nil }
            start += 2 + Int(header[10]) + Int(header[11]) << 8
        }
        // A name, then a comment, each up to a NUL.
        for flag in [UInt8(8), 16] where flags & flag != 0 {
            guard start < header.count, let end = header[start...].firstIndex(of: 0) else { return nil }
            start = end + 1
        }
        if flags & 2 != 0 { start += 2 }
        return part(from: UInt64(start))
    }

    /// The first bytes that come out of the deflate stream that begins here. Shorter than `count` only if there are no more.
    func inflatedPrefix(_ wrapping: Inflater.Wrapping, count: Int) -> [UInt8] {
        let (bytes, _) = part(0..<UInt64(count) + 1024).inflated(wrapping, limit: UInt64(count), limits: Limits())
        return bytes
    }
}
