internal import IsomerBytes

extension FileScanner {
    /// Looks at the members of a zip archive.
    ///
    /// One that every reader reads alike is read by its directory. In any other, everything that has a member's header is looked at, in the
    /// directory or not, whatever its flags, sizes and sums say: each of those has been used to show a scanner less than a loader.
    mutating func scanZip(_ source: ScanSource, _ members: [String]) throws(IsomerError) {
        guard case .file(let file, let range) = source, range == 0..<file.size else { return try sweepZip(source, members) }
        let archive: ZipArchive
        var starts: [UInt64] = []
        do throws(IsomerError) {
            archive = try ZipArchive(file, limits: limits)
            for index in archive.members.indices { starts.append(try archive.dataOffset(of: index)) }
        } catch {
            if error.code == .interrupted { throw error }
            remark(.suspicious, "the zip archive is irregular: \(error.what)")
            return try sweepZip(source, members, atMost: error.code == .limitExceeded ? 500 : 200_000)
        }
        for (index, start) in starts.enumerated() {
            let member = archive.members[index]
            let name = archive.name(of: index)
            let stored = source.part(start..<start + member.storedSize)
            switch member.method {
            case .stored: try scan(stored, members + [name], FileScanner.role(of: name))
            case .deflated: try scanDeflated(stored, members + [name], FileScanner.role(of: name))
            }
        }
        for text in Set(archive.members.indices.compactMap({ FileScanner.codeTold(by: archive.name(of: $0)) })).sorted() {
            remark(.suspicious, text + FileScanner.place(members))
        }
    }

    /// What a member's name says about code that is no pickle.
    ///
    /// References: PyTorch 2.13 `torch/csrc/jit/serialization/export_module.cpp`, `torch/package/package_exporter.py`,
    /// `torch/_inductor/package/package.py`; TorchServe 0.12 `model-archiver`.
    private static func codeTold(by name: String) -> String? {
        let name = name.lowercased()
        if name.hasSuffix("/constants.pkl") || name.contains("/code/") && name.hasSuffix(".py") {
            return "the archive holds TorchScript, whose code runs when the model is used"
        }
        if name.hasSuffix("/.data/extern_modules") || name.hasSuffix("/.data/python_version") {
            return "the archive is a package of torch.package, whose Python code runs when it is loaded"
        }
        if name == "mar-inf/manifest.json" { return "the archive is one of TorchServe, whose Python code runs when it is served" }
        let isLibrary = [".so", ".dll", ".dylib", ".pyd"].contains { name.hasSuffix($0) }
        return isLibrary ? "the archive holds a library, which runs when it is loaded" : nil
    }

    /// Pickles are known by their names here; weights by having none.
    private static func role(of name: String) -> Role {
        if role(ofFile: name) == .pickle { return .pickle }
        let last = name.split(separator: "/").last ?? ""
        return last.contains(".") ? .file : .anything
    }

    /// Files that Python's loaders take for pickles whatever they begin with. `.bin`, `.dat` and the like are as often something else.
    static func role(ofFile name: String) -> Role {
        let ending = name.lowercased().split(separator: ".", omittingEmptySubsequences: false).last ?? ""
        return ["pkl", "pickle", "joblib", "dill", "pt", "pth", "ckpt"].contains(ending) ? .pickle : .file
    }

    /// Unpacks a member if its beginning looks like something to look into.
    private mutating func scanDeflated(_ stored: ScanSource, _ members: [String], _ role: Role) throws(IsomerError) {
        let prefix = stored.inflatedPrefix(.raw, count: 64 << 10)
        if role == .anything, !FileScanner.isWorthUnpacking(prefix) { return }
        // Numbers are read as such; only arrays of objects go on as a pickle.
        if FileScanner.isArrayOfNumbers(prefix) { return }
        let (bytes, problem) = stored.inflated(.raw, limit: budget, limits: limits)
        if let problem, problem.code == .interrupted { throw problem }
        budget -= min(budget, UInt64(bytes.count))
        if let problem { addUnreadable(stored, members, kind: "a compressed member", problem) }
        try scan(ScanSource(FileScanner.shown(bytes, problem)), members, role)
    }

