/// A JSON value together with the way to it, so that errors say which field is wrong.
///
///     let config = JSONCursor(try JSONValue(contentsOf: path, dialect: .python), path: path)
///     let width = try config.required("block_out_channels").elements()[0].integer(in: 1...65_536)
///     let bias = try config.optional("use_bias")?.bool() ?? true
public struct JSONCursor: Sendable {
    /// The value.
    public let value: JSONValue
    /// The keys and indices that lead to it: `vision_config.block_out_channels[2]`; empty for the whole text.
    public let keyPath: String
    /// The file it came from.
    public let path: FilePath?

    public init(_ value: JSONValue, path: FilePath? = nil) {
        self.init(value, keyPath: "", path: path)
    }

    private init(_ value: JSONValue, keyPath: String, path: FilePath?) {
        self.value = value
        self.keyPath = keyPath
        self.path = path
    }

    /// An error about this value.
    public func failure(_ what: String, expected: String? = nil, found: String? = nil, remedy: String? = nil) -> IsomerError {
        IsomerError(
            .malformed, what, path: path, item: keyPath.isEmpty ? nil : keyPath, expected: expected, found: found, remedy: remedy)
    }
}

extension JSONCursor {
    /// The member `key`, which must be there; it may be null.
    public func required(_ key: String) throws(IsomerError) -> JSONCursor {
        guard let member = try object()[key] else { throw child(.null, key).failure("a required field is missing") }
        return child(member, key)
    }

    /// The member `key`; `nil` if it is absent or null.
    public func optional(_ key: String) throws(IsomerError) -> JSONCursor? {
        switch try object()[key] {
        case nil, .null?: nil
        case let member?: child(member, key)
        }
    }

    /// The members in order.
    public func members() throws(IsomerError) -> [(key: String, cursor: JSONCursor)] {
        try object().map { ($0.key, child($0.value, $0.key)) }
    }

    /// The elements of an array.
    public func elements() throws(IsomerError) -> [JSONCursor] {
        guard case .array(let elements) = value else { throw wrongKind("an array") }
        return elements.enumerated().map { JSONCursor($1, keyPath: "\(keyPath)[\($0)]", path: path) }
    }

    /// The members of an object.
    public func object() throws(IsomerError) -> JSONObject {
        guard case .object(let object) = value else { throw wrongKind("an object") }
        return object
    }

    /// A text.
    public func string() throws(IsomerError) -> String {
        guard case .string(let string) = value else { throw wrongKind("a string") }
        return string
    }

    /// True or false.
    public func bool() throws(IsomerError) -> Bool {
        guard case .bool(let truth) = value else { throw wrongKind("true or false") }
        return truth
    }

    /// An integer, written as one, in `range`.
    public func integer(in range: ClosedRange<Int> = .min ... .max) throws(IsomerError) -> Int {
        guard case .number(let number) = value else { throw wrongKind("an integer") }
        guard let integer = number.integer(as: Int.self) else {
            throw failure("the field has the wrong type", expected: "an integer", found: number.text)
        }
        guard range ~= integer else {
            throw failure("the number is out of range", expected: "\(range.lowerBound) to \(range.upperBound)", found: number.text)
        }
        return integer
    }

    /// A finite number.
    public func double() throws(IsomerError) -> Double {
        guard case .number(let number) = value else { throw wrongKind("a number") }
        let double = number.double
        guard double.isFinite else { throw failure("the number is not finite", found: number.text) }
        return double
    }

    /// Whether the value is null.
    public var isNull: Bool { value == .null }

    private func child(_ value: JSONValue, _ key: String) -> JSONCursor {
        JSONCursor(value, keyPath: keyPath.isEmpty ? key : keyPath + "." + key, path: path)
    }

    private func wrongKind(_ expected: String) -> IsomerError {
        failure("the field has the wrong type", expected: expected, found: value.kind)
    }
}
