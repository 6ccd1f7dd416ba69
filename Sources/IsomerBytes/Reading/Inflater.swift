internal import CZlib

/// Decompresses a deflate stream piece by piece, never past a stated size.
///
/// The compressed bytes come from a closure that fills a buffer and says how many bytes it put there (0 at the end); the plain bytes are
/// pulled with `read(into:)`. Memory stays at the 64 KiB of input held here and the 40 KiB that zlib keeps, whatever the stream says.
public final class Inflater {
    /// What stands around the deflate stream.
    public enum Wrapping: Hashable, Sendable {
        /// Nothing, as in a ZIP member.
        case raw
        /// A two-byte header and an Adler-32 checksum, as in a PNG picture.
        case zlib
        /// One or more gzip members, each with a CRC-32.
        case gzip
    }

    /// How many plain bytes there may be.
    public enum OutputSize: Hashable, Sendable {
        /// The file declares this many; more or fewer is `malformed`.
        case exactly(UInt64)
        /// More than this many is `limitExceeded`.
        case atMost(UInt64)
    }

    /// Fills as much of the buffer as it likes and returns how much that was: 0 only at the end.
    public typealias Source = (UnsafeMutableRawBufferPointer) throws(IsomerError) -> Int

    /// Plain bytes returned so far.
    public private(set) var byteCount: UInt64 = 0
    /// Compressed bytes used so far. At the end, bytes that the source gave beyond this one do not belong to the stream.
    public private(set) var compressedByteCount: UInt64 = 0

    private let wrapping: Wrapping
    private let size: OutputSize
    private let source: Source
    private let input: UnsafeMutableRawBufferPointer
    // zlib's state points back at its stream, so the stream must not move.
    private let stream: UnsafeMutablePointer<z_stream>
    private var isInputAtEnd = false
    private var isFinished = false
    /// Bytes that `read` put into its buffer before it failed.
    private var salvaged = 0

    /// Starts on a stream. Throws only when there is no memory for it.
    public init(_ wrapping: Wrapping, size: OutputSize, source: @escaping Source) throws(IsomerError) {
        self.wrapping = wrapping
        self.size = size
        self.source = source
        input = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 << 10, alignment: 16)
        stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
        stream.initialize(to: z_stream())
        // Negative: raw; plus 16: gzip. Windows of 32 KiB, the largest there are, decode every stream.
        let windowBits: Int32 =
            switch wrapping {
            case .raw: -15
            case .zlib: 15
            case .gzip: 15 + 16
            }
        // SAFETY: all fields are zero, which `inflateInit2_` documents as "use the default allocator, no input yet".
        guard inflateInit2_(stream, windowBits, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else {
            input.deallocate()
            stream.deallocate()
            throw IsomerError(.cannotRead, "there is no memory to decompress", remedy: "close other programs and try again")
        }
    }

    deinit {
        inflateEnd(stream)
        stream.deallocate()
        input.deallocate()
    }

    /// Fills `buffer` with the next plain bytes and returns how many there were: less than asked for only at the end of the stream.
    ///
    /// The call that returns the last allowed byte also makes sure that the stream ends there, checksum included.
    public func read(into buffer: UnsafeMutableRawBufferPointer) throws(IsomerError) -> Int {
        let allowed: UInt64 =
            switch size {
            case .exactly(let count), .atMost(let count): count
            }
        let count = Int(min(UInt64(buffer.count), allowed - byteCount))
        var done = 0
        salvaged = 0
        while done < count, !isFinished {
            do throws(IsomerError) {
                done += try step(UnsafeMutableRawBufferPointer(rebasing: buffer[done..<count]))
            } catch {
                salvaged += done
                throw error
            }
        }
        byteCount += UInt64(done)
        defer { salvaged = done }
        if byteCount == allowed, !isFinished { try checkEnd(allowed) }
        if isFinished, case .exactly(let declared) = size, byteCount < declared {
            throw IsomerError(
                .malformed, "the compressed data is smaller than its file declares", expected: "\(declared) bytes",
                found: "\(byteCount) bytes",
                remedy: "the file is damaged: get it again")
        }
        return done
    }

    /// As `read`, but damage does not take what came out before it: for those who look at what a lenient reader would see.
    ///
    /// - Returns: how many bytes there were, and why there are no more if the stream has not come to its end.
    public func salvage(into buffer: UnsafeMutableRawBufferPointer) -> (count: Int, problem: IsomerError?) {
        do throws(IsomerError) {
            return (try read(into: buffer), nil)
        } catch {
            return (salvaged, error)
        }
    }

    /// Runs on to the end of the stream, where no further byte may come out.
    private func checkEnd(_ allowed: UInt64) throws(IsomerError) {
        var excess: UInt8 = 0
        while !isFinished {
            var failure: IsomerError?
            let count = withUnsafeMutableBytes(of: &excess) { buffer in
                do throws(IsomerError) {
                    return try step(buffer)
                } catch {
                    failure = error
                    return 0
                }
            }
            if let failure { throw failure }
            guard count == 0 else {
                switch size {
                case .exactly:
                    throw IsomerError(
                        .malformed, "the compressed data is larger than its file declares", expected: "\(allowed) bytes",
                        remedy: "do not use this file: it is damaged or made to deceive")
                case .atMost:
                    throw IsomerError(
                        .limitExceeded, "the data grows beyond its limit when it is decompressed", expected: "at most \(allowed) bytes")
                }
            }
        }
    }

