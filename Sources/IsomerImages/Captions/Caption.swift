/// Where a picture's caption comes from.
public enum CaptionSource: String, Hashable, Sendable, CaseIterable {
    /// `photo.txt` beside `photo.jpg`.
    case txt
    /// `photo.caption`, kohya's default.
    case caption
    /// `photo.json` with a member `caption`, `text` or `prompt`.
    case json
    /// A line of `metadata.jsonl` in the same folder: `{"file_name": …, "text": …}`.
    case metadata
    /// kohya's `meta.json` or `meta_cap.json` in the folder: `{path: {"caption": …, "tags": …}}`.
    case meta
    /// The file's own name, by fast-DreamBooth's rules.
    case fileName = "file-name"
    /// What stands before `@` in the file's name, as JoePenna's fork reads it.
    case at
    /// The folder's name without a number of repeats: `10_sks dog`.
    case folder
}

/// How captions change on their way.
public struct CaptionRules: Hashable, Sendable {
    /// Tried in this order; the first that has something wins.
    public var sources: [CaptionSource] = [.txt, .caption, .json, .metadata, .meta]
    /// Replaces every caption.
    public var fixed: String?
    public var prefix = ""
    public var suffix = ""
    /// Replaced in order, everywhere.
    public var replacements: [Replacement] = []
    /// The word for the new thing, put in front of the class word, or of everything, if it is not there yet.
    public var token: String?
    /// What kind of thing it is: "dog".
    public var classWord: String?
    /// Only the first line counts.
    public var firstLineOnly = true

    public struct Replacement: Hashable, Sendable {
        public var old: String
        public var new: String

        public init(_ old: String, _ new: String) {
            self.old = old
            self.new = new
        }
    }

    public init() {}

    /// The caption to write for a caption that was found, or for none.
    public func applied(to found: String?) -> String? {
        var text = fixed ?? found ?? ""
        if firstLineOnly { text = text.split(whereSeparator: \.isNewline).first.map(String.init) ?? "" }
        text = text.trimmingWhitespace()
        for replacement in replacements where !replacement.old.isEmpty { text = text.replacing(replacement.old, with: replacement.new) }
        if let token, !token.isEmpty, !Self.words(of: text).contains(token) {
            if let classWord, !classWord.isEmpty, let place = Self.wordRange(classWord, in: text) {
                text.insert(contentsOf: token + " ", at: place.lowerBound)
            } else {
                let head = [token, classWord ?? ""].filter { !$0.isEmpty }.joined(separator: " ")
                text = text.isEmpty ? head : head + ", " + text
            }
        }
        text = prefix + text + suffix
        return text.isEmpty ? nil : text
    }

    private static func words(of text: String) -> [String] {
        text.split { !$0.isLetter && !$0.isNumber && $0 != "-" && $0 != "_" }.map(String.init)
    }

    /// The first place where `word` stands between characters that belong to no word.
    private static func wordRange(_ word: String, in text: String) -> Range<String.Index>? {
        text.ranges(of: word).first { range in
            let before = range.lowerBound == text.startIndex ? nil : text[text.index(before: range.lowerBound)]
            let after = range.upperBound == text.endIndex ? nil : text[range.upperBound]
            return [before, after].allSatisfy { $0.map { !$0.isLetter && !$0.isNumber } ?? true }
        }
    }
}

/// Captions that names tell.
public enum NameCaption {
    /// fast-DreamBooth's rules: the stem, digits, brackets and dots dropped, underscores and dashes to spaces.
    ///
    /// `sks dog (12).jpg` says "sks dog".
    public static func ofFile(stem: String) -> String {
        let kept = stem.filter { !($0.isASCII && $0.isNumber) && $0 != "(" && $0 != ")" && $0 != "." }
        return spaced(kept)
    }

    /// JoePenna's fork: what stands before the first `@`, or nothing.
    public static func beforeAt(stem: String) -> String? {
        guard let at = stem.firstIndex(of: "@") else { return nil }
        let text = spaced(String(stem[..<at]))
        return text.isEmpty ? nil : text
    }

    /// A folder in kohya's layout: how often its pictures repeat, and what they show.
    public static func ofFolder(_ name: String) -> (repeats: Int?, text: String) {
        guard let bar = name.firstIndex(of: "_"), let repeats = Int(name[..<bar]), repeats > 0 else { return (nil, spaced(name)) }
        return (repeats, spaced(String(name[name.index(after: bar)...])))
    }

    private static func spaced(_ text: String) -> String {
        text.map { $0 == "_" ? " " : $0 }.split(separator: " ").map { String($0) }.joined(separator: " ")
    }
}
