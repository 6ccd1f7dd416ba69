import IsomerArchitectures
import IsomerBytes
import Synchronization

/// Factors of the adapters that are in work. Rows of a tensor are made one after another, so that a few suffice whatever the adapters' size.
final class AdapterWeightCache: Sendable {
    private struct Key: Hashable {
        var tensor: Int
        var update: Int
    }

    private struct Entry {
        var weights: AdapterUpdate.Weights
        var age: Int
    }

    private struct State {
        var entries: [Key: Entry] = [:]
        var bytes = 0
        var clock = 0
    }

    private let state = Mutex(State())

    /// Bytes that stay in memory. All that one tensor needs stays beyond that, while its rows are made: each of them needs all of it.
    private static let mostBytes = 16 << 20

    /// The factors of update number `update` of tensor number `tensor`.
    func weights(tensor: Int, update: Int, _ load: () throws(IsomerError) -> AdapterUpdate.Weights) throws(IsomerError)
        -> AdapterUpdate.Weights
    {
        let key = Key(tensor: tensor, update: update)
        var failure: IsomerError?
        // Loading inside the lock: the other threads want the same factors, and they are read in a moment.
        let found = state.withLock { state -> AdapterUpdate.Weights in
            state.clock += 1
            if let entry = state.entries[key] {
                state.entries[key]?.age = state.clock
                return entry.weights
            }
            do throws(IsomerError) {
                let weights = try load()
                state.entries[key] = Entry(weights: weights, age: state.clock)
                state.bytes += weights.byteCount
                while state.bytes > Self.mostBytes,
                    let oldest = state.entries.filter({ $0.key.tensor != tensor }).min(by: { $0.value.age < $1.value.age })
                {
                    state.entries[oldest.key] = nil
                    state.bytes -= oldest.value.weights.byteCount
                }
                return weights
            } catch {
                failure = error
                return .stored
            }
        }
        if let failure { throw failure }
        return found
    }
}