    /// One call of zlib, with input. Returns the bytes that came out, which may be none.
    private func step(_ buffer: UnsafeMutableRawBufferPointer) throws(IsomerError) -> Int {
        if stream.pointee.avail_in == 0, !isInputAtEnd { try refill() }
        let room = UInt32(clamping: buffer.count)
        stream.pointee.next_out = buffer.baseAddress?.assumingMemoryBound(to: UInt8.self)
        stream.pointee.avail_out = room
        let inputBefore = stream.pointee.avail_in
        // SAFETY: `next_in` and `next_out` point to `avail_in` and `avail_out` bytes that live until the call returns.
        let status = CZlib.inflate(stream, Z_NO_FLUSH)
        stream.pointee.next_out = nil
        let produced = Int(room - stream.pointee.avail_out)
        compressedByteCount += UInt64(inputBefore - stream.pointee.avail_in)
        salvaged = produced
        switch status {
        case Z_OK: salvaged = 0
        case Z_STREAM_END: try finishMember()
        case Z_BUF_ERROR where !isInputAtEnd: break
        case Z_BUF_ERROR:
            throw IsomerError(
                .malformed, "the compressed data ends in the middle", byteOffset: compressedByteCount,
                remedy: "the file is cut short or damaged: get it again")
        case Z_NEED_DICT:
            throw IsomerError(.unsupported, "the compressed data needs a preset dictionary", byteOffset: compressedByteCount)
        case Z_MEM_ERROR:
            throw IsomerError(.cannotRead, "there is no memory to decompress", remedy: "close other programs and try again")
        default:
            let reason = stream.pointee.msg.map { String(cString: $0) } ?? "zlib error \(status)"
            throw IsomerError(
                .malformed, "the compressed data is damaged: \(reason)", byteOffset: compressedByteCount,
                remedy: "the file is damaged: get it again")
        }
        return produced
    }

    /// A gzip file may go on with another member; everything else ends here.
    private func finishMember() throws(IsomerError) {
        guard wrapping == .gzip else { return isFinished = true }
        if stream.pointee.avail_in == 0, !isInputAtEnd { try refill() }
        guard stream.pointee.avail_in > 0, stream.pointee.next_in?.pointee == 0x1F else { return isFinished = true }
        inflateReset(stream)
    }

    private func refill() throws(IsomerError) {
        let count = try source(input)
        guard count > 0 else { return isInputAtEnd = true }
        stream.pointee.next_in = input.baseAddress?.assumingMemoryBound(to: UInt8.self)
        stream.pointee.avail_in = UInt32(clamping: min(count, input.count))
    }
}

extension Inflater {
    /// The most plain bytes for each compressed byte that deflate can express: a match of 258 bytes takes two bits.
    static let largestRatio: UInt64 = 1032

    /// Decompresses `bytes`, which must hold one whole stream and nothing after it.
    ///
    /// Memory is taken as the plain bytes come out, not because a file declares them: a declared size that deflate could not reach from
    /// this many bytes is refused at once. Byte offsets in errors count from the first of `bytes`.
    public static func inflate(_ bytes: UnsafeRawBufferPointer, _ wrapping: Wrapping, size: OutputSize) throws(IsomerError) -> [UInt8] {
        let reachable = (UInt64(bytes.count) + 64).multipliedReportingOverflow(by: largestRatio)
        let capacity: Int
        switch size {
        case .exactly(let declared):
            guard declared <= reachable.partialValue || reachable.overflow, let count = Int(exactly: declared) else {
                throw IsomerError(
                    .malformed, "the declared size cannot be reached by decompressing what is there",
                    expected: "at most \(reachable.partialValue) bytes out of \(bytes.count)", found: "\(declared) bytes",
                    remedy: "do not use this file: it is damaged or made to deceive")
            }
            capacity = count
        case .atMost(let limit):
            capacity = Int(clamping: min(limit, UInt64(bytes.count) * 4 + 64))
        }
        var position = 0
        let inflater = try Inflater(wrapping, size: size) { buffer in
            let count = min(buffer.count, bytes.count - position)
            buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[position..<position + count]))
            position += count
            return count
        }
        var result: [UInt8] = []
        // A quarter of a gigabyte is taken at once at most: beyond that the array grows with what really comes out.
        result.reserveCapacity(min(capacity, 256 << 20))
        let piece = UnsafeMutableRawBufferPointer.allocate(byteCount: 256 << 10, alignment: 16)
        defer { piece.deallocate() }
        while true {
            let count = try inflater.read(into: piece)
            result.append(contentsOf: piece[..<count])
            if count < piece.count { break }
        }
        guard inflater.compressedByteCount == UInt64(bytes.count) else {
            throw IsomerError(
                .malformed, "there are bytes after the end of the compressed data", byteOffset: inflater.compressedByteCount,
                remedy: "the file is damaged or holds something hidden: get it again")
        }
        return result
    }

    /// Decompresses `bytes`, which must hold one whole stream and nothing after it.
    public static func inflate(_ bytes: [UInt8], _ wrapping: Wrapping, size: OutputSize) throws(IsomerError) -> [UInt8] {
        var failure: IsomerError?
        let result = bytes.withUnsafeBytes { buffer in
            do throws(IsomerError) {
                return try inflate(buffer, wrapping, size: size)
            } catch {
                failure = error
                return []
            }
        }
        if let failure { throw failure }
        return result
    }
}
