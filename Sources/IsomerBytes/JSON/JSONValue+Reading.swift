extension JSONValue {
    /// Reads a whole text. Keys are unique at every level, after unescaping.
    ///
    /// - Parameters:
    ///   - bytes: the text, UTF-8 without byte order mark.
    ///   - base: where the text starts in its file, for errors.
    ///   - limits: `jsonBytes`, `jsonDepth` and `jsonValues` are enforced.
    /// - Throws: `malformed` with the offset of the first offending byte, `limitExceeded`.
    public init(parsing bytes: [UInt8], base: UInt64 = 0, dialect: JSONDialect = .strict, limits: Limits = Limits()) throws(IsomerError) {
        guard UInt64(bytes.count) <= limits.jsonBytes else {
            throw IsomerError(
                .limitExceeded, "the JSON text is too long", expected: "at most \(limits.jsonBytes) bytes", found: "\(bytes.count) bytes")
        }
        var limits = limits
        limits.jsonDepth = min(limits.jsonDepth, JSONValue.greatestDepth)
        var builder = JSONTreeBuilder(scanner: JSONScanner(bytes, base: base, dialect: dialect, limits: limits), limits: limits)
        self = try builder.build()
    }

    /// Reads a whole file.
    public init(
        contentsOf path: FilePath, dialect: JSONDialect = .strict, limits: Limits = Limits()
    ) throws(IsomerError) {
        let file = try ReadableFile(path)
        let bytes = try file.contents(limit: limits.jsonBytes)
        do throws(IsomerError) {
            try self.init(parsing: bytes, dialect: dialect, limits: limits)
        } catch {
            throw error.inFile(path)
        }
    }
}

/// Puts tokens together with an explicit stack.
private struct JSONTreeBuilder {
    /// A container whose end has not come yet.
    private struct Open {
        var elements: [JSONValue] = []
        var object: JSONObject?
        /// The member that waits for its value.
        var key = ""
        var keyOffset: UInt64 = 0
    }

    var scanner: JSONScanner
    let limits: Limits

    mutating func build() throws(IsomerError) -> JSONValue {
        var stack: [Open] = []
        var count = 0
        while true {
            let value: JSONValue
            switch try scanner.next() {
            case .beginObject:
                stack.append(Open(object: JSONObject()))
                continue
            case .beginArray:
                stack.append(Open())
                continue
            case .key:
                stack[stack.count - 1].key = scanner.tokenText
                stack[stack.count - 1].keyOffset = scanner.tokenOffset
                continue
            case .endObject, .endArray:
                let closed = stack.removeLast()
                value = closed.object.map(JSONValue.object) ?? .array(closed.elements)
            case .string: value = .string(scanner.tokenText)
            case .number: value = .number(JSONNumber(checked: scanner.tokenText))
            case .bool(let truth): value = .bool(truth)
            case .null: value = .null
            // The grammar wants a value first, and the loop ends with the outermost one.
            case .end: throw scanner.unexpected()
            }
            count += 1
            guard count <= limits.jsonValues else {
                throw IsomerError(
                    .limitExceeded, "the JSON text has too many values", byteOffset: scanner.tokenOffset,
                    expected: "at most \(limits.jsonValues)")
            }
            guard !stack.isEmpty else {
                // Whatever follows the outermost value is an error.
                _ = try scanner.next()
                return value
            }
            try add(value, to: &stack[stack.count - 1])
        }
    }

    private func add(_ value: JSONValue, to container: inout Open) throws(IsomerError) {
        guard container.object != nil else {
            container.elements.append(value)
            return
        }
        guard container.object?.insertNew(container.key, value) == true else {
            throw IsomerError(.malformed, "a key comes twice in one JSON object", item: container.key, byteOffset: container.keyOffset)
        }
    }
}
