internal import IsomerBytes
internal import IsomerTensors

extension TorchContents {
    /// What PyTorch 0.1 wrote: a tar archive of four files.
    ///
    ///     storages  count, then for each: (key, location, class) as a pickle, element count, bytes; then a pickle of views
    ///     tensors   count, then for each: (key, storage, class) as a pickle, rank, sizes, strides, offset
    ///     pickle    the object, with tensors by key
    ///     sys_info  not needed
    ///
    /// Reference: PyTorch 2.13 `torch/serialization.py` (`legacy_load`), which only reads it with arbitrary code allowed.
    static func tar(_ file: ReadableFile, limits: Limits) throws(IsomerError) -> TorchContents {
        let members = try TarMembers(file, limits: limits)
        var reader = TarCheckpointReader(file: file, limits: limits)
        try reader.readStorages(try reader.stream(members, "storages"))
        try reader.readTensors(try reader.stream(members, "tensors"))
        var stream = try reader.stream(members, "pickle")
        let document = try reader.next(&stream)
        guard stream.offset == stream.end else {
            throw IsomerError(
                .malformed, "there are bytes after the end of the pickle", item: "pickle", byteOffset: stream.offset,
                remedy: "the file is damaged or holds something hidden: look at it with `isomer scan`")
        }
        var contents = TorchContents(
            container: .tar, document: document, storages: reader.storages, storageOfIdentifier: [:], warnings: warnings(of: reader.policy))
        for identifier in document.persistentIdentifiers {
            // Classes come with their source code.
            if case .tuple(let items) = identifier.content, case .global? = items.first?.content { continue }
            guard let key = TarCheckpointReader.key(identifier) else {
                throw IsomerError(
                    .malformed, "the pickle refers to something that is not a tensor", item: "pickle",
                    found: document.graph.text(of: identifier.reference))
            }
            if let view = reader.views[key] {
                contents.viewOfIdentifier[identifier.reference] = view
            } else if let storage = reader.storageOfKey[key] {
                contents.storageOfIdentifier[identifier.reference] = storage
            } else {
                throw IsomerError(
                    .malformed, "the file lacks a tensor that the pickle asks for", item: key.string,
                    remedy: "the file is damaged: get it again")
            }
        }
        return contents
    }
}

/// Reads the members of a tar checkpoint.
struct TarCheckpointReader {
    /// A member being read.
    struct Stream {
        var offset: UInt64
        let end: UInt64
        let name: String
    }

    let file: ReadableFile
    let limits: Limits
    let policy = TorchPicklePolicy()
    private(set) var storages: [TorchStorage] = []
    private(set) var storageOfKey: [ExactString: Int] = [:]
    private(set) var views: [ExactString: TorchView] = [:]

    init(file: ReadableFile, limits: Limits) {
        self.file = file
        self.limits = limits
    }

    func stream(_ members: TarMembers, _ name: String) throws(IsomerError) -> Stream {
        guard let member = members[name] else {
            throw IsomerError(
                .malformed, "the tar archive is not a torch checkpoint", expected: "members pickle, storages and tensors",
                found: "no \(name)")
        }
        return Stream(offset: member.offset, end: member.offset + member.size, name: name)
    }

    func next(_ stream: inout Stream) throws(IsomerError) -> PickleDocument {
        let input = PickleInput(file, from: stream.offset, to: stream.end, limit: limits.pickleBytes)
        var machine = PickleMachine(input, limits: limits, observer: policy)
        do throws(IsomerError) {
            let document = try machine.run()
            stream.offset = machine.decoder.input.fileOffset
            return document
        } catch {
            throw error.about(stream.name)
        }
    }

    /// Keys were addresses: integers, or their decimal digits.
    static func key(_ value: PickleValue) -> ExactString? {
        if let integer = value.integer { return ExactString("\(integer)") }
        return value.text.map { ExactString($0) }
    }

    private func count(_ stream: inout Stream) throws(IsomerError) -> Int {
        let start = stream.offset
        // Every entry takes a pickle of at least four bytes.
        guard let count = try next(&stream).root.integer, count >= 0, UInt64(count) <= (stream.end - stream.offset) / 4 else {
            throw IsomerError(.malformed, "the number of entries does not fit the file", item: stream.name, byteOffset: start)
        }
        return count
    }

    /// `(key, text or key, class)`
    private func entry(_ stream: inout Stream) throws(IsomerError) -> (key: ExactString, second: PickleValue, className: String) {
        let start = stream.offset
        let root = try next(&stream).root
        guard case .tuple(let items) = root.content, items.count == 3, let key = TarCheckpointReader.key(items[0]),
            case .global(let global) = items[2].content, global.module == "torch" || global.module == "torch.cuda"
        else {
            throw IsomerError(.malformed, "an entry is not a key, a place and a class", item: stream.name, byteOffset: start)
        }
        return (key, items[1], global.name)
    }

