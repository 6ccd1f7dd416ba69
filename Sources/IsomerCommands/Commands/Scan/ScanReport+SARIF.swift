internal import IsomerBytes
internal import IsomerFormats

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

extension ScanReport {
    /// The result for code scanning services.
    ///
    /// Reference: OASIS SARIF 2.1.0, sections 3.13 (log), 3.27 (result), 3.30 (region).
    var sarif: JSONValue {
        var results: [JSONValue] = []
        for scan in scans {
            if let problem = scan.problem { results.append(Self.result(.unreadable, "\(problem)", scan.path, byteOffset: nil)) }
            for remark in scan.remarks {
                results.append(Self.result(remark.verdict, escapedForDisplay(remark.text), scan.path, byteOffset: nil))
            }
            for stream in scan.streams {
                let place = stream.members.isEmpty ? "" : " in \(stream.members.joined(separator: " → "))"
                for finding in stream.findings where finding.verdict > .safe {
                    let text =
                        "\(finding.said)\(place): \(finding.act.rawValue) by \(finding.opcode), \(finding.reason)"
                    results.append(
                        Self.result(
                            finding.verdict, escapedForDisplay(text), scan.path, byteOffset: stream.isInFile ? finding.byteOffset : nil))
                }
                if stream.problem != nil || stream.verdict == .unreadable {
                    let text = stream.problem.map { "\($0)" } ?? escapedForDisplay("\(stream.kind)\(place) cannot be looked into")
                    results.append(
                        Self.result(.unreadable, text, scan.path, byteOffset: stream.isInFile ? stream.byteOffset : nil))
                }
            }
        }
        return [
            "$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0",
            "runs": [
                [
                    "tool": [
                        "driver": [
                            "name": "isomer", "version": .string(Isomer.version),
                            "rules": .array(Self.rules.map(Self.rule)),
                        ]
                    ],
                    "results": .array(results),
                ]
            ],
        ]
    }

    private static let rules: [(verdict: ScanVerdict, text: String)] = [
        (.dangerous, "The file runs code or reaches the system when Python loads it."),
        (.suspicious, "The file does something unknown, or something that no honest writer does, when Python loads it."),
        (.unreadable, "The file could not be looked into."),
    ]

    private static func rule(_ verdict: ScanVerdict, _ text: String) -> JSONValue {
        [
            "id": .string(verdict.rawValue), "shortDescription": ["text": .string(text)],
            "defaultConfiguration": ["level": .string(level(verdict))],
        ]
    }

    private static func level(_ verdict: ScanVerdict) -> String {
        switch verdict {
        case .dangerous: "error"
        case .suspicious: "warning"
        case .unreadable, .safe: "note"
        }
    }

    private static func result(_ verdict: ScanVerdict, _ text: String, _ path: FilePath, byteOffset: UInt64?) -> JSONValue {
        var place: JSONObject = ["artifactLocation": ["uri": .string(uri(path))]]
        place["region"] = byteOffset.map { ["byteOffset": .integer($0)] }
        return [
            "ruleId": .string(verdict.rawValue), "level": .string(level(verdict)), "message": ["text": .string(text)],
            "locations": [["physicalLocation": .object(place)]],
        ]
    }

    /// A relative or absolute path as a URI reference (RFC 3986).
    private static func uri(_ path: FilePath) -> String {
        let digits = Array("0123456789ABCDEF")
        // The bytes as they are on the disk: names need not be text.
        let bytes = path.withPlatformString { Array(UnsafeRawBufferPointer(start: $0, count: strlen($0))) }
        var result = path.isAbsolute ? "file://" : ""
        for byte in bytes {
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F, 0x7E, 0x2F: result.unicodeScalars.append(Unicode.Scalar(byte))
            default: result += "%" + String(digits[Int(byte >> 4)]) + String(digits[Int(byte & 15)])
            }
        }
        return result
    }
}
