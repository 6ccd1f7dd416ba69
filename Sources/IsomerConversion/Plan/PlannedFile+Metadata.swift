import IsomerFormats
import IsomerTensors

extension PlannedFile {
    /// Puts text beside the tensors, where the container has a place for it: a safetensors header, a GGUF file's keys, or the dictionary that a checkpoint keeps
    /// its state dictionary in. Whole numbers, such as `global_step`, are numbers in the latter.
    mutating func hold(_ text: FileMetadata) {
        switch container {
        case .safetensors: metadata = text
        case .gguf(let keyValues):
            metadata = [:]
            let taken = Set(keyValues.map(\.key))
            container = .gguf(
                keyValues + text.filter { $0.key != "format" && !taken.contains($0.key) }.map { GGUFKeyValue($0.key, .string($0.value)) })
        case .torch(.stateDict, _): metadata = [:]
        case .torch(.nested(let key, let entries), let isLegacy):
            metadata = [:]
            let taken = Set(entries.map(\.key))
            let added = text.filter { $0.key != "format" && $0.key != key && !taken.contains($0.key) }.map { entry in
                TorchRoot.Entry(
                    entry.key, Int(entry.value).flatMap { String($0) == entry.value ? .integer($0) : nil } ?? .string(entry.value))
            }
            container = .torch(.nested(key: key, entries: entries + added), legacy: isLegacy)
        }
    }
}
