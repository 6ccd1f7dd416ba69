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
    /// What stands behind `@` in the file's name, and its folders, as JoePenna's fork reads them.
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

    /// A text that is put in the place of another, wherever that stands.
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
    public func applied(to found: String?, addsToken: Bool = true) -> String? {
        var text = fixed ?? found ?? ""
        if firstLineOnly { text = text.split(whereSeparator: \.isNewline).first.map(String.init) ?? "" }
        text = text.trimmingWhitespace()
        for replacement in replacements where !replacement.old.isEmpty { text = text.replacing(replacement.old, with: replacement.new) }
        if addsToken, let token, !token.isEmpty, !Self.words(of: text).contains(token) {
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
    /// fast-DreamBooth's rules: the stem, without digits, parentheses and dashes, underscores as spaces.
    ///
    /// `sks dog (12).jpg` says "sks dog". Reference: TheLastBen/diffusers, train_dreambooth.py, `image_captions_filename`.
    public static func ofFile(stem: String) -> String {
        var kept = String.UnicodeScalarView()
        for scalar in stem.unicodeScalars {
            let kind = scalar.properties.numericType
            if kind != .decimal, kind != .digit, scalar != "(", scalar != ")", scalar != "-" { kept.append(scalar) }
        }
        // That program's own name for pictures of several things.
        return spaced(String(kept).replacing("conceptimagedb", with: ""))
    }

    /// JoePenna's fork: what stands behind the `@` of a file's name, where `S` is the new thing and `C` its class.
    ///
    /// The first folder names the thing and the second its class, instead of `token` and `classWord`; further folders stand before the
    /// caption. A file without `@` gives thing and class, unless the folders do. Nil if neither folders nor the name say anything.
    ///
    /// Reference: captionizer 1.0.1, `caption_from_path`.
    public static func behindAt(name: String, token: String?, classWord: String?) -> String? {
        var folders = name.split(separator: "/").map(String.init)
        guard let file = folders.popLast() else { return nil }
        let stem = PictureInputs.split(file).stem
        let parts = stem.split(separator: "@", maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count > 1 || !folders.isEmpty else { return nil }
        let letters = ["S": folders.first ?? token, "C": folders.dropFirst().first ?? classWord]
        func words(_ text: String) -> [String] { text.split { $0.isWhitespace || $0 == "_" }.map(String.init) }
        var template = folders.dropFirst(2).flatMap(words)
        if parts.count > 1 {
            template += words(String(parts[1]))
        } else if !template.contains("S"), !template.contains("C") {
            template += ["S", "C"]
        }
        // A letter that nothing is known for says nothing.
        let text = template.compactMap { word in letters[word].map { $0 ?? "" } ?? word }.filter { !$0.isEmpty }.joined(separator: " ")
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
