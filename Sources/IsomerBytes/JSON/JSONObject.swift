/// A JSON object: unique keys in the order in which they were written, each with one value.
///
/// Keys are compared byte by byte. Looking up a key takes constant time.
public struct JSONObject: Sendable {
    private var members: [(key: String, value: JSONValue)] = []
    /// Where each key is, once there are too many to look through.
    private var positions: [ExactString: Int] = [:]

    private static let indexedFrom = 9

    public init() {}

    /// The value of `key`. Setting appends a new key at the end, keeps the place of an old one, and removes it when set to `nil`.
    public subscript(key: String) -> JSONValue? {
        get { position(of: key).map { members[$0].value } }
        set {
            switch (position(of: key), newValue) {
            case (let position?, let value?): members[position].value = value
            case (nil, let value?): append(key, value)
            case (let position?, nil):
                members.remove(at: position)
                positions = [:]
                if members.count >= Self.indexedFrom { indexMembers() }
            case (nil, nil): break
            }
        }
    }

    /// The keys in order.
    public var keys: [String] { members.map(\.key) }

    /// Adds a member at the end and says whether its key was new; an old one is left as it is.
    mutating func insertNew(_ key: String, _ value: JSONValue) -> Bool {
        guard position(of: key) == nil else { return false }
        append(key, value)
        return true
    }

    private func position(of key: String) -> Int? {
        if members.count >= Self.indexedFrom { return positions[ExactString(key)] }
        return members.firstIndex { $0.key.utf8.elementsEqual(key.utf8) }
    }

    private mutating func append(_ key: String, _ value: JSONValue) {
        members.append((key, value))
        if members.count == Self.indexedFrom {
            indexMembers()
        } else if members.count > Self.indexedFrom {
            positions[ExactString(key)] = members.count - 1
        }
    }

    private mutating func indexMembers() {
        for (position, member) in members.enumerated() { positions[ExactString(member.key)] = position }
    }
}

extension JSONObject: RandomAccessCollection {
    public var startIndex: Int { members.startIndex }
    public var endIndex: Int { members.endIndex }
    public subscript(position: Int) -> (key: String, value: JSONValue) { members[position] }
}

extension JSONObject: Hashable {
    /// Equal if the same keys come in the same order with equal values.
    public static func == (left: JSONObject, right: JSONObject) -> Bool {
        left.members.elementsEqual(right.members) { $0.key.utf8.elementsEqual($1.key.utf8) && $0.value == $1.value }
    }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(members.count)
        for member in members {
            hasher.combine(ExactString(member.key))
            hasher.combine(member.value)
        }
    }
}

extension JSONObject: ExpressibleByDictionaryLiteral {
    /// A key that comes again replaces the earlier value, in the earlier place.
    public init(dictionaryLiteral elements: (String, JSONValue)...) {
        for (key, value) in elements { self[key] = value }
    }
}
