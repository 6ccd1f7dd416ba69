internal import IsomerBytes

/// Looks through one file, and through what lies in it.
struct FileScanner {
    let limits: Limits
    private let began = ContinuousClock.now
    var streams: [ScannedStream] = []
    private(set) var remarks: [FileScan.Remark] = []
    /// Bytes that may still be unpacked.
    var budget: UInt64

    /// Archives within archives.
    static let depthLimit = 8
    /// Streams that a report holds for one file.
    private static let streamLimit = 100_000

    init(limits: Limits) {
        self.limits = limits
        budget = limits.pickleBytes
    }

    /// What a source is believed to be by those who would load it.
    enum Role: Hashable {
        /// A pickle, by name or place: if it is broken, that is told.
        case pickle
        /// A file of its own.
        case file
        /// Bytes that may be anything, such as weights.
        case anything
    }

    mutating func remark(_ verdict: ScanVerdict, _ text: String) {
        if remarks.count < 1_000 { remarks.append(FileScan.Remark(verdict: verdict, text: text)) }
    }

    mutating func add(_ stream: ScannedStream) {
        if streams.count < FileScanner.streamLimit || stream.verdict == .dangerous && streams.count < 2 * FileScanner.streamLimit {
            streams.append(stream)
        } else if streams.count == FileScanner.streamLimit, stream.verdict > .safe {
            remark(.suspicious, "there are more streams than are listed")
        }
    }

    /// Throws when it is time to stop: the user asked, or the file took longer than any should.
    func checkTime() throws(IsomerError) {
        try Interruption.check()
        guard began.duration(to: .now) <= .seconds(limits.seconds) else {
            throw IsomerError(.limitExceeded, "looking through the file takes too long", expected: "at most \(limits.seconds) seconds")
        }
    }

    /// Something that cannot be looked into. What was made to be so is suspicious.
    mutating func addUnreadable(_ source: ScanSource, _ members: [String], kind: String, _ problem: IsomerError? = nil) {
        add(
            ScannedStream(
                members: members, byteOffset: source.origin, isInFile: source.isInFile, kind: kind,
                verdict: problem?.code == .limitExceeded ? .suspicious : .unreadable, findings: [],
                problem: problem))
    }

    /// Looks at a source, whatever it is.
    mutating func scan(_ source: ScanSource, _ members: [String], _ role: Role) throws(IsomerError) {
        try checkTime()
        guard source.count > 0 else { return }
        guard members.count <= FileScanner.depthLimit else {
            return remark(.suspicious, "archives lie within archives deeper than is looked")
        }
        let prefix = try source.bytes(at: 0, atMost: FileFormat.prefixByteCount)
        let format = FileFormat(prefix: prefix, fileSize: source.count)
        switch format {
        case .zip, .torchZip: return try scanZip(source, members)
        case .tar: return try scanTar(source, members)
        case .gzip: return try scanCompressed(source, members, .gzip, format.name, isCertain: role != .anything)
        case .sevenZip, .rar, .xz, .zstandard, .lz4: return addUnreadable(source, members, kind: format.name)
        case .bzip2 where role != .anything: return addUnreadable(source, members, kind: format.name)
        case .numpy: return try scanArray(source, members, prefix)
        default: break
        }
        if format == .unknown, prefix.count > 2, prefix[0] == 0x78, (Int(prefix[0]) << 8 | Int(prefix[1])) % 31 == 0 {
            try scanCompressed(source, members, .zlib, "zlib-compressed data", isCertain: false)
        }
        // Whatever it looks like: some bytes are a picture to one program and a pickle to another.
        let isExpected =
            format == .torchLegacy || role != .anything && format == .pickle
            || role == .pickle && (format == .unknown || format == .text)
        try scanPickles(source, members, isExpected ? .pickle : .anything, tellsOfRest: isExpected)
        if role == .file, try ScanSource.endsInZip(source) {
            remark(.suspicious, "a zip archive stands behind other bytes: some programs see one, some the other")
            try sweepZip(source, members)
        }
        if format == .hdf5 || format == .json { try scanKeras(source, members) }
    }

    private mutating func scanCompressed(
        _ source: ScanSource, _ members: [String], _ wrapping: Inflater.Wrapping, _ kind: String, isCertain: Bool
    ) throws(IsomerError) {
        var (bytes, problem) = source.inflated(wrapping, limit: budget, limits: limits)
        if bytes.isEmpty, problem?.code == .malformed, wrapping == .gzip, let content = try source.gzipContent() {
            bytes = content.inflated(.raw, limit: budget, limits: limits).bytes
        }
        if let problem, problem.code == .interrupted { throw problem }
        budget -= min(budget, UInt64(bytes.count))
        let isCertain = isCertain || problem == nil || problem?.code == .limitExceeded
        if isCertain, let problem { addUnreadable(source, members, kind: kind, problem) }
        // Whoever unpacks while loading has run a payload before a wrong sum at the end is found.
        try scan(ScanSource(FileScanner.shown(bytes, problem)), members + ["(unpacked)"], isCertain ? .file : .anything)
    }

