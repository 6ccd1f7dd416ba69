public import IsomerBytes

/// Requests out of a file: one a line.
///
/// Three kinds, told by the name's ending:
/// - `.csv`: a table with a header whose names are parameters, RFC 4180: fields with commas, quotes and line ends stand in quotes, a quote
///   in them twice. Empty fields leave what the base says.
/// - `.jsonl`, `.ndjson`: an object a line, whose keys are parameters; `null` leaves what the base says.
/// - everything else: a prompt a line. Empty lines and lines that begin with `#` are left out; one that begins with `--` is a list of
///   `--parameter value`, with quotes as in a shell, as A1111's script reads them.
///
/// Every line is read and checked before anything is made, so that line 700 does not fail after an hour.
public enum PromptFile {
    /// The requests in order, each `base` with what its line says.
    ///
    /// - Throws: `usage` or `malformed` with the number of the line that is broken, `mismatch` if there is no request, `limitExceeded` if the
    ///   file is longer than JSON may be.
    public static func requests(
        in path: FilePath, over base: GenerationRequest = GenerationRequest(), limits: Limits = Limits()
    ) throws(IsomerError) -> [GenerationRequest] {
        do throws(IsomerError) {
            let bytes = try ReadableFile(path).contents(limit: limits.jsonBytes)
            return try requests(in: bytes, kind: path.extension?.lowercased() ?? "", over: base, limits)
        } catch {
            throw error.inFile(path)
        }
    }

    static func requests(
        in bytes: [UInt8], kind: String, over base: GenerationRequest, _ limits: Limits
    ) throws(IsomerError) -> [GenerationRequest] {
        let text = try PlainText.decode(bytes)
        let rows: [Row] =
            switch kind {
            case "csv": try tableRows(text)
            case "jsonl", "ndjson": try objectRows(text, limits)
            case "json":
                throw IsomerError(
                    .usage, "a file of prompts is no single JSON text", expected: "an object a line",
                    remedy: "write each object on a line of its own and call the file .jsonl")
            default: try promptRows(text)
            }
        var requests: [GenerationRequest] = []
        for row in rows {
            var request = base
            do throws(IsomerError) {
                for (parameter, value) in row.values { try parameter.apply(value, to: &request) }
                try request.check()
            } catch {
                throw told(error, row.line)
            }
            requests.append(request)
        }
        guard !requests.isEmpty else { throw IsomerError(.mismatch, "there is no prompt in the file") }
        return requests
    }

    /// The error with its line, before what it is about within the line.
    private static func told(_ error: IsomerError, _ line: Int) -> IsomerError {
        var copy = error
        copy.location.item = "line \(line)" + (error.location.item.map { ", \($0)" } ?? "")
        return copy
    }

    private struct Row {
        /// The line on which it begins, from 1.
        var line: Int
        var values: [(GenerationParameter, String)]
    }

