internal import IsomerBytes
internal import IsomerTensors

extension TorchContents {
    /// A zip archive: everything under one folder, of any name.
    ///
    ///     archive/data.pkl  archive/byteorder  archive/data/0 …  archive/version  archive/.data/serialization_id
    ///
    /// Reference: PyTorch 2.13 `torch/serialization.py` (`_load`), `caffe2/serialize/inline_container.cc`.
    static func zip(_ file: ReadableFile, limits: Limits) throws(IsomerError) -> TorchContents {
        let archive = try ZipArchive(file, limits: limits)
        let folder = try folderName(archive)
        for index in archive.members.indices { _ = try archive.dataOffset(of: index) }
        var warnings = try checkVersion(archive, folder)
        let isBigEndian = try byteOrder(archive, folder)

        guard let pickle = archive.index(of: folder + "/data.pkl") else { throw notACheckpoint("has no data.pkl") }
        if archive.index(of: folder + "/constants.pkl") != nil, archive.index(of: folder + "/code/") != nil || hasCode(archive, folder) {
            throw IsomerError(
                .unsupported, "the file is a TorchScript program, not a checkpoint", item: folder + "/code",
                remedy: "load it with torch.jit.load and save its state_dict")
        }
        let origin = archive.members[pickle].method == .stored ? try archive.dataOffset(of: pickle) : 0
        let bytes = try archive.contents(of: pickle, limit: limits.pickleBytes)
        let policy = TorchPicklePolicy()
        let document: PickleDocument
        do throws(IsomerError) {
            document = try PickleMachine.load(bytes, origin: origin, limits: limits, observer: policy)
        } catch {
            throw error.about(archive.name(of: pickle))
        }
        warnings += TorchContents.warnings(of: policy)
        if archive.members.contains(where: { $0.crc32 == 0 && $0.size > 0 }) {
            warnings.append("the archive was written without checksums, so damage to it cannot be noticed")
        }

        var contents = TorchContents(
            container: .zip, document: document, storages: [], storageOfIdentifier: [:], isBigEndian: isBigEndian, warnings: warnings)
        try contents.addStorages(archive, folder)
        return contents
    }

    /// All members lie in one folder; a second one would be a second model.
    private static func folderName(_ archive: ZipArchive) throws(IsomerError) -> String {
        guard !archive.members.isEmpty else { throw notACheckpoint("is empty") }
        let first = archive.name(of: 0)
        guard let slash = first.utf8.firstIndex(of: UInt8(ascii: "/")) else { throw notACheckpoint("has members outside of a folder") }
        let prefix = Array(first.utf8[...slash])
        for (index, member) in archive.members.enumerated() where !archive.directory[member.nameRange].starts(with: prefix) {
            throw IsomerError(
                .malformed, "the archive has members outside of its folder", item: archive.name(of: index),
                expected: "everything in \(first[...slash])", remedy: "do not use this file: readers would disagree about what it contains")
        }
        return String(first[..<slash])
    }

    private static func hasCode(_ archive: ZipArchive, _ folder: String) -> Bool {
        let prefix = Array((folder + "/code/").utf8)
        return archive.members.contains { archive.directory[$0.nameRange].starts(with: prefix) }
    }

    private static func notACheckpoint(_ why: String) -> IsomerError {
        IsomerError(
            .malformed, "the zip archive \(why), so it is not a torch checkpoint", expected: "a folder with data.pkl",
            remedy: "check that this is the right file")
    }

    /// `version` is a small number; PyTorch reads 1 to 10 and writes 3.
    private static func checkVersion(_ archive: ZipArchive, _ folder: String) throws(IsomerError) -> [String] {
        guard let index = archive.index(of: folder + "/version") ?? archive.index(of: folder + "/.data/version") else {
            return ["the archive does not say which version of the format it has"]
        }
        let text = String(decoding: try archive.contents(of: index, limit: 64), as: UTF8.self)
        let digits = text.utf8.last == 0x0A ? text.dropLast() : text[...]
        guard let version = Int(digits), (1...10).contains(version) else {
            throw IsomerError(
                .unsupported, "the archive has an unknown version", item: archive.name(of: index), expected: "1 to 10", found: text)
        }
        return []
    }

    private static func byteOrder(_ archive: ZipArchive, _ folder: String) throws(IsomerError) -> Bool {
        guard let index = archive.index(of: folder + "/byteorder") else { return false }
        let text = String(decoding: try archive.contents(of: index, limit: 64), as: UTF8.self)
        switch text {
        case "little": return false
        case "big": return true
        default:
            throw IsomerError(
                .malformed, "the archive has an unknown byte order", item: archive.name(of: index), expected: "little or big", found: text)
        }
    }

    /// Finds the record of every storage that the pickle asks for.
    private mutating func addStorages(_ archive: ZipArchive, _ folder: String) throws(IsomerError) {
        var known: [ExactString: Int] = [:]
        for value in document.persistentIdentifiers {
            guard let identifier = try TorchStorageIdentifier(value, isLegacy: false) else { continue }
            let record = folder + "/data/" + identifier.key
            let byteCount = try identifier.byteCount()
            if let index = known[ExactString(identifier.key)] {
                guard storages[index].byteCount == byteCount, storages[index].scalarType == identifier.scalarType else {
                    throw IsomerError(.malformed, "the pickle describes one storage in two ways", item: record)
                }
                storageOfIdentifier[value.reference] = index
                continue
            }
            guard let member = archive.index(of: record) else {
                throw IsomerError(
                    .malformed, "the archive lacks a storage that the pickle asks for", item: record,
                    remedy: "the file is damaged: get it again")
            }
            let description = archive.members[member]
            guard description.size == byteCount else {
                throw IsomerError(
                    .malformed, "a storage has another size than the pickle says", item: record, expected: "\(byteCount) bytes",
                    found: "\(description.size) bytes", remedy: "the file is damaged: get it again")
            }
            let place: TorchStorage.Place =
                switch description.method {
                case .stored: .file(archive.file, offset: try archive.dataOffset(of: member))
                case .deflated: .deflated(try ZipMemberStream(archive, member))
                }
            known[ExactString(identifier.key)] = storages.count
            storageOfIdentifier[value.reference] = storages.count
            storages.append(
                TorchStorage(
                    name: record, place: place, byteCount: byteCount, scalarType: identifier.scalarType,
                    crc32: description.crc32 == 0 ? nil : description.crc32, isBigEndian: isBigEndian))
        }
    }
}
