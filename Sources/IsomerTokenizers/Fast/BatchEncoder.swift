public import IsomerBytes

/// Encodes many texts on several threads.
public struct BatchEncoder: Sendable {
    /// The tokenizer whose ids these are.
    public let tokenizer: Tokenizer
    /// How many threads.
    public let workers: Workers

    public init(_ tokenizer: Tokenizer, workers: Workers = Workers()) {
        self.tokenizer = tokenizer
        self.workers = workers
    }

    /// Gives every item, by its number, an encoder of the thread that does it.
    ///
    /// `body` runs on several threads at once; items begin in order.
    public func run(_ items: Int, _ body: @Sendable (_ item: Int, _ encoder: IDEncoder) throws(IsomerError) -> Void) throws(IsomerError) {
        let encoders = Encoders(tokenizer, count: workers.count)
        try workers.run(items) { item, worker throws(IsomerError) in try body(item, encoders.all[worker]) }
    }

    /// One encoder for each worker.
    private final class Encoders: @unchecked Sendable {
        // SAFETY: `Workers` gives each number to one thread at a time, and nothing else reaches in.
        let all: [IDEncoder]

        init(_ tokenizer: Tokenizer, count: Int) { all = (0..<count).map { _ in IDEncoder(tokenizer) } }
    }
}
