internal import IsomerBytes
internal import IsomerTokenizers

/// How many tokens of CLIP's the captions of a batch have.
struct CaptionTokens {
    private let encoder: IDEncoder
    private let window: Int
    private let marks: Int
    private var counts: [Int] = []
    private var tooLong: [(name: String, count: Int)] = []
    private static let listLimit = 1000

    init() throws(IsomerError) {
        let file = try TokenizerFile.clip()
        encoder = IDEncoder(file.tokenizer)
        window = file.window ?? 77
        marks = try file.tokenizer.encode("").ids.count
    }

    mutating func count(_ record: JSONValue) throws(IsomerError) {
        guard record["status"] == "prepared", case .string(let caption)? = record["caption"], case .string(let name)? = record["input"]
        else {
            return
        }
        let count = try encoder.ids(of: caption).count + marks
        counts.append(count)
        if count > window, tooLong.count < Self.listLimit { tooLong.append((name, count)) }
    }

    var json: JSONValue {
        let sorted = counts.sorted()
        return [
            "window": .integer(window), "captions": .integer(counts.count), "shortest": .integer(sorted.first ?? 0),
            "median": .integer(sorted.isEmpty ? 0 : sorted[sorted.count / 2]), "longest": .integer(sorted.last ?? 0),
            "tooLong": .array(tooLong.map { ["input": .string($0.name), "count": .integer($0.count)] }),
        ]
    }

    func tell(in report: inout Report) {
        let sorted = counts.sorted()
        guard let shortest = sorted.first, let longest = sorted.last else {
            report.field("captions", "none")
            return
        }
        report.field(
            "captions",
            "\(Numbers.grouped(counts.count)); tokens: shortest \(shortest), median \(sorted[sorted.count / 2]), longest \(longest)")
        report.list(
            "Longer than CLIP's window of \(window)", tooLong.map { "\(escapedForDisplay($0.name)): \($0.count) tokens" }, limit: 20)
    }
}
