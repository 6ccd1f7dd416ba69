internal import IsomerBytes
internal import IsomerFormats

/// What `scan` prints.
struct ScanReport {
    let scans: [FileScan]
    private let listsAll: Bool

    init(_ scans: [FileScan], listsAll: Bool) {
        self.scans = scans
        self.listsAll = listsAll
    }

    func text(for terminal: Terminal?) -> String {
        var report = Report(for: terminal)
        for scan in scans where listsAll || scan.verdict > .safe {
            report.heading("\(scan.path): \(scan.verdict.rawValue)")
            if let problem = scan.problem { report.line("\(problem)", indent: 2) }
            for remark in scan.remarks { report.line("\(remark.verdict.rawValue): \(remark.text)", indent: 2) }
            for stream in scan.streams where listsAll || stream.verdict > .safe { Self.write(stream, to: &report, all: listsAll) }
        }
        report.line(summary)
        return report.finish()
    }

    private static func write(_ stream: ScannedStream, to report: inout Report, all: Bool) {
        let place = stream.isInFile ? "" : " unpacked"
        let members = stream.members.isEmpty ? "" : stream.members.joined(separator: " → ") + ": "
        report.line("\(members)\(stream.kind) at byte \(stream.byteOffset)\(place): \(stream.verdict.rawValue)", indent: 2)
        var table = Table([.init("", .right), .init(""), .init(""), .init(""), .init("", flexible: true)], indent: 4)
        for finding in stream.findings where all || finding.verdict > .safe {
            let times = finding.count > 1 ? "\(Numbers.grouped(finding.count)) times" : ""
            table.append([
                "\(finding.byteOffset)", finding.opcode, finding.verdict.rawValue,
                [finding.act.rawValue, times].filter { !$0.isEmpty }.joined(separator: ", "),
                finding.said + " – " + finding.reason,
            ])
        }
        if !table.isEmpty { report.table(table) }
        if let problem = stream.problem { report.line("looking ended early: \(problem)", indent: 4) }
    }

    private var summary: String {
        let counts = ScanVerdict.allCases.sorted(by: >).compactMap { verdict in
            let count = count(of: verdict)
            return count > 0 ? "\(Numbers.grouped(count)) \(verdict.rawValue)" : nil
        }
        return Numbers.count(scans.count, "file") + (counts.isEmpty ? "" : ": " + counts.joined(separator: ", "))
    }

    private func count(of verdict: ScanVerdict) -> Int { scans.reduce(0) { $0 + ($1.verdict == verdict ? 1 : 0) } }

    /// The published form: the schema `scan`.
    var json: JSONValue {
        var counts = JSONObject()
        for verdict in ScanVerdict.allCases { counts[verdict.rawValue] = .integer(count(of: verdict)) }
        return [
            "schema": "isomer.scan/1", "verdict": .string((scans.map(\.verdict).max() ?? .safe).rawValue), "counts": .object(counts),
            "files": .array(scans.map(Self.json)),
        ]
    }

    private static func json(_ scan: FileScan) -> JSONValue {
        var object: JSONObject = [
            "path": .path(scan.path), "verdict": .string(scan.verdict.rawValue), "bytes": .integer(scan.byteCount),
            "format": scan.format.map { .string($0.rawValue) } ?? .null,
            "remarks": .array(
                scan.remarks.map { ["verdict": .string($0.verdict.rawValue), "text": .string(escapedForDisplay($0.text))] }),
            "streams": .array(scan.streams.map(json)),
        ]
        object["problem"] = scan.problem.map { .string("\($0)") }
        return .object(object)
    }

    private static func json(_ stream: ScannedStream) -> JSONValue {
        var object: JSONObject = [
            "members": .strings(stream.members), "byteOffset": .integer(stream.byteOffset), "isInFile": .bool(stream.isInFile),
            "kind": .string(stream.kind), "verdict": .string(stream.verdict.rawValue),
            "findings": .array(stream.findings.map(json)),
        ]
        object["problem"] = stream.problem.map { .string("\($0)") }
        return .object(object)
    }

    private static func json(_ finding: ScanFinding) -> JSONValue {
        [
            "act": .string(finding.act.rawValue), "callable": .string(finding.callable), "verdict": .string(finding.verdict.rawValue),
            "reason": .string(finding.reason), "arguments": finding.arguments.map { .string(escapedForDisplay($0)) } ?? .null,
            "opcode": .string(finding.opcode), "byteOffset": .integer(finding.byteOffset), "count": .integer(finding.count),
        ]
    }
}

extension ScanFinding {
    /// What is done and with what, in a few words.
    var said: String { callable + (arguments.map { act == .called && $0.hasPrefix("(") ? $0 : " " + $0 } ?? "") }
}
