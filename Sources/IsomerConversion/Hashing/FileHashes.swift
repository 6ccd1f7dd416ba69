import Crypto
public import IsomerBytes
import IsomerFormats
import IsomerTensors

/// Every checksum by which model sites and user interfaces know a weight file.
///
/// Reference: AUTOMATIC1111 stable-diffusion-webui 1.10 `sd_models.model_hash` and `hashes.py`, sd-webui-additional-networks (by way of kohya
/// sd-scripts 0.9 `train_util.precalculate_safetensors_hashes`), Stability-AI ModelSpec 1.0.1.
public struct FileHashes: Hashable, Sendable {
    /// SHA-256 of the whole file, 64 hexadecimal digits.
    public var sha256: String
    /// The old short hash: SHA-256 of the 64 KiB from 1 MiB on (of what a shorter file has there, perhaps nothing), 8 digits.
    public var autoV1: String
    /// SHA-256 of everything behind the header, 64 digits; `nil` for files that are not safetensors. Called `sshs_model_hash` in metadata.
    public var tensorData: String?
    /// `autoV1` of the file as it would be with no metadata but training's (`ss_…`); `nil` for files that are not safetensors.
    public var legacyTraining: String?

    /// The first 10 digits of the whole file's hash.
    public var autoV2: String { String(sha256.prefix(10)) }
    /// The first 12 digits of the tensor data's hash.
    public var autoV3: String? { tensorData.map { String($0.prefix(12)) } }
    /// As it stands under `modelspec.hash_sha256`.
    public var modelSpec: String? { tensorData.map { "0x" + $0 } }
}

extension FileHashes {
    /// Where AutoV1 looks.
    private static let shortRange: Range<UInt64> = 0x10_0000..<0x11_0000
    private static let chunkBytes: UInt64 = 4 << 20

    /// Reads the file once.
    ///
    /// While one chunk is summed, for the whole file and for the tensor data on threads of their own, the next one is read: with three workers
    /// that costs as long as the slowest of the three.
    ///
    /// - Parameter toleratesDamage: whether a safetensors file that is damaged is summed like any other file, for those who ask whether it is.
    public init(
        of file: ReadableFile, workers: Workers = Workers(), limits: Limits = Limits(), toleratesDamage: Bool = false,
        progress: @Sendable (_ done: UInt64) -> Void = { _ in }
    ) throws(IsomerError) {
        let reader: SafetensorsReader?
        do throws(IsomerError) {
            reader = try FileFormat(of: file) == .safetensors ? SafetensorsReader(file, limits: limits) : nil
        } catch {
            guard toleratesDamage, error.code == .malformed else { throw error }
            reader = nil
        }
        let state = HashState(chunkBytes: Int(min(Self.chunkBytes, max(1, file.size))))
        let dataOffset = reader?.dataOffset
        let chunks = (file.size + Self.chunkBytes - 1) / Self.chunkBytes
        // Round `n` sums chunk `n - 1` and reads chunk `n`.
        for round in 0..<(chunks + 1) {
            try workers.run(3) { (job, _) throws(IsomerError) in
                let summed = round == 0 ? nil : Self.range(ofChunk: round - 1, in: file)
                switch (job, summed) {
                case (0, _) where round < chunks:
                    let range = Self.range(ofChunk: round, in: file)
                    let buffer = UnsafeMutableRawBufferPointer(rebasing: state.buffer(round)[..<Int(range.upperBound - range.lowerBound)])
                    try file.read(into: buffer, at: range.lowerBound)
                case (1, let range?):
                    state.whole.update(bufferPointer: state.bytes(round - 1, from: range.lowerBound, of: range))
                case (2, let range?):
                    if let dataOffset, dataOffset < range.upperBound {
                        state.data.update(bufferPointer: state.bytes(round - 1, from: max(dataOffset, range.lowerBound), of: range))
                    }
                default: break
                }
            }
            if round > 0 { progress(Self.range(ofChunk: round - 1, in: file).upperBound) }
        }
        try file.checkUnchanged()
        sha256 = state.whole.finalize().hexadecimal
        autoV1 = try Self.short(of: file)
        tensorData = reader == nil ? nil : state.data.finalize().hexadecimal
        legacyTraining = try reader.map { (reader) throws(IsomerError) in try Self.legacy(of: reader, limits: limits) }
    }

    private static func range(ofChunk number: UInt64, in file: ReadableFile) -> Range<UInt64> {
        let start = number * chunkBytes
        return start..<min(file.size, start + chunkBytes)
    }

    private static func short(of file: ReadableFile) throws(IsomerError) -> String {
        let range = shortRange.clamped(to: 0..<max(file.size, 0))
        let bytes = range.isEmpty ? [] : try file.bytes(at: range.lowerBound, count: range.count)
        return String(SHA256.hash(data: bytes).hexadecimal.prefix(8))
    }

    /// The same range of a file that is not there: these tensors as the reference writes them, with `ss_…` metadata only.
    private static func legacy(of reader: SafetensorsReader, limits: Limits) throws(IsomerError) -> String {
        var metadata: FileMetadata = [:]
        for (key, value) in reader.metadata where key.hasPrefix("ss_") { metadata[key] = value }
        // An empty dictionary is written as such.
        let layout = try SafetensorsLayout(reader.tensors, metadata: metadata, writesEmptyMetadata: true, limits: limits)
        let range = shortRange.clamped(to: 0..<layout.byteCount)
        var bytes = [UInt8](repeating: 0, count: range.count)
        let header = UInt64(0)..<UInt64(layout.header.count)
        for position in range.clamped(to: header) { bytes[Int(position - range.lowerBound)] = layout.header[Int(position)] }
        for (index, tensor) in reader.tensors.enumerated() {
            let place = layout.offsets[index]..<layout.offsets[index] + UInt64(tensor.byteCount)
            let part = range.clamped(to: place)
            guard !part.isEmpty else { continue }
            var failure: IsomerError?
            bytes.withUnsafeMutableBytes { all in
                let target = all[Int(part.lowerBound - range.lowerBound)..<Int(part.upperBound - range.lowerBound)]
                do throws(IsomerError) {
                    try reader.read(
                        index, at: Int(part.lowerBound - place.lowerBound), into: UnsafeMutableRawBufferPointer(rebasing: target))
                } catch { failure = error }
            }
            if let failure { throw failure }
        }
        return String(SHA256.hash(data: bytes).hexadecimal.prefix(8))
    }
}

/// Two buffers and two running sums.
private final class HashState: @unchecked Sendable {
    // SAFETY (@unchecked): in a round each job touches one thing that no other job does: one buffer to fill, or one sum that reads the other.
    var whole = SHA256()
    var data = SHA256()
    private let buffers: [UnsafeMutableRawBufferPointer]

    init(chunkBytes: Int) {
        buffers = (0..<2).map { _ in .allocate(byteCount: chunkBytes, alignment: 4096) }
    }

    deinit {
        for buffer in buffers { buffer.deallocate() }
    }

    func buffer(_ round: UInt64) -> UnsafeMutableRawBufferPointer { buffers[Int(round % 2)] }

    /// The bytes of a round's chunk from a place in the file on.
    func bytes(_ round: UInt64, from start: UInt64, of range: Range<UInt64>) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(
            rebasing: buffer(round)[Int(start - range.lowerBound)..<Int(range.upperBound - range.lowerBound)])
    }
}
