internal import IsomerBytes
internal import IsomerTensors

/// A checkpoint taken out of its container: the pickle, and where the storages lie.
struct TorchContents {
    let container: TorchArchive.Container
    let document: PickleDocument
    var storages: [TorchStorage]
    /// From a persistent identifier's node to its storage.
    var storageOfIdentifier: [PickleReference: Int]
    /// Ready-made tensors of a tar archive, by persistent identifier.
    var viewOfIdentifier: [PickleReference: TorchView] = [:]
    var isBigEndian = false
    var warnings: [String]
}

extension TorchContents {
    /// Tells the container by its first bytes, whatever the file is called.
    static func open(_ file: ReadableFile, limits: Limits) throws(IsomerError) -> TorchContents {
        let format = try FileFormat(of: file)
        switch format {
        case .torchZip, .zip: return try zip(file, limits: limits)
        case .tar: return try tar(file, limits: limits)
        // A pickle may begin with almost anything.
        case .torchLegacy, .pickle, .text, .unknown: return try pickles(file, limits: limits)
        default:
            throw IsomerError(
                .malformed, format == .empty ? "the file is empty" : "the file is not a torch checkpoint but \(format.name)",
                remedy: format.remedyWhereWeightsAreWanted)
        }
    }

    static func warnings(of policy: TorchPicklePolicy) -> [String] {
        policy.opaqueGlobals.filter { $0.global.name != "OrderedDict" && $0.global.module != "_codecs" }.map { note in
            let name = note.global.module + "." + note.global.name
            return note.isCalled ? "an object of \(name) is kept as plain data" : "the unknown name \(name) is kept as a name"
        }
    }
}

/// The identifier of a storage: `('storage', class, key, location, element count)`, and for a legacy file a view or `None`.
struct TorchStorageIdentifier {
    let key: String
    /// `nil` for untyped storages, whose count is bytes.
    let scalarType: ScalarType?
    let count: Int
    /// Key, offset and count of a part of the storage.
    var part: (key: String, offset: Int, count: Int)?

    /// `nil` for the other kind of identifier that legacy files have: `('module', class, file, source)`.
    init?(_ value: PickleValue, isLegacy: Bool) throws(IsomerError) {
        guard case .tuple(let items) = value.content, let kind = items.first?.text else { throw TorchStorageIdentifier.malformed(value) }
        if isLegacy, kind == "module", items.count == 4, case .global = items[1].content { return nil }
        guard kind == "storage", items.count == (isLegacy ? 6 : 5), case .global(let global) = items[1].content, let key = items[2].text,
            items[3].text != nil, let count = items[4].integer, count >= 0
        else { throw TorchStorageIdentifier.malformed(value) }
        let isUntyped = ["UntypedStorage", "TypedStorage", "_UntypedStorage", "_TypedStorage"].contains(global.name)
        scalarType = ScalarType(torchStorage: global.name)
        guard TorchGlobal(global) == .descriptor, isUntyped || scalarType != nil else { throw TorchStorageIdentifier.malformed(value) }
        self.key = key
        self.count = count
        guard isLegacy else { return }
        switch items[5].content {
        case .none: break
        case .tuple(let view):
            guard view.count == 3, let partKey = view[0].text, let offset = view[1].integer, let partCount = view[2].integer, offset >= 0,
                partCount >= 0, offset <= count, partCount <= count - offset
            else { throw TorchStorageIdentifier.malformed(value) }
            part = (partKey, offset, partCount)
        default: throw TorchStorageIdentifier.malformed(value)
        }
    }

    /// Bytes the whole storage must have.
    func byteCount() throws(IsomerError) -> UInt64 {
        let (bits, overflow) = UInt64(count).multipliedReportingOverflow(by: UInt64(scalarType?.bitCount ?? 8))
        guard !overflow else {
            throw IsomerError(.malformed, "a storage has more bytes than memory can address", item: key, found: "\(count)")
        }
        return bits / 8 + (bits % 8 == 0 ? 0 : 1)
    }

    private static func malformed(_ value: PickleValue) -> IsomerError {
        IsomerError(
            .malformed, "the pickle refers to something that is not a storage", expected: "('storage', class, key, location, count)",
            found: value.document.graph.text(of: value.reference), remedy: "the file is damaged or made to deceive")
    }
}

extension PickleDocument {
    /// The identifiers of everything outside the pickle, in the order in which the pickle asks for it.
    var persistentIdentifiers: [PickleValue] {
        var seen: Set<PickleReference> = []
        return graph.nodes.compactMap { node in
            guard case .persistent(let index) = node else { return nil }
            let reference = PickleReference(index: index)
            return seen.insert(reference).inserted ? PickleValue(self, reference) : nil
        }
    }
}
