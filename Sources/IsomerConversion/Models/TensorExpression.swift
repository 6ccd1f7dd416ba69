import IsomerArchitectures
import IsomerBytes
import IsomerMapping
import IsomerTensors

/// A tensor that does not exist yet: pieces of source tensors, one after another, and the shape they are to have.
struct TensorExpression: Hashable, Sendable {
    /// Runs of elements in order. `count` is how many elements the piece has.
    struct Run: Hashable, Sendable {
        var piece: Piece
        var count: Int
    }

    var runs: [Run]
    var scalarType: ScalarType
    var shape: Shape

    /// A whole tensor of a source.
    init(_ reference: TensorReference, _ descriptor: TensorDescriptor) {
        runs = [Run(piece: .tensor(reference, .whole), count: descriptor.shape.elementCount)]
        scalarType = descriptor.scalarType
        shape = descriptor.shape
    }

    /// Elements that no source has.
    init(constant bytes: [UInt8], _ scalarType: ScalarType, _ shape: Shape) {
        runs = [Run(piece: .constant(bytes), count: shape.elementCount)]
        self.scalarType = scalarType
        self.shape = shape
    }

    private init(runs: [Run], scalarType: ScalarType, shape: Shape) {
        self.runs = runs
        self.scalarType = scalarType
        self.shape = shape
    }

    /// The pieces, for a plan.
    var pieces: [Piece] { runs.map(\.piece) }

    /// The same with sources counted from `first`.
    func movedBehind(_ first: Int) -> TensorExpression {
        var moved = self
        for index in runs.indices {
            guard case .tensor(let reference, let part) = runs[index].piece else { continue }
            moved.runs[index].piece = .tensor(TensorReference(source: reference.source + first, index: reference.index), part)
        }
        return moved
    }

    /// The same elements in another shape.
    func reshaped(_ shape: Shape) -> TensorExpression {
        TensorExpression(runs: runs, scalarType: scalarType, shape: shape)
    }
}

extension TensorExpression {
    /// A contiguous run of the elements, row-major.
    func elements(_ range: Range<Int>, shape: Shape) throws(IsomerError) -> TensorExpression {
        var result: [Run] = []
        var start = 0
        for run in runs {
            let overlap = range.clamped(to: start..<start + run.count)
            if !overlap.isEmpty { result.append(try run.elements(overlap.lowerBound - start..<overlap.upperBound - start, scalarType)) }
            start += run.count
        }
        return TensorExpression(runs: result, scalarType: scalarType, shape: shape)
    }

    /// Rows for columns. Only of a tensor that a source has whole.
    func transposed() throws(IsomerError) -> TensorExpression {
        guard shape.rank == 2, runs.count == 1, let run = runs.first, case .tensor(let reference, let part) = run.piece else {
            throw IsomerError(.unsupported, "a tensor made of several cannot be transposed on the way", found: "\(shape)")
        }
        let rows = shape.dimensions[0]
        let columns = shape.dimensions[1]
        let turned: Piece.Part
        switch part {
        case .whole: turned = .transposed(rows: rows, columns: columns)
        case .transposed: turned = .whole
        case .elements: throw IsomerError(.unsupported, "a part of a tensor cannot be transposed on the way", found: "\(shape)")
        }
        return TensorExpression(
            runs: [Run(piece: .tensor(reference, turned), count: run.count)], scalarType: scalarType, shape: try Shape([columns, rows]))
    }

    /// All elements of `parts`, one tensor after another. Runs that continue each other in one source tensor become one again.
    static func joined(_ parts: [TensorExpression], shape: Shape, whole: (TensorReference) -> Int) throws(IsomerError) -> TensorExpression {
        guard let first = parts.first else { throw IsomerError(.mismatch, "nothing to join") }
        if let other = parts.first(where: { $0.scalarType != first.scalarType }) {
            throw IsomerError(
                .mismatch, "the parts of a joined tensor have different types", expected: first.scalarType.rawValue,
                found: other.scalarType.rawValue, remedy: "choose one with --dtype")
        }
        var runs: [Run] = []
        for run in parts.flatMap(\.runs) {
            if let last = runs.last, let merged = last.continued(by: run, whole: whole) {
                runs[runs.count - 1] = merged
            } else {
                runs.append(run)
            }
        }
        return TensorExpression(runs: runs, scalarType: first.scalarType, shape: shape)
    }
}

extension TensorExpression.Run {
    fileprivate func elements(_ range: Range<Int>, _ type: ScalarType) throws(IsomerError) -> Self {
        if range == 0..<count { return self }
        switch piece {
        case .tensor(let reference, .whole): return Self(piece: .tensor(reference, .elements(range)), count: range.count)
        case .tensor(let reference, .elements(let outer)):
            let inner = outer.lowerBound + range.lowerBound..<outer.lowerBound + range.upperBound
            return Self(piece: .tensor(reference, .elements(inner)), count: range.count)
        case .tensor(_, .transposed): throw IsomerError(.unsupported, "a part of a transposed tensor cannot be taken on the way")
        case .constant(let bytes):
            guard type.isByteAligned else { throw IsomerError(.unsupported, "a constant of packed elements cannot be cut") }
            let size = type.bitCount / 8
            return Self(piece: .constant(Array(bytes[range.lowerBound * size..<range.upperBound * size])), count: range.count)
        }
    }

    fileprivate func continued(by next: Self, whole: (TensorReference) -> Int) -> Self? {
        guard case .tensor(let left, .elements(let first)) = piece, case .tensor(let right, .elements(let second)) = next.piece,
            left == right, first.upperBound == second.lowerBound
        else { return nil }
        let range = first.lowerBound..<second.upperBound
        return Self(piece: .tensor(left, range == 0..<whole(left) ? .whole : .elements(range)), count: range.count)
    }
}

extension Transform {
    /// The canonical parts of a tensor in the other layout.
    func canonical(of other: TensorExpression, as item: Expansion.Item) throws(IsomerError) -> [TensorExpression] {
        switch self {
        case .identity, .trailingUnitAxes, .leadingUnitAxis: return item.parts.map { other.reshaped($0.shape) }
        case .transpose: return [try other.reshaped(item.shape).transposed()]
        case .swapHalves: return [try other.withHalvesSwapped()]
        case .concatenate:
            var start = 0
            var parts: [TensorExpression] = []
            for part in item.parts {
                let count = part.shape.elementCount
                parts.append(try other.elements(start..<start + count, shape: part.shape))
                start += count
            }
            return parts
        }
    }

    /// The tensor in the other layout, made of its canonical parts.
    func other(
        of parts: [TensorExpression], as item: Expansion.Item, whole: (TensorReference) -> Int
    ) throws(IsomerError) -> TensorExpression {
        guard let first = parts.first else { throw IsomerError(.mismatch, "nothing to join", item: item.name) }
        switch self {
        case .identity, .trailingUnitAxes, .leadingUnitAxis: return first.reshaped(item.shape)
        case .transpose: return try first.reshaped(item.parts[0].shape).transposed()
        case .swapHalves: return try first.withHalvesSwapped().reshaped(item.shape)
        case .concatenate: return try TensorExpression.joined(parts, shape: item.shape, whole: whole)
        }
    }
}

extension TensorExpression {
    /// The second half of the rows, then the first.
    func withHalvesSwapped() throws(IsomerError) -> TensorExpression {
        let count = shape.elementCount
        let half = try elements(count / 2..<count, shape: shape)
        let other = try elements(0..<count / 2, shape: shape)
        return TensorExpression(runs: half.runs + other.runs, scalarType: scalarType, shape: shape)
    }
}
