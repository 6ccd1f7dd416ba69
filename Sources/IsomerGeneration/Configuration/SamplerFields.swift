internal import IsomerBytes

/// The fields of a `scheduler_config.json`, each checked for what a sampler can do with.
struct SamplerFields {
    let cursor: JSONCursor

    init(_ cursor: JSONCursor) { self.cursor = cursor }

    func bool(_ key: String) throws(IsomerError) -> Bool? { try cursor.optional(key)?.bool() }

    func integer(_ key: String, _ range: ClosedRange<Int>) throws(IsomerError) -> Int? { try cursor.optional(key)?.integer(in: range) }

    func number(_ key: String, _ range: ClosedRange<Double>) throws(IsomerError) -> Double? {
        guard let field = try cursor.optional(key) else { return nil }
        return try checked(field, range)
    }

    func numbers(_ key: String, _ range: ClosedRange<Double>, count: ClosedRange<Int>) throws(IsomerError) -> [Double]? {
        guard let field = try cursor.optional(key) else { return nil }
        let elements = try field.elements()
        guard count ~= elements.count else {
            throw field.failure(
                "the list is too short or too long", expected: "\(count.lowerBound) to \(count.upperBound)", found: "\(elements.count)")
        }
        var numbers: [Double] = []
        for element in elements { numbers.append(try checked(element, range)) }
        return numbers
    }

    func integers(_ key: String, _ range: ClosedRange<Int>) throws(IsomerError) -> [Int]? {
        guard let field = try cursor.optional(key) else { return nil }
        var integers: [Int] = []
        for element in try field.elements() { integers.append(try element.integer(in: range)) }
        return integers
    }

    /// A word out of those of an enumeration, and some more.
    func word<Value: RawRepresentable<String> & CaseIterable>(
        _ key: String, _ more: KeyValuePairs<String, Value> = [:]
    ) throws(IsomerError) -> Value? {
        try word(key, Value.allCases.map { ($0.rawValue, $0) } + more.map { ($0.key, $0.value) })
    }

    /// A word out of a list, and what it means.
    func word<Value>(_ key: String, _ words: KeyValuePairs<String, Value>) throws(IsomerError) -> Value? {
        try word(key, words.map { ($0.key, $0.value) })
    }

    private func word<Value>(_ key: String, _ words: [(String, Value)]) throws(IsomerError) -> Value? {
        guard let field = try cursor.optional(key) else { return nil }
        let text = try field.string()
        guard let found = words.first(where: { $0.0 == text }) else {
            throw IsomerError(
                .unsupported, "the setting of the sampler is not known", path: cursor.path, item: field.keyPath,
                expected: words.map(\.0).joined(separator: ", "), found: text)
        }
        return found.1
    }

    private func checked(_ field: JSONCursor, _ range: ClosedRange<Double>) throws(IsomerError) -> Double {
        let number = try field.double()
        guard range ~= number else {
            throw field.failure("the number is out of range", expected: "\(range.lowerBound) to \(range.upperBound)", found: "\(number)")
        }
        return number
    }

    /// A setting for models of pixels that say, beside the image, how sure they are of it.
    func refuseLearnedVariance() throws(IsomerError) {
        if case .string(let variance)? = cursor.value["variance_type"], variance.hasPrefix("learned") {
            throw IsomerError(
                .unsupported, "a learned variance is for models of pixels, which are not sampled", path: cursor.path, item: "variance_type",
                found: variance)
        }
    }
}
