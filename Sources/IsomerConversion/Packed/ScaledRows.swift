import IsomerBytes
import IsomerTensors

/// A weight in small numbers, each of which is multiplied by a scale: one for all, or one for each row.
struct ScaledRows: PackedWeight {
    let tensor: TensorDescriptor
    private let codes: Int
    private let storedType: ScalarType
    private let scale: Scale
    /// What everything is multiplied by besides, after the scale.
    private let factor: Float?

    private enum Scale {
        case ofAll(Float)
        case ofRows(Int)
    }

    /// - Throws: `unsupported` if there is neither one scale nor one for each row, `malformed` if the only one is not finite.
    init(codes: Int, scales: Int, factor: Float? = nil, as type: ScalarType, in names: StoredNames) throws(IsomerError) {
        let stored = names.source.tensors[codes]
        let scale = names.source.tensors[scales]
        let rows = stored.shape.rank > 0 ? stored.shape.dimensions[0] : 1
        tensor = try TensorDescriptor(name: stored.name, scalarType: type, shape: stored.shape)
        self.codes = codes
        self.factor = factor
        storedType = stored.scalarType
        let isFloat = scale.scalarType.kind == .float && scale.scalarType.isByteAligned
        // One for each column would be as many in a square matrix.
        let isOfRows = scale.shape.elementCount == rows && (factor != nil || scale.shape.dimensions.first == rows)
        guard isFloat, scale.shape.elementCount == 1 || isOfRows else {
            throw IsomerError(
                .unsupported, "the scale of a weight is neither one number nor one for each row", item: scale.name,
                expected: "1 or \(rows) floating numbers", found: "\(scale.scalarType.rawValue) \(scale.shape)")
        }
        if scale.shape.elementCount == 1 {
            let value = try names.floats(of: scales, count: 1)[0]
            guard value.isFinite else {
                throw IsomerError(.malformed, "the scale of a weight is not finite", item: scale.name, found: "\(value)")
            }
            self.scale = .ofAll(value)
        } else {
            self.scale = .ofRows(scales)
        }
    }

    func read(
        _ elements: Range<Int>, from source: any TensorSource, into numbers: UnsafeMutableBufferPointer<Float>
    ) throws(IsomerError) {
        try source.floats(of: codes, elements, into: numbers)
        switch scale {
        case .ofAll(let value): multiply(numbers, by: value)
        case .ofRows(let index):
            // There are elements, so there are rows, and each has some.
            let length = tensor.shape.elementCount / tensor.shape.dimensions[0]
            let rows = elements.lowerBound / length..<(elements.upperBound - 1) / length + 1
            let scales = FloatBuffer(count: rows.count)
            defer { withExtendedLifetime(scales) {} }
            try source.floats(of: index, rows, into: scales.values)
            var start = elements.lowerBound
            for (row, value) in zip(rows, scales.values) {
                let end = min((row + 1) * length, elements.upperBound)
                multiply(
                    UnsafeMutableBufferPointer(rebasing: numbers[(start - elements.lowerBound)..<(end - elements.lowerBound)]), by: value)
                start = end
            }
        }
    }

    private func multiply(_ numbers: UnsafeMutableBufferPointer<Float>, by value: Float) {
        if let factor {
            for index in numbers.indices { numbers[index] = numbers[index] * value * factor }
        } else {
            for index in numbers.indices { numbers[index] *= value }
        }
    }
}
