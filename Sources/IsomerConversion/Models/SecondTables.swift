import IsomerArchitectures
import IsomerBytes
import IsomerMapping
import IsomerTensors

/// Tables of which a layout has two, with other rows that count in each: `SecondTable`.
extension TensorExpression {
    /// The canonical tensor of two tables.
    static func completed(
        _ first: TensorExpression, by second: TensorExpression, _ table: SecondTable
    ) throws(IsomerError) -> TensorExpression {
        try joined([first.rows(before: table.firstRow), second.rows(from: table.firstRow)], shape: first.shape) { _ in .max }
    }

    private func rows(before row: Int) throws(IsomerError) -> TensorExpression { try rows(0..<min(row, rowCount)) }

    private func rows(from row: Int) throws(IsomerError) -> TensorExpression { try rows(min(row, rowCount)..<rowCount) }

    private var rowCount: Int { shape.dimensions.first ?? 0 }

    private func rows(_ range: Range<Int>) throws(IsomerError) -> TensorExpression {
        let width = shape.elementCount / max(1, rowCount)
        return try elements(
            range.lowerBound * width..<range.upperBound * width, shape: try Shape([range.count] + shape.dimensions.dropFirst()))
    }

    /// The two tables of a canonical tensor. Rows that do not count come from the tables that an earlier conversion kept, or are those of the
    /// other table.
    func parted(
        _ table: SecondTable, kept: (first: TensorExpression, second: TensorExpression)?
    ) throws(IsomerError) -> (first: TensorExpression, second: TensorExpression) {
        guard let kept, kept.first.shape == shape, kept.second.shape == shape, kept.first.scalarType == scalarType,
            kept.second.scalarType == scalarType
        else { return (self, self) }
        return (
            try .joined([rows(before: table.firstRow), kept.first.rows(from: table.firstRow)], shape: shape) { _ in .max },
            try .joined([kept.second.rows(before: table.firstRow), rows(from: table.firstRow)], shape: shape) { _ in .max }
        )
    }
}

extension Model {
    /// The two tables as a file beside the model keeps them.
    func kept(_ table: SecondTable, _ placement: Placement) -> (first: TensorExpression, second: TensorExpression)? {
        func found(_ name: String) -> TensorExpression? {
            let name = placement.name(of: name)
            guard let entry = beside.first(where: { $0.tensor.source == extrasSource && $0.name == name }) else { return nil }
            return TensorExpression(entry.tensor, sources[entry.tensor.source].tensors.tensors[entry.tensor.index])
        }
        guard let first = found(table.first), let second = found(table.second) else { return nil }
        return (first, second)
    }

    /// Adds both tables of each pair to what stands beside the model: rows of both are not part of it.
    mutating func setBeside(_ pairs: [ComponentReading.Pair], _ inventory: TensorInventory) {
        for pair in pairs {
            for (index, rows) in [(pair.first, "before"), (pair.second, "from")] {
                var entry = Beside(
                    TensorReference(source: 0, index: index), name: inventory.tensors[index].name,
                    because: "of two tables; of this one the rows \(rows) row \(pair.table.firstRow) count")
                entry.isPartlyUsed = true
                beside.append(entry)
            }
        }
    }
}
