internal import IsomerBytes

/// Text that a weight file carries beside its tensors: unique keys in the file's order, each with one value. Keys and values are compared
/// byte by byte.
public struct FileMetadata: Hashable, Sendable {
    private var entries: [(key: String, value: String)] = []
    private var positions: [ExactString: Int] = [:]

    public init() {}

    /// The value of `key`. Setting appends a new key at the end, keeps the place of an old one, and removes it when set to `nil`.
    public subscript(key: String) -> String? {
        get { positions[ExactString(key)].map { entries[$0].value } }
        set {
            switch (positions[ExactString(key)], newValue) {
            case (let position?, let value?): entries[position].value = value
            case (nil, let value?):
                positions[ExactString(key)] = entries.count
                entries.append((key, value))
            case (let position?, nil):
                entries.remove(at: position)
                positions = Dictionary(entries.enumerated().map { (ExactString($1.key), $0) }, uniquingKeysWith: { first, _ in first })
            case (nil, nil): break
            }
        }
    }

    /// The keys in order.
    public var keys: [String] { entries.map(\.key) }

    public static func == (left: FileMetadata, right: FileMetadata) -> Bool {
        left.entries.elementsEqual(right.entries) {
            $0.key.utf8.elementsEqual($1.key.utf8) && $0.value.utf8.elementsEqual($1.value.utf8)
        }
    }

    public func hash(into hasher: inout Hasher) {
        for entry in entries {
            hasher.combine(ExactString(entry.key))
            hasher.combine(ExactString(entry.value))
        }
    }
}

extension FileMetadata: RandomAccessCollection {
    public var startIndex: Int { entries.startIndex }
    public var endIndex: Int { entries.endIndex }
    public subscript(position: Int) -> (key: String, value: String) { entries[position] }
}

extension FileMetadata: ExpressibleByDictionaryLiteral {
    public init(dictionaryLiteral elements: (String, String)...) {
        for (key, value) in elements { self[key] = value }
    }
}
