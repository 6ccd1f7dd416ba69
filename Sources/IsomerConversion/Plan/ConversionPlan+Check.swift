public import IsomerBytes
import IsomerTensors

extension ConversionPlan {
    /// Proves that the plan can be carried out and loses nothing without saying so.
    ///
    /// Every piece lies inside its source's tensor and has the type that the plan says, the pieces of a tensor make up exactly its elements,
    /// names and paths are unique, a file destination is one file, and every tensor of every source is used or set aside.
    /// Throws `mismatch` naming the tensor. Costs time linear in tensors and pieces.
    public func check() throws(IsomerError) {
        if shape == .file {
            let companions = files.dropFirst()
            guard let first = files.first, first.path.isEmpty, plainFiles.isEmpty, companions.allSatisfy({ $0.path.components.count == 1 })
            else {
                throw IsomerError(
                    .mismatch, "a plan for one file holds others than its companions", expected: "1 file",
                    found: "\(files.count) weight files and \(plainFiles.count) others")
            }
        }
        try checkPaths()
        // How many elements of each source tensor are used; -1 for a tensor that nothing mentions.
        var uses = sources.map { [Int](repeating: -1, count: $0.tensors.tensors.count) }
        for file in files {
            var names: Set<ExactString> = []
            for tensor in file.tensors {
                let name = tensor.descriptor.name
                guard names.insert(ExactString(name)).inserted else {
                    throw IsomerError(.mismatch, "two tensors of one file would have the same name", path: file.path, item: name)
                }
                try check(tensor, uses: &uses)
            }
        }
        for entry in setAside {
            _ = try descriptor(of: entry.tensor, for: entry.name)
            uses[entry.tensor.source][entry.tensor.index] = .max
        }
        for (source, used) in zip(sources, uses) {
            for (tensor, count) in zip(source.tensors.tensors, used) where count < tensor.shape.elementCount {
                throw IsomerError(
                    .mismatch, "the plan neither uses all of this tensor nor says why not", path: FilePath(source.label),
                    item: tensor.name, expected: "\(tensor.shape.elementCount) elements", found: "\(max(0, count))")
            }
        }
    }

    private func checkPaths() throws(IsomerError) {
        var paths: Set<FilePath> = []
        for path in files.map(\.path) + plainFiles.map(\.path) {
            guard shape == .file || (!path.isEmpty && path.isRelative && !path.components.contains { $0.kind != .regular }) else {
                throw IsomerError(.mismatch, "a planned file lies outside its folder", path: path)
            }
            guard paths.insert(path).inserted else { throw IsomerError(.mismatch, "two planned files have the same path", path: path) }
        }
    }

    private func check(_ tensor: PlannedTensor, uses: inout [[Int]]) throws(IsomerError) {
        let target = tensor.descriptor
        do throws(IsomerError) {
            _ = try Cast(from: tensor.sourceType, to: target.scalarType)
        } catch {
            throw error.about(target.name)
        }
        var covered = 0
        for piece in tensor.pieces {
            let (sum, overflow) = covered.addingReportingOverflow(try elementCount(of: piece, in: tensor, uses: &uses))
            guard !overflow else { throw IsomerError(.mismatch, "the pieces are larger than memory can address", item: target.name) }
            covered = sum
        }
        guard covered == target.shape.elementCount else {
            throw IsomerError(
                .mismatch, "the pieces do not make up the tensor", item: target.name,
                expected: "\(target.shape.elementCount) elements for \(target.shape)", found: "\(covered)")
        }
    }

    private func elementCount(of piece: Piece, in tensor: PlannedTensor, uses: inout [[Int]]) throws(IsomerError) -> Int {
        let name = tensor.descriptor.name
        switch piece {
        case .constant(let bytes):
            let group = tensor.descriptor.scalarType.group
            guard bytes.count % group.byteCount == 0 else {
                throw IsomerError(.mismatch, "a constant is not a whole number of elements", item: name)
            }
            return bytes.count / group.byteCount * group.elementCount
        case .tensor(let reference, let part):
            let source = try descriptor(of: reference, for: name)
            guard source.scalarType == tensor.sourceType else {
                throw IsomerError(
                    .mismatch, "the tensors that are to become one have different types", item: name,
                    expected: tensor.sourceType.rawValue, found: "\(source.scalarType.rawValue) in \(source.name)")
            }
            let count = source.shape.elementCount
            let used: Int
            switch part {
            case .whole: used = count
            case .elements(let range):
                let group = source.scalarType.group.elementCount
                guard range.lowerBound >= 0, range.upperBound <= count else {
                    throw IsomerError(
                        .mismatch, "the plan takes elements that the tensor \(source.name) does not have", item: name,
                        expected: "at most \(count)", found: "\(range.upperBound)")
                }
                guard range.lowerBound % group == 0, range.upperBound % group == 0 else {
                    throw IsomerError(
                        .mismatch,
                        "the plan cuts the tensor \(source.name) inside a \(source.scalarType.kind == .block ? "block" : "byte")",
                        item: name)
                }
                used = range.count
            case .transposed(let rows, let columns):
                guard rows >= 0, columns >= 0, rows.multipliedReportingOverflow(by: columns) == (count, false),
                    source.scalarType.isByteAligned || source.scalarType.kind == .block,
                    rows % tensor.descriptor.scalarType.group.elementCount == 0
                else {
                    throw IsomerError(
                        .mismatch, "the tensor \(source.name) cannot be turned as a matrix", item: name,
                        expected: "\(rows) × \(columns) elements of whole bytes", found: "\(source.scalarType.rawValue) \(source.shape)")
                }
                used = count
            }
            guard used % tensor.descriptor.scalarType.group.elementCount == 0 else {
                throw IsomerError(
                    .mismatch, "a part of the tensor is not whole blocks", item: name,
                    expected: "a multiple of \(tensor.descriptor.scalarType.group.elementCount) elements", found: "\(used)")
            }
            let before = uses[reference.source][reference.index]
            uses[reference.source][reference.index] = max(0, before).addingReportingOverflow(used).overflow ? .max : max(0, before) + used
            return used
        }
    }

    private func descriptor(of reference: TensorReference, for name: String) throws(IsomerError) -> TensorDescriptor {
        guard sources.indices.contains(reference.source), sources[reference.source].tensors.tensors.indices.contains(reference.index)
        else { throw IsomerError(.mismatch, "the plan names a source tensor that is not there", item: name) }
        return sources[reference.source].tensors.tensors[reference.index]
    }
}
