/// Which texts count as JSON.
public enum JSONDialect: Hashable, Sendable {
    /// RFC 8259 and nothing else. For headers, indexes, vocabularies.
    case strict
    /// RFC 8259 and the three words that Python's `json` writes for numbers JSON cannot say: `NaN`, `Infinity`, `-Infinity`. They stand
    /// in real configurations (a scheduler's `thresholding` ratio, a `rope` factor), so configurations, and only they, are read this way.
    case python
}
