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

    /// What the file is called, where nothing else tells what it is.
    let fileName: String

    init(limits: Limits, fileName: String = "") {
        self.limits = limits
        self.fileName = fileName
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

    /// A remark that many places of a file give reason for.
    mutating func remarkOnce(_ verdict: ScanVerdict, _ text: String) {
        if !remarks.contains(FileScan.Remark(verdict: verdict, text: text)) { remark(verdict, text) }
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
        let format = FileFormat(prefix: prefix)
        switch format {
        case .zip, .torchZip: return try scanZip(source, members)
        case .tar: return try scanTar(source, members)
        case .gzip: return try scanCompressed(source, members, .gzip, format.name, isCertain: role != .anything)
        case .sevenZip, .rar, .xz, .zstandard, .lz4: return addUnreadable(source, members, kind: format.name)
        case .bzip2 where role != .anything: return addUnreadable(source, members, kind: format.name)
        case .numpy: return try scanArray(source, members, prefix)
        default: break
        }
        if format == .unknown || format == .text {
            if FileScanner.mayBeZlib(prefix[...]) {
                try scanCompressed(source, members, .zlib, "zlib-compressed data", isCertain: false)
            } else if let start = FileScanner.oldJoblibContent(prefix) {
                try scanCompressed(source.part(from: start), members, .zlib, "an old joblib file", isCertain: false)
            }
        }
        // Whatever it looks like: some bytes are a picture to one program and a pickle to another.
        let isExpected =
            format == .torchLegacy || role != .anything && format == .pickle
            || role == .pickle && (format == .unknown || format == .text)
        try scanPickles(source, members, isExpected ? .pickle : .anything, tellsOfRest: isExpected)
        if role != .anything, try ScanSource.endsInZip(source) {
            remark(.suspicious, "a zip archive stands behind other bytes: some programs see one, some the other")
            try sweepZip(source, members)
        }
        try scanConfiguration(source, members, format)
    }

    /// Whether a zlib stream may begin so: deflate, a window that exists, and their check.
    ///
    /// Reference: RFC 1950, section 2.2.
    static func mayBeZlib(_ prefix: ArraySlice<UInt8>) -> Bool {
        guard let first = prefix.first, let second = prefix.dropFirst().first else { return false }
        return first & 0x0F == 8 && first >> 4 <= 7 && (Int(first) << 8 | Int(second)) % 31 == 0
    }

    /// Where the zlib stream begins in files of joblib before 0.10: `ZF`, the length in hexadecimal digits and blanks.
    ///
    /// Reference: joblib 1.5 `numpy_pickle_compat.py`, `read_zfile`, which skips a letter that Python 2 wrote.
    private static func oldJoblibContent(_ prefix: [UInt8]) -> UInt64? {
        guard prefix.starts(with: "ZF0x".utf8), prefix.count > 23 else { return nil }
        return mayBeZlib(prefix[21...]) ? 21 : mayBeZlib(prefix[22...]) ? 22 : nil
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
    ///
    /// Several arrays, or an array and a pickle, may be saved to one file and loaded one by one.
    private mutating func scanArray(_ source: ScanSource, _ members: [String], _ prefix: [UInt8]) throws(IsomerError) {
        var rest = source
        var prefix = prefix
        while prefix.starts(with: FileScanner.arraySignature) {
            try checkTime()
            guard prefix.count >= 12 else { return addUnreadable(rest, members, kind: FileFormat.numpy.name) }
            let range = FileScanner.arrayHeader(prefix)
            let header = try rest.bytes(at: range.lowerBound, atMost: Int(min(range.upperBound - range.lowerBound, 1 << 20)))
            let hasObjects = FileScanner.hasObjects(header)
            try scanPickles(rest.part(from: range.upperBound), members, hasObjects ? .pickle : .anything, tellsOfRest: hasObjects)
            guard let size = FileScanner.numbersByteCount(prefix) else { return }
            let (end, overflow) = range.upperBound.addingReportingOverflow(size)
            guard !overflow, end < rest.count else { return }
            rest = rest.part(from: end)
            prefix = try rest.bytes(at: 0, atMost: FileFormat.prefixByteCount)
        }
        try scanPickles(rest, members, .anything, tellsOfRest: false)
    }

    private static let arraySignature: [UInt8] = [0x93] + Array("NUMPY".utf8)

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
    static func isArrayOfNumbers(_ prefix: [UInt8]) -> Bool { numbersByteCount(prefix) != nil }

    /// How many bytes follow the header of an array of numbers or texts; `nil` if there is anything unusual about it.
    private static func numbersByteCount(_ prefix: [UInt8]) -> UInt64? {
        guard prefix.count >= 12, prefix.starts(with: arraySignature) else { return nil }
        let range = arrayHeader(prefix)
        guard range.upperBound <= UInt64(prefix.count) else { return nil }
        var rest = prefix[Int(range.lowerBound)..<Int(range.upperBound)]
        func take(_ text: String) -> Bool {
            guard rest.starts(with: text.utf8) else { return false }
            rest = rest.dropFirst(text.utf8.count)
            return true
        }
        func takeNumber() -> UInt64? {
            var value: UInt64?
            while let digit = rest.first, 0x30...0x39 ~= digit {
                let (product, overflow) = (value ?? 0).multipliedReportingOverflow(by: 10)
                let (sum, carry) = product.addingReportingOverflow(UInt64(digit - 0x30))
                guard !overflow, !carry else { return nil }
                value = sum
                rest = rest.dropFirst()
            }
            return value
        }
        guard take("{'descr': '"), let order = rest.popFirst(), "<>|=".utf8.contains(order), let kind = rest.popFirst(),
            "?bBiufcSUVmM".utf8.contains(kind)
        else { return nil }
        // Texts have four bytes a character.
        var size = (takeNumber() ?? 1).multipliedSaturating(by: kind == UInt8(ascii: "U") ? 4 : 1)
        guard take("', 'fortran_order': "), take("False") || take("True"), take(", 'shape': (") else { return nil }
        while let length = takeNumber() {
            size = size.multipliedSaturating(by: length)
            _ = take(",") && take(" ")
        }
        return take("), }") && rest.allSatisfy { $0 == 0x20 || $0 == 0x0A } ? size : nil
    }

    static func place(_ members: [String]) -> String { members.isEmpty ? "" : " (in \(members.joined(separator: " → ")))" }
}