    private func numbers(_ count: Int, _ stream: inout Stream) throws(IsomerError) -> [Int] {
        guard UInt64(count) * 8 <= stream.end - stream.offset else {
            throw IsomerError(.malformed, "the member ends inside an entry", item: stream.name, byteOffset: stream.offset)
        }
        var reader = ByteReader(try file.bytes(at: stream.offset, count: count * 8), base: stream.offset)
        var result: [Int] = []
        for _ in 0..<count {
            let value: Int64 = try reader.next(stream.name)
            result.append(Int(value))
        }
        stream.offset += UInt64(count) * 8
        return result
    }

    mutating func readStorages(_ member: Stream) throws(IsomerError) {
        var stream = member
        for _ in 0..<(try count(&stream)) {
            let (key, _, className) = try entry(&stream)
            guard let type = ScalarType(torchStorage: className), storageOfKey[key] == nil else {
                throw IsomerError(
                    .malformed, "a storage has an unknown class or a key of another", item: key.string, byteOffset: stream.offset)
            }
            let start = stream.offset
            let elements = try numbers(1, &stream)[0]
            let (byteCount, overflow) = elements.multipliedReportingOverflow(by: type.bitCount / 8)
            guard elements >= 0, !overflow, UInt64(byteCount) <= stream.end - stream.offset else {
                throw IsomerError(
                    .malformed, "the member ends inside a storage", item: key.string, byteOffset: start, found: "\(elements) elements")
            }
            storageOfKey[key] = storages.count
            storages.append(
                TorchStorage(
                    name: "storage \(key)", place: .file(file, offset: stream.offset), byteCount: UInt64(byteCount), scalarType: type,
                    crc32: nil))
            stream.offset += UInt64(byteCount)
        }
        try readParts(&stream)
    }

    /// Storages that are parts of others: `(key, root's key, offset, count)`.
    private mutating func readParts(_ stream: inout Stream) throws(IsomerError) {
        let start = stream.offset
        guard let parts = try next(&stream).root.sequence else {
            throw IsomerError(.malformed, "the list of views is not a list", item: stream.name, byteOffset: start)
        }
        for part in parts {
            guard let items = part.sequence, items.count == 4, let key = TarCheckpointReader.key(items[0]),
                let root = TarCheckpointReader.key(items[1]), let index = storageOfKey[root], storageOfKey[key] == nil,
                let offset = items[2].integer, let count = items[3].integer, offset >= 0, count >= 0, let type = storages[index].scalarType,
                case .file(let file, let place) = storages[index].place
            else { throw IsomerError(.malformed, "a view of a storage makes no sense", item: stream.name, byteOffset: start) }
            let itemBytes = UInt64(type.bitCount / 8)
            let whole = storages[index].byteCount / itemBytes
            guard UInt64(offset) <= whole, UInt64(count) <= whole - UInt64(offset) else {
                throw IsomerError(.malformed, "a view reaches beyond its storage", item: key.string, byteOffset: start)
            }
            storageOfKey[key] = storages.count
            storages.append(
                TorchStorage(
                    name: "storage \(key)", place: .file(file, offset: place + UInt64(offset) * itemBytes),
                    byteCount: UInt64(count) * itemBytes,
                    scalarType: type, crc32: nil))
        }
    }

    mutating func readTensors(_ member: Stream) throws(IsomerError) {
        var stream = member
        for _ in 0..<(try count(&stream)) {
            let (key, storageKey, _) = try entry(&stream)
            guard let storageName = TarCheckpointReader.key(storageKey), let storage = storageOfKey[storageName], views[key] == nil,
                let type = storages[storage].scalarType
            else {
                throw IsomerError(.malformed, "a tensor has no storage or a key of another", item: key.string, byteOffset: stream.offset)
            }
            // The rank is four bytes; the four after it were written by mistake.
            let rank = Int(Int32(truncatingIfNeeded: try numbers(1, &stream)[0]))
            guard rank >= 0, rank <= limits.rank else {
                throw IsomerError(
                    .limitExceeded, "a tensor has more dimensions than a tensor may", item: key.string, expected: "at most \(limits.rank)",
                    found: "\(rank)")
            }
            let size = try numbers(rank, &stream)
            let strides = try numbers(rank, &stream)
            let offset = try numbers(1, &stream)[0]
            let view = TorchView(storage: storage, scalarType: type, shape: try Shape(size), strides: strides, offset: offset)
            try view.check(against: storages[storage])
            views[key] = view
        }
    }
}
