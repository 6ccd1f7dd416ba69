public import IsomerBytes
public import IsomerFormats
public import IsomerTensors

/// A safetensors file with other metadata: every other byte of its header's entries and every byte of its tensors stay what they are, in their
/// order, so that sums of the tensors' bytes stay valid.
///
/// Two ways to write it:
/// - `write(to:)` makes a new file and gives it its name when it is whole. The tensors are copied inside the kernel. This is the way that
///   survives everything: whoever opens the path finds the old file or the new one.
/// - `writeInPlace()` changes the header's bytes in the file itself, which takes a moment whatever the file's size, if the new header fits into
///   the old one's place. A header cannot be replaced in one step: if the power fails in that moment the file is damaged. It is never done
///   unless asked for.
public struct MetadataRewrite: Sendable {
    private let reader: SafetensorsReader
    private let metadata: FileMetadata
    /// The new header's JSON text, without padding.
    private let text: [UInt8]
    private let limits: Limits

    /// Prepares to replace all of `reader`'s metadata; none at all if `metadata` is empty.
    public init(_ reader: SafetensorsReader, metadata: FileMetadata, limits: Limits = Limits()) throws(IsomerError) {
        self.reader = reader
        self.metadata = metadata
        self.limits = limits
        let old = try reader.file.bytes(at: 8, count: Int(reader.dataOffset) - 8)
        text = try Self.text(old, metadata: metadata, limits: limits)
        guard UInt64(text.count) + 8 <= limits.safetensorsHeaderBytes else {
            throw IsomerError(
                .limitExceeded, "the header would be longer than readers of safetensors accept", path: reader.file.path,
                expected: "at most \(limits.safetensorsHeaderBytes) bytes", found: "\(text.count) bytes", remedy: "write less metadata")
        }
    }

    /// The members of the header with the metadata replaced, each as it was written.
    private static func text(_ old: [UInt8], metadata: FileMetadata, limits: Limits) throws(IsomerError) -> [UInt8] {
        var scanner = JSONScanner(old, base: 8, limits: limits)
        _ = try scanner.next()
        var members: [Range<Int>] = []
        var place = 0
        while case .key = try scanner.next() {
            let start = scanner.tokenRange.lowerBound - 1
            let isMetadata = ExactString(scanner.tokenText) == "__metadata__"
            try scanner.skipValue()
            if isMetadata {
                place = members.count
            } else {
                members.append(start..<Int(scanner.fileOffset - 8))
            }
        }
        var object = JSONObject()
        for (key, value) in metadata { object[key] = .string(value) }
        let entry = metadata.isEmpty ? [] : Array("\"__metadata__\":".utf8) + JSONWriter().bytes(.object(object))
        var text: [UInt8] = [UInt8(ascii: "{")]
        func append(_ bytes: some Sequence<UInt8>) {
            if text.count > 1 { text.append(UInt8(ascii: ",")) }
            text.append(contentsOf: bytes)
        }
        for (position, member) in members.enumerated() {
            if position == place, !entry.isEmpty { append(entry) }
            append(old[member])
        }
        if place == members.count, !entry.isEmpty { append(entry) }
        text.append(UInt8(ascii: "}"))
        return text
    }

    /// The header in so many bytes, its length and padding included.
    private func header(byteCount: Int) -> [UInt8] {
        let length = UInt64(byteCount - 8)
        return (0..<8).map { UInt8(truncatingIfNeeded: length >> (8 * UInt64($0))) } + text
            + [UInt8](repeating: UInt8(ascii: " "), count: byteCount - 8 - text.count)
    }

    /// Writes a new file. `path` may be the file that is being read; then it is replaced.
    public func write(
        to path: FilePath, overwrite: Bool, workers: Workers = Workers(), progress: @escaping @Sendable (_ done: UInt64) -> Void = { _ in }
    ) throws(IsomerError) {
        let header = header(byteCount: 8 + (text.count + 7) / 8 * 8)
        let source = reader.file
        let dataBytes = source.size - reader.dataOffset
        let output = try AtomicFile(
            path: path, byteCount: UInt64(header.count) + dataBytes, overwrite: overwrite, inputs: [source.identity])
        try output.file.gather(UInt64(header.count) + dataBytes)
        try output.file.write(header, at: 0)
        let step: UInt64 = 64 << 20
        let done = Counter()
        let shift = UInt64(header.count)
        try workers.run(Int((dataBytes + step - 1) / step)) { (item, _) throws(IsomerError) in
            let start = UInt64(item) * step
            try output.file.copyRange(
                from: source, at: reader.dataOffset + start, to: shift + start, count: min(step, dataBytes - start),
                progress: { count in progress(done.add(count)) })
        }
        try output.file.flush()
        try check(SafetensorsReader(output.file.stagingPath, limits: limits), path)
        try source.checkUnchanged()
        try output.commit()
    }

    /// Whether the new header fits into the old one's place.
    public var fitsInPlace: Bool { UInt64(text.count) + 8 <= reader.dataOffset }

    /// Changes the header where it stands. Throws `unsupported` if it does not fit there.
    public func writeInPlace() throws(IsomerError) {
        let path = reader.file.path
        guard fitsInPlace else {
            throw IsomerError(
                .unsupported, "the new header does not fit into the old one's place", path: path,
                expected: "at most \(reader.dataOffset - 8) bytes", found: "\(text.count) bytes", remedy: "leave `--in-place` away")
        }
        let old = try reader.file.bytes(at: 0, count: Int(reader.dataOffset))
        try reader.file.checkUnchanged()
        do {
            let descriptor = try FileDescriptor.open(path, .readWrite, options: [.closeOnExec])
            try descriptor.closeAfter {
                guard try FileSystem.identity(of: path) == reader.file.identity else { throw Errno.staleNFSFileHandle }
                do {
                    try descriptor.writeAll(toAbsoluteOffset: 0, header(byteCount: old.count))
                    try descriptor.synchronize()
                } catch {
                    // Half a header is worse than the old one.
                    _ = try? descriptor.writeAll(toAbsoluteOffset: 0, old)
                    throw error
                }
            }
        } catch {
            throw error as? IsomerError ?? IsomerError.writing(path, error)
        }
        try check(SafetensorsReader(path, limits: limits), path)
    }

    private func check(_ written: SafetensorsReader, _ path: FilePath) throws(IsomerError) {
        guard written.tensors == reader.tensors, written.metadata == metadata else {
            throw IsomerError(.mismatch, "the header read back is not the one that was written", path: path)
        }
    }
}
