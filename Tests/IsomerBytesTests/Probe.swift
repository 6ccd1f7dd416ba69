import IsomerBytes
import Testing

/// `writer-probe` running in a process of its own.
typealias Probe = RunningProgram

extension RunningProgram {
    /// Starts it. After `--hold` it prints a piece and waits for the moment before the commit.
    convenience init(_ arguments: [String]) throws { try self.init("writer-probe", arguments) }

    /// Runs it to its end.
    static func run(_ arguments: [String]) throws -> (ending: Ending, output: String) {
        let probe = try Probe(arguments)
        let text = try probe.readAll()
        return (probe.wait(), text)
    }

    /// The bytes that the probe writes for a seed.
    static func content(_ seed: Int, _ count: Int) -> [UInt8] {
        let piece = 16 << 10
        return stride(from: 0, to: count, by: piece).enumerated().reduce(into: []) { content, item in
            let byte = UInt8(truncatingIfNeeded: seed &* 31 &+ item.offset)
            content.append(contentsOf: [UInt8](repeating: byte, count: min(piece, count - item.element)))
        }
    }
}
