public import IsomerTensors

/// The metadata by which files introduce themselves, under keys that begin with `modelspec.`.
///
/// Reference: Stability-AI ModelSpec 1.0.1.
public enum ModelSpecification {
    public static let prefix = "modelspec."
    /// The version that is written.
    public static let version = "1.0.1"
    /// Keys, without the prefix, that no file may lack.
    public static let required = ["sai_model_spec", "architecture", "implementation", "title"]

    /// What is wrong with `metadata`, a sentence each. `tensorHash` is the sum that `hash_sha256` should be, with `0x`.
    public static func problems(in metadata: FileMetadata, tensorHash: String?) -> [String] {
        var problems: [String] = []
        func value(_ key: String) -> String? { metadata[prefix + key] }
        for key in required where value(key)?.isEmpty ?? true { problems.append("\(prefix)\(key) is missing") }
        if let text = value("sai_model_spec"), !["1.0.0", "1.0.1"].contains(text) {
            problems.append("\(prefix)sai_model_spec names the version \(text), which is not known")
        }
        if let text = value("resolution"), !isResolution(text) {
            problems.append("\(prefix)resolution is \(text) instead of a width and a height like 512x512")
        }
        if let text = value("date"), !isDate(text) { problems.append("\(prefix)date is \(text) instead of a date like 2023-06-26") }
        if let text = value("prediction_type"), !["epsilon", "v"].contains(text) {
            problems.append("\(prefix)prediction_type is \(text) instead of epsilon or v")
        }
        if let text = value("hash_sha256"), let tensorHash, text.lowercased() != tensorHash {
            problems.append("\(prefix)hash_sha256 is \(text), but the tensors' bytes have \(tensorHash)")
        }
        return problems
    }

    private static func isResolution(_ text: String) -> Bool {
        let sides = text.split(separator: "x", omittingEmptySubsequences: false)
        return sides.count == 2
            && sides.allSatisfy { side in side.utf8.allSatisfy { 0x30...0x39 ~= $0 } && Int(side).map { $0 > 0 } == true }
    }

    /// Whether a text is an ISO 8601 date, alone or with a time behind it.
    private static func isDate(_ text: String) -> Bool {
        let date = text.prefix { $0 != "T" && $0 != " " }.split(separator: "-", omittingEmptySubsequences: false)
        guard date.count == 3, date.map(\.count) == [4, 2, 2], let month = Int(date[1]), let day = Int(date[2]), Int(date[0]) != nil
        else { return false }
        return (1...12).contains(month) && (1...31).contains(day)
    }
}
