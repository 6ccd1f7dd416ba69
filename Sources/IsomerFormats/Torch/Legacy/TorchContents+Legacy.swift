internal import IsomerBytes
internal import IsomerTensors

extension TorchContents {
    /// Ten bytes that PyTorch before 1.6 began every file with: 0x1950A86A20F9469CFC6C, least significant first.
    static let legacyMagic: [UInt8] = [0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19]
    static let legacyProtocol = 1001

    /// A file that is nothing but pickles: a legacy checkpoint, or one plain pickle.
    ///
    ///     magic | protocol | system | object | keys of the storages | for each: element count, bytes
    ///
    /// Numbers after the pickles are least significant byte first on every machine.
    /// Reference: PyTorch 2.13 `torch/serialization.py` (`_legacy_save`, `_legacy_load`), `torch/csrc/serialization.cpp`.
    static func pickles(_ file: ReadableFile, limits: Limits) throws(IsomerError) -> TorchContents {
        var offset: UInt64 = 0
        let policy = TorchPicklePolicy()
        let first = try next(file, &offset, policy, limits)
        guard case .largeInteger(let magic) = first.root.content, magic == legacyMagic else {
            guard offset == file.size else {
                throw IsomerError(
                    .malformed, "there are bytes after the end of the pickle", byteOffset: offset,
                    remedy: "the file is damaged or holds something hidden: look at it with `isomer scan`")
            }
            return try plain(first, policy)
        }
        guard try next(file, &offset, policy, limits).root.integer == legacyProtocol else {
            throw IsomerError(.unsupported, "the legacy checkpoint has an unknown protocol", expected: "\(legacyProtocol)")
        }
        guard try next(file, &offset, policy, limits).root.entries != nil else {
            throw IsomerError(.malformed, "the legacy checkpoint does not describe the system that wrote it", byteOffset: offset)
        }
        let document = try next(file, &offset, policy, limits)
        let keysOffset = offset
        let keysDocument = try next(file, &offset, policy, limits)
        guard case .list(let keys) = keysDocument.root.content else {
            throw IsomerError(.malformed, "the legacy checkpoint has no list of storages", byteOffset: keysOffset)
        }
        var contents = TorchContents(
            container: .legacy, document: document, storages: [], storageOfIdentifier: [:], warnings: warnings(of: policy))
        try contents.addStorages(keys, in: file, from: offset)
        return contents
    }

    private static func next(_ file: ReadableFile, _ offset: inout UInt64, _ policy: TorchPicklePolicy, _ limits: Limits)
        throws(IsomerError)
        -> PickleDocument
    {
        let input = PickleInput(file, from: offset, to: file.size, limit: limits.pickleBytes)
        var machine = PickleMachine(input, limits: limits, observer: policy)
        let document = try machine.run()
        offset = machine.decoder.input.fileOffset
        return document
    }

    private static func plain(_ document: PickleDocument, _ policy: TorchPicklePolicy) throws(IsomerError) -> TorchContents {
        if let identifier = document.persistentIdentifiers.first {
            throw IsomerError(
                .malformed, "the pickle refers to storages and there are none in the file",
                found: document.graph.text(of: identifier.reference), remedy: "the file is a part of a checkpoint: get the whole")
        }
        return TorchContents(
            container: .plain, document: document, storages: [], storageOfIdentifier: [:], warnings: warnings(of: policy))
    }

