internal import IsomerBytes
internal import Synchronization

/// A sample of an archive, as the next archive takes it up.
enum TarSample {
    /// Made in this run.
    case made([(name: String, bytes: [UInt8])])
    /// As an archive of an earlier run holds it.
    case kept(EarlierArchive, [TarIndex.Member])
}

/// An archive that an earlier run wrote. It stays readable while this run puts another in its place.
final class EarlierArchive: Sendable {
    let name: String
    let file: ReadableFile
    private let members: [String: TarIndex.Member]

    init(_ folder: FilePath, _ name: String, _ limits: Limits) throws(IsomerError) {
        self.name = name
        file = try ReadableFile(folder.appending(name))
        members = Dictionary(try TarIndex(file, limits: limits).members.map { ($0.name, $0) }) { first, _ in first }
    }

    func member(_ name: String) -> TarIndex.Member? { members[name] }
}

/// The archives of an earlier run, a few of them open at a time.
final class EarlierArchives: Sendable {
    private let folder: FilePath
    private let limits: Limits
    private struct State {
        /// The most recently used last; nil for what is no usable archive.
        var open: [(name: String, archive: EarlierArchive?)] = []
        var replaced: Set<String> = []
    }
    private let state = Mutex(State())
    private static let most = 8

    init(_ folder: FilePath, _ limits: Limits) {
        self.folder = folder
        self.limits = limits
    }

    /// The archive of that name as it was when this run began; nil if it is not there any more.
    func archive(_ name: String) -> EarlierArchive? {
        state.withLock { state in
            if let index = state.open.firstIndex(where: { $0.name == name }) {
                let found = state.open.remove(at: index)
                state.open.append(found)
                return found.archive
            }
            guard !state.replaced.contains(name) else { return nil }
            let archive = try? EarlierArchive(folder, name, limits)
            state.open.append((name, archive))
            if state.open.count > Self.most { state.open.removeFirst() }
            return archive
        }
    }

    /// From now on another archive has this name.
    func replace(_ name: String) {
        _ = state.withLock { $0.replaced.insert(name) }
    }
}

/// Numbered tar archives with a given number of samples each.
///
/// An archive that would come out as an earlier run left it is not written again.
struct TarShards {
    private let folder: FilePath
    private let samples: Int
    private let prefix: String
    private let earlier: EarlierArchives
    private var number = 0
    /// Samples and bytes of the current archive.
    private var count = 0
    private var position: UInt64 = 0
    private enum Current {
        case none
        /// So far the same as this one.
        case same(EarlierArchive)
        case written(StreamedFile)
    }
    private var current = Current.none
    /// Archives that belong to this run.
    private(set) var names: Set<String> = []

    init(_ folder: FilePath, samples: Int, shard: (index: Int, count: Int)?, earlier: EarlierArchives) {
        self.folder = folder
        self.samples = max(1, samples)
        self.earlier = earlier
        prefix = shard.map { "\($0.index)-of-\($0.count)-" } ?? ""
    }

    /// The archive that the next sample goes to.
    var name: String {
        let digits = String(number)
        return prefix + String(repeating: "0", count: max(0, 6 - digits.count)) + digits + ".tar"
    }

    /// Whether the next sample completes its archive.
    var isNextLast: Bool { count + 1 >= samples }

    /// Whether a name is one that this kind of batch gives.
    static func isName(_ name: String, prefix: String) -> Bool {
        guard name.hasPrefix(prefix), name.hasSuffix(".tar") else { return false }
        let digits = name.dropFirst(prefix.count).dropLast(4)
        return digits.count >= 6 && digits.allSatisfy { $0.isASCII && $0.isNumber }
    }

    /// All members of a sample lie in one archive.
    mutating func append(_ sample: TarSample) throws(IsomerError) {
        names.insert(name)
        switch sample {
        case .made(let members):
            let file = try written()
            for member in members { try append(TarWriter.member(member.name, member.bytes), to: file) }
        case .kept(let archive, let members):
            if case .none = current, archive.name == name { current = .same(archive) }
            if case .same(let same) = current, same === archive, let end = Self.end(of: members, from: position) {
                position = end
            } else {
                let file = try written()
                for member in members {
                    let bytes = try archive.file.bytes(at: member.offset, count: Int(member.size))
                    try append(TarWriter.member(member.name, bytes), to: file)
                }
            }
        }
        count += 1
        if count == samples { try finish() }
    }

    private mutating func append(_ bytes: [UInt8], to file: StreamedFile) throws(IsomerError) {
        try file.append(bytes)
        position += UInt64(bytes.count)
    }

    /// Where members end that lie in a row from `position` on, as this run would write them; nil if they do not.
    private static func end(of members: [TarIndex.Member], from position: UInt64) -> UInt64? {
        var position = position
        for member in members {
            let (header, whole) = TarWriter.size(member.name, member.size)
            guard member.offset == position + header else { return nil }
            position += whole
        }
        return position
    }

    /// The file of the current archive, begun with what it shares with an earlier one.
    private mutating func written() throws(IsomerError) -> StreamedFile {
        if case .written(let file) = current { return file }
        let file = try StreamedFile(folder.appending(name))
        if case .same(let archive) = current {
            var offset: UInt64 = 0
            while offset < position {
                let step = min(position - offset, 4 << 20)
                try file.append(archive.file.bytes(at: offset, count: Int(step)))
                offset += step
            }
        }
        current = .written(file)
        return file
    }

    /// Ends the current archive, if there is one.
    mutating func finish() throws(IsomerError) {
        if case .same(let archive) = current, archive.file.size != position + UInt64(TarWriter.end.count) { _ = try written() }
        if case .written(let file) = current {
            earlier.replace(name)
            try file.append(TarWriter.end)
            try file.finish()
        }
        if case .none = current { return }
        number += 1
        count = 0
        position = 0
        current = .none
    }
}