    /// The lines, without `\r` at their ends.
    private static func lines(_ text: String) -> [(number: Int, text: String)] {
        text.utf8.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).enumerated().map { index, line in
            (index + 1, String(decoding: line.last == 0x0D ? line.dropLast() : line, as: UTF8.self))
        }
    }

    private static func isBlank(_ text: String) -> Bool { text.utf8.allSatisfy { $0 == 0x20 || $0 == 0x09 } }

    // MARK: Prompts

    private static func promptRows(_ text: String) throws(IsomerError) -> [Row] {
        var rows: [Row] = []
        for (number, line) in lines(text) where !isBlank(line) && !line.hasPrefix("#") {
            guard line.hasPrefix("--") else {
                rows.append(Row(line: number, values: [(.prompt, line)]))
                continue
            }
            do throws(IsomerError) {
                rows.append(Row(line: number, values: try flags(words(line))))
            } catch {
                throw told(error, number)
            }
        }
        return rows
    }

    private static func flags(_ words: [String]) throws(IsomerError) -> [(GenerationParameter, String)] {
        var values: [(GenerationParameter, String)] = []
        var index = 0
        while index < words.count {
            var (name, value): (Substring, String?) = (words[index][...], nil)
            guard name.hasPrefix("--") else {
                throw IsomerError(.usage, "a word stands where a flag should", expected: "--parameter value", found: words[index])
            }
            if let equals = name.firstIndex(of: "=") { (name, value) = (name[..<equals], String(name[name.index(after: equals)...])) }
            let parameter = try GenerationParameter(named: String(name.dropFirst(2)))
            if value == nil {
                index += 1
                guard index < words.count else { throw IsomerError(.usage, "a flag has no value", found: words[index - 1]) }
                value = words[index]
            }
            values.append((parameter, value ?? ""))
            index += 1
        }
        return values
    }

    /// Words between blanks; quotes keep blanks, a backslash the next character, except between single quotes.
    private static func words(_ line: String) throws(IsomerError) -> [String] {
        var words: [String] = []
        var word: String?
        var quote: Character?
        var isEscaped = false
        for character in line {
            if isEscaped {
                word = (word ?? "") + String(character)
                isEscaped = false
            } else if character == "\\", quote != "'" {
                isEscaped = true
            } else if let open = quote {
                if character == open { quote = nil } else { word?.append(character) }
            } else if character == "\"" || character == "'" {
                quote = character
                word = word ?? ""
            } else if character == " " || character == "\t" {
                if let whole = word { words.append(whole) }
                word = nil
            } else {
                word = (word ?? "") + String(character)
            }
        }
        guard quote == nil, !isEscaped else { throw IsomerError(.malformed, "quotes are opened and not closed", found: line) }
        return words + (word.map { [$0] } ?? [])
    }

    // MARK: Objects

    private static func objectRows(_ text: String, _ limits: Limits) throws(IsomerError) -> [Row] {
        var rows: [Row] = []
        for (number, line) in lines(text) where !isBlank(line) {
            do throws(IsomerError) {
                let cursor = JSONCursor(try JSONValue(parsing: Array(line.utf8), limits: limits))
                var values: [(GenerationParameter, String)] = []
                for (key, field) in try cursor.members() where !field.isNull {
                    let parameter = try GenerationParameter(named: key)
                    switch field.value {
                    case .string(let text): values.append((parameter, text))
                    case .number(let number) where !parameter.isProse: values.append((parameter, number.text))
                    default:
                        throw field.failure(
                            "the field has the wrong type", expected: parameter.isProse ? "text" : "text or a number",
                            found: field.value.kind)
                    }
                }
                rows.append(Row(line: number, values: values))
            } catch {
                throw told(error, number)
            }
        }
        return rows
    }

    // MARK: Tables

    private static func tableRows(_ text: String) throws(IsomerError) -> [Row] {
        var records = try self.records(text)
        guard let header = records.first else { return [] }
        records.removeFirst()
        var columns: [GenerationParameter] = []
        do throws(IsomerError) {
            for name in header.fields {
                let column = try GenerationParameter(named: name)
                guard !columns.contains(column) else { throw IsomerError(.malformed, "a column comes twice", found: name) }
                columns.append(column)
            }
        } catch {
            throw told(error, header.line)
        }
        var rows: [Row] = []
        for record in records {
            guard record.fields.count == columns.count else {
                throw IsomerError(
                    .malformed, "a row has more or fewer fields than the header", item: "line \(record.line)",
                    expected: "\(columns.count)", found: "\(record.fields.count)")
            }
            rows.append(Row(line: record.line, values: zip(columns, record.fields).filter { !$0.1.isEmpty }))
        }
        return rows
    }

    /// Reference: RFC 4180, with line ends of either kind.
    private static func records(_ text: String) throws(IsomerError) -> [(line: Int, fields: [String])] {
        let bytes = Array(text.utf8)
        let (quote, comma, lineEnd) = (UInt8(ascii: "\""), UInt8(ascii: ","), UInt8(ascii: "\n"))
        var records: [(line: Int, fields: [String])] = []
        var fields: [String] = []
        var field: [UInt8] = []
        var (line, start, position) = (1, 1, 0)
        func broken(_ what: String, _ line: Int) -> IsomerError { IsomerError(.malformed, what, item: "line \(line)") }
        func endRecord() {
            if !(fields.isEmpty && field.isEmpty) { records.append((start, fields + [String(decoding: field, as: UTF8.self)])) }
            (fields, field) = ([], [])
        }
        while position < bytes.count {
            let byte = bytes[position]
            if byte == quote, field.isEmpty {
                let opened = line
                position += 1
                while true {
                    guard position < bytes.count else { throw broken("quotes are opened and not closed", opened) }
                    if bytes[position] == quote {
                        guard position + 1 < bytes.count, bytes[position + 1] == quote else { break }
                        position += 1
                    }
                    if bytes[position] == lineEnd { line += 1 }
                    field.append(bytes[position])
                    position += 1
                }
                position += 1
                if position < bytes.count, bytes[position] == 0x0D { position += 1 }
                guard position == bytes.count || bytes[position] == comma || bytes[position] == lineEnd else {
                    throw broken("there is something between closing quotes and the next comma", line)
                }
                // An empty field in quotes is a field all the same.
                if field.isEmpty, position == bytes.count || bytes[position] == lineEnd, fields.isEmpty { records.append((start, [""])) }
                continue
            }
            switch byte {
            case comma:
                fields.append(String(decoding: field, as: UTF8.self))
                field = []
            case lineEnd:
                if field.last == 0x0D { field.removeLast() }
                endRecord()
                line += 1
                start = line
            default: field.append(byte)
            }
            position += 1
        }
        endRecord()
        return records
    }
}