    /// Lays the storages out one behind the other, in the order of the keys.
    private mutating func addStorages(_ keys: PickleItems, in file: ReadableFile, from start: UInt64) throws(IsomerError) {
        var wanted: [ExactString: TorchStorageIdentifier] = [:]
        var identifiers: [(PickleReference, TorchStorageIdentifier)] = []
        for value in document.persistentIdentifiers {
            guard let identifier = try TorchStorageIdentifier(value, isLegacy: true) else { continue }
            let key = ExactString(identifier.key)
            if let other = wanted[key], other.count != identifier.count || other.scalarType != identifier.scalarType {
                throw IsomerError(.malformed, "the pickle describes one storage in two ways", item: identifier.key)
            }
            wanted[key] = identifier
            identifiers.append((value.reference, identifier))
        }
        let places = try legacyPlaces(keys, wanted, in: file, from: start)
        var parts: [ExactString: Int] = [:]
        for (reference, identifier) in identifiers {
            guard let index = places[ExactString(identifier.key)] else {
                throw IsomerError(
                    .malformed, "the file lacks a storage that the pickle asks for", item: identifier.key,
                    remedy: "the file is cut short or damaged: get it again")
            }
            if let part = identifier.part {
                storageOfIdentifier[reference] = try addPart(part, of: index, identifier, &parts)
            } else {
                storageOfIdentifier[reference] = index
            }
        }
    }

    private mutating func legacyPlaces(
        _ keys: PickleItems, _ wanted: [ExactString: TorchStorageIdentifier], in file: ReadableFile, from start: UInt64
    ) throws(IsomerError) -> [ExactString: Int] {
        var places: [ExactString: Int] = [:]
        var offset = start
        for key in keys {
            guard let text = key.text, let identifier = wanted[ExactString(text)], places[ExactString(text)] == nil else {
                throw IsomerError(
                    .malformed, "the list of storages has a key that the pickle does not ask for, or one twice", byteOffset: start,
                    found: key.document.graph.text(of: key.reference))
            }
            var reader = ByteReader(try file.bytes(at: offset, count: 8), base: offset)
            let count: Int64 = try reader.next("the length of a storage")
            guard count == identifier.count else {
                throw IsomerError(
                    .malformed, "a storage has another length than the pickle says", item: text, byteOffset: offset,
                    expected: "\(identifier.count) elements", found: "\(count)", remedy: "the file is damaged: get it again")
            }
            let byteCount = try identifier.byteCount()
            guard byteCount <= file.size - offset - 8 else {
                throw IsomerError(
                    .malformed, "the file ends inside a storage", item: text, byteOffset: offset, expected: "\(byteCount) bytes",
                    found: "\(file.size - offset - 8) bytes", remedy: "the file is cut short: get it again")
            }
            places[ExactString(text)] = storages.count
            storages.append(
                TorchStorage(
                    name: "storage \(text)", place: .file(file, offset: offset + 8), byteCount: byteCount,
                    scalarType: identifier.scalarType,
                    crc32: nil))
            offset += 8 + byteCount
        }
        guard offset == file.size else {
            throw IsomerError(
                .malformed, "there are bytes after the last storage", byteOffset: offset, expected: "\(offset) bytes in all",
                found: "\(file.size)", remedy: "the file is damaged or holds something hidden: get it again")
        }
        return places
    }

    /// A storage that is a part of another.
    private mutating func addPart(
        _ part: (key: String, offset: Int, count: Int), of index: Int, _ identifier: TorchStorageIdentifier,
        _ parts: inout [ExactString: Int]
    ) throws(IsomerError) -> Int {
        let whole = storages[index]
        let itemBytes = UInt64(max(8, identifier.scalarType?.bitCount ?? 8) / 8)
        guard case .file(let file, let start) = whole.place else { return index }
        let storage = TorchStorage(
            name: whole.name, place: .file(file, offset: start + UInt64(part.offset) * itemBytes),
            byteCount: UInt64(part.count) * itemBytes,
            scalarType: identifier.scalarType, crc32: nil)
        if let known = parts[ExactString(part.key)] {
            guard case .file(_, let place) = storages[known].place, case .file(_, let own) = storage.place, place == own,
                storages[known].byteCount == storage.byteCount
            else { throw IsomerError(.malformed, "the pickle describes one part of a storage in two ways", item: part.key) }
            return known
        }
        parts[ExactString(part.key)] = storages.count
        storages.append(storage)
        return storages.count - 1
    }
}
