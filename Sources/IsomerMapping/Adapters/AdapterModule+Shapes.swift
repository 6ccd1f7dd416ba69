public import IsomerArchitectures
public import IsomerBytes
import IsomerTensors

extension AdapterModule {
    /// The rank: how many numbers the factors meet in. `nil` for kinds without one.
    public func rank(in inventory: TensorInventory) -> Int? {
        switch kind {
        case .lora, .tucker: extent(.down, 0, inventory)
        case .loha: extent(.hadamard1B, 0, inventory)
        // Whichever of the two is written as a product; the second counts where both are.
        case .lokr: extent(.kronecker2B, 0, inventory) ?? extent(.kronecker1B, 0, inventory)
        case .glora: extent(.gloraA2, 0, inventory)
        case .oft: extent(.orthogonalBlocks, 0, inventory) ?? extent(.orthogonalDiagonal, 0, inventory)
        case .full, .norm, .ia3, .replacement, nil: nil
        }
    }

    private func extent(_ role: AdapterRole, _ axis: Int, _ inventory: TensorInventory) -> Int? {
        guard let index = tensors[role] else { return nil }
        let dimensions = inventory.tensors[index].shape.dimensions
        return dimensions.indices.contains(axis) ? dimensions[axis] : nil
    }

    /// Rows and the product of the other extents.
    private func matrix(_ role: AdapterRole, _ inventory: TensorInventory) -> (rows: Int, columns: Int)? {
        guard let index = tensors[role] else { return nil }
        let shape = inventory.tensors[index].shape
        guard let rows = shape.dimensions.first, shape.rank >= 1, rows > 0 else { return nil }
        return (rows, shape.elementCount / rows)
    }

    /// What keeps the module from being added to the weight of its target; `nil` if it fits.
    public func misfit(in inventory: TensorInventory) -> IsomerError? {
        guard let target else {
            return IsomerError(.mismatch, "nothing in the model is called so", item: stem)
        }
        guard let kind else {
            return IsomerError(
                .malformed, "the module lacks a part", item: stem,
                found: tensors.keys.map(\.rawValue).sorted().joined(separator: ", "))
        }
        let rows = target.rows.reduce(0) { $0.addingReportingOverflow($1).overflow ? .max : $0 + $1 }
        switch kind {
        case .lora: return misfitOfProduct(rows: rows, columns: target.columns, inventory)
        case .tucker:
            guard let down = matrix(.down, inventory), let up = matrix(.up, inventory), let index = tensors[.middle],
                let kernel = matrix(.middle, inventory)
            else { return nil }
            let inputs = target.shapes.first.map { $0.rank > 1 ? $0.dimensions[1] : 1 } ?? 1
            let middle = inventory.tensors[index].shape.dimensions
            guard middle.count >= 2, middle[0] == up.columns, middle[1] == down.rows else { return disagreeing(up.columns, middle) }
            let isFitting =
                up.rows == rows && down.columns == inputs && kernel.columns / max(1, middle[1]) == target.columns / max(1, inputs)
            return isFitting ? nil : otherShape(up.rows, kernel.columns / max(1, middle[1]) * down.columns, rows, target.columns)
        case .loha:
            guard let a = matrix(.hadamard1A, inventory), let b = matrix(.hadamard1B, inventory), let c = matrix(.hadamard2A, inventory),
                let d = matrix(.hadamard2B, inventory)
            else { return nil }
            if tensors[.hadamard1Kernel] != nil || tensors[.hadamard2Kernel] != nil {
                guard let first = kernelColumns(.hadamard1Kernel, .hadamard1A, .hadamard1B, inventory),
                    let second = kernelColumns(.hadamard2Kernel, .hadamard2A, .hadamard2B, inventory)
                else { return IsomerError(.malformed, "the factors and kernels of the module do not fit each other", item: stem) }
                let isFitting = a.columns == rows && c.columns == rows && first == target.columns && second == target.columns
                return isFitting ? nil : otherShape(a.columns, first, rows, target.columns)
            }
            guard a.columns == b.rows, c.columns == d.rows else { return disagreeing(a.columns, [b.rows]) }
            let isFitting = a.rows == rows && c.rows == rows && b.columns == target.columns && d.columns == target.columns
            return isFitting ? nil : otherShape(a.rows, b.columns, rows, target.columns)
        case .lokr:
            guard let (first, second) = kroneckerExtents(inventory) else {
                return IsomerError(.malformed, "the factors of the Kronecker product do not fit each other", item: stem)
            }
            let (madeRows, o1) = first.rows.multipliedReportingOverflow(by: second.rows)
            let (madeColumns, o2) = first.columns.multipliedReportingOverflow(by: second.columns)
            return !o1 && !o2 && madeRows == rows && madeColumns == target.columns
                ? nil : otherShape(madeRows, madeColumns, rows, target.columns)
        case .full, .norm, .replacement:
            for (role, count) in [
                (AdapterRole.difference, rows * target.columns), (.normDifference, rows * target.columns),
                (.replacement, rows * target.columns),
                (.biasDifference, rows), (.normBiasDifference, rows),
            ] {
                guard let index = tensors[role] else { continue }
                let shape = inventory.tensors[index].shape
                guard shape.elementCount == count else { return otherShape(shape.dimensions.first ?? 0, 0, rows, target.columns) }
            }
            return nil
        case .ia3, .oft, .glora: return nil
        }
    }

