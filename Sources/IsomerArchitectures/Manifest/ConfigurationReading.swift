import IsomerBytes

/// The typed reading of a `config.json`, with the ranges that no published model leaves.
extension JSONCursor {
    /// No width, count or size of a real network is larger.
    static let greatestExtent = 1 << 24

    /// A positive integer.
    func extent() throws(IsomerError) -> Int { try integer(in: 1...JSONCursor.greatestExtent) }

    /// The positive integer `key`, or `standard` if it is absent or null.
    func extent(_ key: String, default standard: Int? = nil) throws(IsomerError) -> Int {
        if let found = try optional(key) { return try found.extent() }
        guard let standard else { throw try required(key).failure("a required field is null") }
        return standard
    }

    /// The positive integer `key`, if it is there.
    func optionalExtent(_ key: String) throws(IsomerError) -> Int? { try optional(key)?.extent() }

    /// One value for each of `count` levels: a list of that length, or a single value that stands for all.
    func perLevel<Value>(
        _ count: Int, _ read: (JSONCursor) throws(IsomerError) -> Value
    ) throws(IsomerError) -> [Value] {
        guard case .array = value else { return Array(repeating: try read(self), count: count) }
        let elements = try elements()
        guard elements.count == count else {
            throw failure("the list has the wrong length", expected: "\(count)", found: "\(elements.count)")
        }
        var values: [Value] = []
        for element in elements { values.append(try read(element)) }
        return values
    }

    /// A list of at most a thousand positive integers.
    func extents() throws(IsomerError) -> [Int] {
        let elements = try elements()
        guard 1...1_000 ~= elements.count else { throw failure("the list has an odd length", found: "\(elements.count)") }
        var values: [Int] = []
        for element in elements { values.append(try element.extent()) }
        return values
    }

    /// Refuses a configuration whose `key` says anything but what this version knows.
    func requireUsual(_ key: String, _ usual: JSONValue...) throws(IsomerError) {
        guard let found = try object()[key], found != .null, !usual.contains(where: { $0.isNumericallyEqual(to: found) }) else { return }
        throw IsomerError(
            .unsupported, "the configuration asks for a network that is not known", path: path, item: key,
            expected: usual.isEmpty ? "null" : usual.map { JSONWriter().text($0) }.joined(separator: " or "),
            found: JSONWriter().text(found))
    }
}

extension JSONValue {
    /// Equal, or two numbers of one value however written.
    fileprivate func isNumericallyEqual(to other: JSONValue) -> Bool {
        if case .number(let left) = self, case .number(let right) = other { return left.double == right.double }
        return self == other
    }

    /// A number or null.
    init(_ number: Int?) { self = number.map { .number(JSONNumber($0)) } ?? .null }

    /// A number or null.
    init(_ number: Double?) { self = number.map { .number(JSONNumber($0)) } ?? .null }

    /// A list of numbers.
    init(_ numbers: [Int]) { self = .array(numbers.map { .number(JSONNumber($0)) }) }

    /// One number if all are equal, else the list.
    init(collapsing numbers: [Int]) {
        if let first = numbers.first, numbers.allSatisfy({ $0 == first }) { self.init(first) } else { self.init(numbers) }
    }
}
