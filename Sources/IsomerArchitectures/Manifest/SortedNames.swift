import IsomerBytes
import IsomerTensors
import Synchronization

/// Names in the order of their bytes, so that everything below a path is found by bisection. Sorted when first asked for: most files are
/// recognised, or not, by a few names.
final class SortedNames: Sendable {
    private let tensors: [TensorDescriptor]
    private let sorted = Mutex<[ExactString]?>(nil)

    init(_ tensors: [TensorDescriptor]) {
        self.tensors = tensors
    }

    /// Whether a name goes on below `path`.
    func hasName(under path: String) -> Bool {
        let prefix = ExactString(path + ".")
        return sorted.withLock { stored in
            let names = stored ?? tensors.map { ExactString($0.name) }.sorted()
            stored = names
            var low = 0
            var high = names.count
            while low < high {
                let middle = (low + high) / 2
                if names[middle] < prefix { low = middle + 1 } else { high = middle }
            }
            return low < names.count && names[low].string.utf8.starts(with: prefix.string.utf8)
        }
    }
}