    private func misfitOfProduct(rows: Int, columns: Int, _ inventory: TensorInventory) -> IsomerError? {
        guard let down = matrix(.down, inventory), let up = matrix(.up, inventory) else {
            return IsomerError(.malformed, "a factor has no extents", item: stem)
        }
        guard up.columns == down.rows else { return disagreeing(up.columns, [down.rows]) }
        guard up.rows == rows, down.columns == columns else { return otherShape(up.rows, down.columns, rows, columns) }
        if let index = tensors[.magnitude] {
            let count = inventory.tensors[index].shape.elementCount
            guard count == rows || count == columns else {
                return IsomerError(
                    .mismatch, "DoRA's lengths are neither one for each row nor one for each column", item: stem,
                    expected: "\(rows) or \(columns)", found: "\(count)")
            }
        }
        return nil
    }

    /// Rows and columns of the two factors of a Kronecker product.
    func kroneckerExtents(_ inventory: TensorInventory) -> ((rows: Int, columns: Int), (rows: Int, columns: Int))? {
        func extents(_ whole: AdapterRole, _ a: AdapterRole, _ b: AdapterRole, _ kernel: AdapterRole?) -> (Int, Int)? {
            if let found = matrix(whole, inventory) { return found }
            guard let left = matrix(a, inventory), let right = matrix(b, inventory) else { return nil }
            if let kernel, tensors[kernel] != nil {
                return kernelColumns(kernel, a, b, inventory).map { (left.columns, $0) }
            }
            return left.columns == right.rows ? (left.rows, right.columns) : nil
        }
        guard let first = extents(.kronecker1, .kronecker1A, .kronecker1B, nil),
            let second = extents(.kronecker2, .kronecker2A, .kronecker2B, .kronecker2Kernel)
        else { return nil }
        return (first, second)
    }

    /// Columns of `Σ kernel[i][j][taps] · a[i][output] · b[j][input]`; `nil` if the three do not fit each other.
    private func kernelColumns(_ kernel: AdapterRole, _ a: AdapterRole, _ b: AdapterRole, _ inventory: TensorInventory) -> Int? {
        guard let index = tensors[kernel], let left = matrix(a, inventory), let right = matrix(b, inventory) else { return nil }
        let dimensions = inventory.tensors[index].shape.dimensions
        guard dimensions.count >= 2, dimensions[0] == left.rows, dimensions[1] == right.rows, right.rows > 0, left.rows > 0 else {
            return nil
        }
        let taps = inventory.tensors[index].shape.elementCount / left.rows / right.rows
        let (columns, overflow) = right.columns.multipliedReportingOverflow(by: taps)
        return overflow ? nil : columns
    }

    private func disagreeing(_ up: Int, _ down: [Int]) -> IsomerError {
        IsomerError(
            .malformed, "the factors are of different ranks", item: stem, expected: "rank \(up), as the second has it",
            found: "\(down.first ?? 0)", remedy: "get the adapter again")
    }

    private func otherShape(_ rows: Int, _ columns: Int, _ wantedRows: Int, _ wantedColumns: Int) -> IsomerError {
        IsomerError(
            .mismatch, "the adapter is for another base: this module has another shape", item: stem,
            expected: "\(wantedRows) × \(wantedColumns)", found: columns > 0 ? "\(rows) × \(columns)" : "\(rows) rows")
    }
}