    /// Whether the first bytes of something may be those of a pickle or an archive.
    private static func isWorthUnpacking(_ prefix: [UInt8]) -> Bool {
        switch FileFormat(prefix: Array(prefix.prefix(FileFormat.prefixByteCount))) {
        case .zip, .torchZip, .tar, .gzip, .sevenZip, .rar, .xz, .zstandard, .lz4, .numpy, .pickle, .torchLegacy: return true
        default: break
        }
        let watcher = PickleWatcher(origin: 0)
        var machine = PickleMachine(PickleInput(prefix), limits: Limits(), observer: watcher, isTolerant: true)
        do throws(IsomerError) {
            _ = try machine.runToStop()
            return true
        } catch {
            return watcher.isEvidentPickle || machine.decoder.input.isExhausted
        }
    }

    /// Looks at everything behind a member's header, wherever one stands.
    mutating func sweepZip(_ source: ScanSource, _ members: [String], atMost most: Int = 200_000) throws(IsomerError) {
        let signature: [UInt8] = [0x50, 0x4B, 0x03, 0x04]
        let pieceBytes = 1 << 20
        var position: UInt64 = 0
        var found = 0
        while position < source.count {
            try checkTime()
            let piece = try source.bytes(at: position, atMost: pieceBytes + 3)
            var start = 0
            while let place = piece[start...].firstIndex(of: 0x50), place < pieceBytes {
                start = place + 1
                guard piece[place...].starts(with: signature) else { continue }
                found += 1
                guard found <= most else { return remark(.suspicious, "the archive has more members than are looked at") }
                try scanLocal(source, at: position + UInt64(place), members)
            }
            position += UInt64(pieceBytes)
        }
        if found == 0 { addUnreadable(source, members, kind: FileFormat.zip.name) }
    }

    /// Looks at what follows a local header, as stored bytes and as compressed ones: the header may lie about that.
    private mutating func scanLocal(_ source: ScanSource, at offset: UInt64, _ members: [String]) throws(IsomerError) {
        let header = try source.bytes(at: offset, atMost: 30)
        guard header.count == 30 else { return }
        let number = { (place: Int, count: Int) in header[place..<place + count].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) } }
        let nameBytes = try source.bytes(at: offset + 30, atMost: Int(number(26, 2)))
        let name = String(decoding: nameBytes, as: UTF8.self)
        let start = offset + 30 + number(26, 2) + number(28, 2)
        guard start < source.count else { return }
        let method = number(8, 2)
        let size = number(18, 4)
        let end = size > 0 && size < UInt64(UInt32.max) && start + size <= source.count ? start + size : source.count
        let content = source.part(start..<end)
        let role = FileScanner.role(of: name)
        let before = streams.count
        let prefix = try content.bytes(at: 0, atMost: FileFormat.prefixByteCount)
        switch FileFormat(prefix: prefix) {
        // The sweep comes by there itself.
        case .zip, .torchZip: break
        case .numpy, .tar, .sevenZip, .rar, .xz, .zstandard, .lz4: try scan(content, members + [name], role)
        default:
            // A pickle ends where it says; where the header says that it does counts for nothing.
            try scanPickles(source.part(from: start), members + [name], method == 0 ? role : .anything, tellsOfRest: false)
        }
        if method != 0 || !streams[before...].contains(where: { $0.verdict > .unreadable }) {
            // Compressed data ends where it says, too.
            let rest = source.part(from: start)
            let unpacked = rest.inflatedPrefix(.raw, count: 64 << 10)
            if method == 8 && role == .pickle || !unpacked.isEmpty && FileScanner.isWorthUnpacking(unpacked) {
                try scanDeflated(rest, members + [name], role)
            } else if method != 0, method != 8 {
                addUnreadable(content, members + [name], kind: "a member compressed in an unusual way (method \(method))")
            }
        }
    }
}

extension ScanSource {
    /// Whether a zip archive's end record stands at the end.
    static func endsInZip(_ source: ScanSource) throws(IsomerError) -> Bool {
        let tail = try source.bytes(at: source.count - min(source.count, 22 + 65_535), atMost: 22 + 65_535)
        guard tail.count >= 22 else { return false }
        for place in tail.indices.dropLast(21) where tail[place] == 0x50 && tail[place...].starts(with: ZipEndRecord.signature) {
            if place + 22 + Int(tail[place + 20]) + Int(tail[place + 21]) << 8 == tail.count { return true }
        }
        return false
    }
}
