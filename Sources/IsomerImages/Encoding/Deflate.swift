internal import CZlib
internal import IsomerBytes

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// zlib's compressor, piece by piece.
struct Deflate: ~Copyable {
    private let stream: UnsafeMutablePointer<z_stream>
    private let inputBytesAtOnce: Int

    /// - Parameter inputBytesAtOnce: the most bytes that zlib is given in one call; it counts them in 32 bits.
    init(level: Int, inputBytesAtOnce: Int = Int(Int32.max)) throws(IsomerError) {
        self.inputBytesAtOnce = inputBytesAtOnce
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        guard deflateInit2_(stream, Int32(level), Z_DEFLATED, 15, 9, Z_FILTERED, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK
        else { throw IsomerError(.limitExceeded, "there is no memory to compress with") }
    }

    deinit {
        deflateEnd(stream)
        stream.deallocate()
    }

    /// The compressed bytes that are ready once `bytes` went in: all that are left if these are the last.
    mutating func compress(_ bytes: UnsafeBufferPointer<UInt8>, isLast: Bool) throws(IsomerError) -> [UInt8] {
        var output: [UInt8] = []
        var rest = bytes[...]
        repeat {
            let portion = UnsafeBufferPointer(rebasing: rest.prefix(inputBytesAtOnce))
            rest = rest.dropFirst(portion.count)
            try compress(portion, isLast: isLast && rest.isEmpty, into: &output)
        } while !rest.isEmpty
        return output
    }

    private mutating func compress(_ bytes: UnsafeBufferPointer<UInt8>, isLast: Bool, into output: inout [UInt8]) throws(IsomerError) {
        stream.pointee.next_in = UnsafeMutablePointer(mutating: bytes.baseAddress)
        stream.pointee.avail_in = UInt32(bytes.count)
        var piece = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            // SAFETY: zlib reads `avail_in` bytes of the caller's buffer, which outlives the call, and writes `avail_out` bytes of `piece`.
            let (status, count) = piece.withUnsafeMutableBufferPointer { buffer in
                stream.pointee.next_out = buffer.baseAddress
                stream.pointee.avail_out = UInt32(buffer.count)
                let status = deflate(stream, isLast ? Z_FINISH : Z_NO_FLUSH)
                return (status, buffer.count - Int(stream.pointee.avail_out))
            }
            guard status >= 0 || status == Z_BUF_ERROR else {
                throw IsomerError(.limitExceeded, "compression failed", found: "zlib error \(status)")
            }
            output += piece[..<count]
            if status == Z_STREAM_END || (!isLast && count < piece.count) { return }
        }
    }

    /// A whole zlib stream.
    static func zlib(_ bytes: [UInt8], level: Int, inputBytesAtOnce: Int = Int(Int32.max)) throws(IsomerError) -> [UInt8] {
        var deflate = try Deflate(level: level, inputBytesAtOnce: inputBytesAtOnce)
        let result: Result<[UInt8], IsomerError> = bytes.withUnsafeBufferPointer { buffer in
            do throws(IsomerError) { return .success(try deflate.compress(buffer, isLast: true)) } catch { return .failure(error) }
        }
        return try result.get()
    }
}
