/// Text that a weight file carries beside its tensors: unique keys in the file's order, each with one value.
public struct FileMetadata: Hashable, Sendable {
    private var entries: [(key: String, value: String)] = []
    private var positions: [String: Int] = [:]

    public init() {}

    /// The value of `key`. Setting appends a new key at the end, keeps the place of an old one, and removes it when set to `nil`.
    public subscript(key: String) -> String? {
        get { positions[key].map { entries[$0].value } }
        set {
            switch (positions[key], newValue) {
            case (let position?, let value?): entries[position].value = value
            case (nil, let value?):
                positions[key] = entries.count
                entries.append((key, value))
            case (let position?, nil):
                entries.remove(at: position)
                positions = Dictionary(entries.enumerated().map { ($1.key, $0) }, uniquingKeysWith: { first, _ in first })
            case (nil, nil): break
            }
        }
    }

    /// The keys in order.
    public var keys: [String] { entries.map(\.key) }

    public static func == (left: FileMetadata, right: FileMetadata) -> Bool {
        left.entries.elementsEqual(right.entries, by: ==)
    }

    public func hash(into hasher: inout Hasher) {
        for entry in entries {
            hasher.combine(entry.key)
            hasher.combine(entry.value)
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
