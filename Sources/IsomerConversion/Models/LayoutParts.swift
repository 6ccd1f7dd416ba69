import IsomerArchitectures
import IsomerBytes
import IsomerMapping
import IsomerTensors

/// Networks that are published in several files, such as TAESD's encoder and decoder. The files lie beside each other, and one word of their
/// names tells them apart: `taesd_encoder.pth`, `taesd_decoder.pth`.
enum LayoutParts {
    /// `path` with `other` for the word `word` of its name; `nil` if the name has no such word.
    static func neighbour(of path: FilePath, _ word: String, _ other: String) -> FilePath? {
        guard let name = path.lastComponent else { return nil }
        let separators: Set<Character> = ["_", "-", ".", " "]
        var words: [String] = [""]
        for character in name.string {
            if separators.contains(character) {
                words += [String(character), ""]
            } else {
                words[words.count - 1].append(character)
            }
        }
        guard let place = words.lastIndex(of: word) else { return nil }
        words[place] = other
        guard let renamed = FilePath.Component(words.joined()) else { return nil }
        return path.removingLastComponent().appending(renamed)
    }

    /// The part of `layout` that a file at `destination` is to be, by its name.
    static func part(of layout: Layout, namedBy destination: FilePath?) -> LayoutPart? {
        guard let destination else { return nil }
        return layout.parts.first { neighbour(of: destination, $0.word, $0.word) != nil }
    }
}

extension ConversionPlan.Source {
    /// Makes one source of all files in which a network is published, if this one, at `path`, is one of them. Returns what was decided.
    ///
    /// Throws `mismatch` if another is not there or is something else.
    mutating func joinParts(at path: FilePath, _ limits: Limits) throws(IsomerError) -> Decision? {
        guard let (layout, own) = Layouts.part(in: TensorInventory(tensors.tensors)) else { return nil }
        var sources: [ConversionPlan.Source] = []
        var found: [String] = []
        for part in layout.parts {
            if part.word == own.word {
                sources.append(self)
                continue
            }
            let neighbour = LayoutParts.neighbour(of: path, own.word, part.word)
            guard let neighbour, try FileSystem.kind(of: neighbour) == .file else {
                throw IsomerError(
                    .mismatch, "this is only the \(own.word) of a \(layout.network.title), and its \(part.word) does not lie beside it",
                    path: path, expected: neighbour.flatMap { $0.lastComponent?.string },
                    remedy: "put both into one folder, under names that differ in the words \(own.word) and \(part.word) alone")
            }
            let other = try ConversionPlan.Source(neighbour.lastComponent?.string ?? neighbour.string, opening: neighbour, limits: limits)
            guard TensorInventory(other.tensors.tensors).matches(part.signature) else {
                throw IsomerError(
                    .mismatch, "this is not the \(part.word) that belongs to \(path.lastComponent?.string ?? path.string)", path: neighbour)
            }
            sources.append(other)
            found.append(neighbour.lastComponent?.string ?? neighbour.string)
        }
        var planned: [PlannedTensor] = []
        for (number, (part, source)) in zip(layout.parts, sources).enumerated() {
            for (index, tensor) in source.tensors.tensors.enumerated() {
                let named = try TensorDescriptor(name: part.prefix + tensor.name, scalarType: tensor.scalarType, shape: tensor.shape)
                planned.append(PlannedTensor(named, from: TensorReference(source: number, index: index), of: tensor.scalarType))
            }
        }
        let plan = ConversionPlan(
            sources: sources, shape: .file,
            files: [PlannedFile(container: .safetensors, tensors: planned, metadata: tensors.metadata)])
        try plan.check()
        tensors = try PlannedTensorSource(plan)
        files = sources.flatMap(\.files)
        return Decision("other parts", found.joined(separator: ", "), because: "the file holds only the \(own.word)")
    }
}

extension ConversionPlan {
    /// Makes of the planned file one for each part of `layout`, if its name says that it is one of them.
    mutating func divide(by layout: Layout, _ destination: FilePath?) throws(IsomerError) {
        guard let destination, let own = LayoutParts.part(of: layout, namedBy: destination), let whole = files.first else { return }
        var divided: [PlannedFile] = []
        for part in layout.parts {
            var file = whole
            file.tensors = []
            for tensor in whole.tensors {
                guard let name = tensor.descriptor.name.removing(prefix: part.prefix) else { continue }
                var tensor = tensor
                tensor.descriptor = try TensorDescriptor(
                    name: name, scalarType: tensor.descriptor.scalarType, shape: tensor.descriptor.shape)
                file.tensors.append(tensor)
            }
            if part.word == own.word {
                divided.insert(file, at: 0)
            } else if let name = LayoutParts.neighbour(of: destination, own.word, part.word)?.lastComponent {
                file.path = FilePath(name.string)
                divided.append(file)
                notes.append("the \(part.word) is written beside it as \(name.string)")
            }
        }
        // What belongs to none of the parts, such as the scale by which ComfyUI uses them, goes with the one that was named.
        divided[0].tensors += whole.tensors.filter { tensor in
            !layout.parts.contains { tensor.descriptor.name.removing(prefix: $0.prefix) != nil }
        }
        files.replaceSubrange(0..<1, with: divided)
    }
}

extension String {
    /// What follows `prefix`, byte for byte; `nil` if the text begins otherwise.
    fileprivate func removing(prefix: String) -> String? {
        utf8.starts(with: prefix.utf8) ? String(utf8.dropFirst(prefix.utf8.count)) : nil
    }
}
