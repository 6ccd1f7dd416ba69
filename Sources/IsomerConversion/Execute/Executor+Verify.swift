import IsomerBytes
import IsomerTensors

extension Executor {
    /// Reads the output back and compares it with the plan, and, if that is wanted, with the sources.
    ///
    /// The bytes are read through the system's cache: this proves the program, not the disk.
    func verify(
        _ plan: ConversionPlan, _ files: [WritableFile], _ progress: @Sendable (ConversionProgress) -> Void
    ) throws(IsomerError) {
        for (index, file) in files.enumerated() where index < plan.files.count {
            do throws(IsomerError) {
                let reader = try plan.files[index].container.open(ReadableFile(file.stagingPath), limits: limits)
                let order = try compareHeaders(reader, plan.files[index])
                if verification == .full { try compareBytes(reader, order, plan, index, progress) }
            } catch {
                // The file is known to the user by the name that it does not have yet.
                var error = error
                if error.location.path == file.stagingPath { error.location.path = nil }
                throw error.inFile(file.path)
            }
        }
    }

    /// Compares what a file says about itself. Returns where each planned tensor stands in it.
    private func compareHeaders(_ reader: any TensorSource, _ planned: PlannedFile) throws(IsomerError) -> [Int] {
        let positions = TensorPositions(reader.tensors)
        guard reader.tensors.count == planned.tensors.count else {
            throw IsomerError(
                .mismatch, "the output read back has another number of tensors", path: planned.path,
                expected: "\(planned.tensors.count)", found: "\(reader.tensors.count)")
        }
        var order: [Int] = []
        order.reserveCapacity(planned.tensors.count)
        for tensor in planned.tensors {
            let expected = tensor.descriptor
            guard let index = positions[expected.name] else {
                throw IsomerError(.mismatch, "the output read back lacks this tensor", path: planned.path, item: expected.name)
            }
            let found = reader.tensors[index]
            guard found.scalarType == expected.scalarType, found.shape == expected.shape else {
                throw IsomerError(
                    .mismatch, "the output read back has another type or shape", path: planned.path, item: expected.name,
                    expected: "\(expected.scalarType.rawValue) \(expected.shape)", found: "\(found.scalarType.rawValue) \(found.shape)")
            }
            order.append(index)
        }
        if case .safetensors = planned.container {
            guard Set(reader.metadata.map { [$0.key, $0.value] }) == Set(planned.metadata.map { [$0.key, $0.value] }) else {
                throw IsomerError(.mismatch, "the output read back has other metadata", path: planned.path)
            }
        }
        return order
    }

    private func compareBytes(
        _ reader: any TensorSource, _ order: [Int], _ plan: ConversionPlan, _ fileIndex: Int,
        _ progress: @Sendable (ConversionProgress) -> Void
    ) throws(IsomerError) {
        let file = plan.files[fileIndex]
        let portions = file.tensors.indices.flatMap { tensor in
            plan.placedPieces(ofTensor: tensor, inFile: fileIndex).flatMap { plan.portions(of: $0, chunkBytes: chunkBytes) }
        }
        let total = file.tensorBytes
        let done = Counter()
        let makers = (0..<workers.count).map { _ in PortionMaker(plan, chunkBytes: chunkBytes) }
        try workers.run(portions.count) { (item, worker) throws(IsomerError) in
            let portion = portions[item]
            let expected = try makers[worker].make(portion)
            let found = UnsafeMutableRawBufferPointer(rebasing: makers[worker].comparison[..<portion.byteCount])
            try reader.read(order[portion.tensor], at: portion.targetOffset, into: found)
            if let difference = firstDifference(expected, UnsafeRawBufferPointer(found)) {
                throw IsomerError(
                    .mismatch, "the output read back differs from its source", item: file.tensors[portion.tensor].descriptor.name,
                    expected: "\(expected[difference]) at byte \(portion.targetOffset + difference) of the tensor",
                    found: "\(found[difference])", remedy: "run again; if it comes again, the memory or the disk is bad")
            }
            progress(ConversionProgress(phase: .verifying, done: done.add(UInt64(portion.byteCount)), total: total))
        }
    }
}