    /// What is looked at of unpacked bytes: of a bomb, which is suspicious already, the beginning.
    static func shown(_ bytes: [UInt8], _ problem: IsomerError?) -> [UInt8] {
        problem?.code == .limitExceeded ? Array(bytes.prefix(1 << 20)) : bytes
    }

    /// An array of objects is a pickle behind NumPy's header.
    ///
    /// Reference: NumPy 2.3 `numpy/lib/format.py`, versions 1.0 to 3.0.
    private mutating func scanArray(_ source: ScanSource, _ members: [String], _ prefix: [UInt8]) throws(IsomerError) {
        guard prefix.count >= 12 else { return addUnreadable(source, members, kind: FileFormat.numpy.name) }
        let range = FileScanner.arrayHeader(prefix)
        let header = try source.bytes(at: range.lowerBound, atMost: Int(min(range.upperBound - range.lowerBound, 1 << 20)))
        let hasObjects = FileScanner.hasObjects(header)
        try scanPickles(source.part(from: range.upperBound), members, hasObjects ? .pickle : .anything, tellsOfRest: hasObjects)
    }

    /// Where the text of an array's header lies. `prefix` has twelve bytes at least.
    private static func arrayHeader(_ prefix: [UInt8]) -> Range<UInt64> {
        let start = prefix[6] >= 2 ? 12 : 10
        return UInt64(start)..<UInt64(start) + prefix[8..<start].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    }

    /// Any `O` inside quotes is a field of objects; numbers' codes have none.
    private static func hasObjects(_ header: [UInt8]) -> Bool {
        zip(header, header.dropFirst()).contains { $0 == UInt8(ascii: "O") && [0x27, 0x22, 0x38, 0x34].contains($1) }
    }

    /// Whether bytes begin an array of numbers or texts, its header word for word as NumPy writes it.
    static func isArrayOfNumbers(_ prefix: [UInt8]) -> Bool {
        guard prefix.count >= 12, prefix.starts(with: [0x93] + Array("NUMPY".utf8)) else { return false }
        let range = arrayHeader(prefix)
        guard range.upperBound <= UInt64(prefix.count) else { return false }
        var rest = prefix[Int(range.lowerBound)..<Int(range.upperBound)]
        func take(_ text: String) -> Bool {
            guard rest.starts(with: text.utf8) else { return false }
            rest = rest.dropFirst(text.utf8.count)
            return true
        }
        func take(while isWanted: (UInt8) -> Bool) { rest = rest.drop(while: isWanted) }
        guard take("{'descr': '"), let order = rest.popFirst(), "<>|=".utf8.contains(order), let kind = rest.popFirst(),
            "?bBiufcSUVmM".utf8.contains(kind)
        else { return false }
        take { 0x30...0x39 ~= $0 }
        guard take("', 'fortran_order': "), take("False") || take("True"), take(", 'shape': (") else { return false }
        take { 0x30...0x39 ~= $0 || $0 == UInt8(ascii: ",") || $0 == 0x20 }
        return take("), }") && rest.allSatisfy { $0 == 0x20 || $0 == 0x0A }
    }

    /// Keras keeps Python bytecode in the configuration of its Lambda layers.
    private mutating func scanKeras(_ source: ScanSource, _ members: [String]) throws(IsomerError) {
        // The configuration stands near the beginning, weights behind it.
        let bytes = try source.bytes(at: 0, atMost: 16 << 20)
        guard bytes.contains(sequence: "class_name\": \"Lambda\"") || bytes.contains(sequence: "class_name\":\"Lambda\"") else { return }
        remark(
            .dangerous, "a Keras model with a Lambda layer, whose Python code runs when the model is loaded" + FileScanner.place(members))
    }

    static func place(_ members: [String]) -> String { members.isEmpty ? "" : " (in \(members.joined(separator: " → ")))" }
}

extension [UInt8] {
    /// Whether the text's bytes occur.
    fileprivate func contains(sequence text: String) -> Bool {
        let wanted = Array(text.utf8)
        guard let first = wanted.first else { return true }
        var start = startIndex
        while let found = self[start...].firstIndex(of: first) {
            if self[found...].starts(with: wanted) { return true }
            start = found + 1
        }
        return false
    }
}
