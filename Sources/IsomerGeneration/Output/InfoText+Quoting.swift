internal import IsomerBytes

extension InfoText {
    /// A value as it stands in a line of fields.
    static func quoted(_ value: String) -> String {
        let needsQuotes = value.utf8.contains { $0 == UInt8(ascii: ",") || $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: ":") }
        return needsQuotes ? JSONWriter().text(.string(value)) : value
    }

    /// What a value in quotes says; the value itself if it is no JSON string.
    static func unquoted(_ value: String) -> String {
        guard value.utf8.first == UInt8(ascii: "\""), case .string(let text)? = try? JSONValue(parsing: Array(value.utf8)) else {
            return value
        }
        return text
    }
}
