internal import IsomerBytes
internal import IsomerConversion
internal import IsomerTensors

extension ConversionOutcome {
    /// The error of all quantised tensors together.
    var totalQuantizationError: QuantizationError {
        quantized.reduce(into: QuantizationError()) { $0.merge($1.error) }
    }

    /// The published form: in total, and for each tensor in the plan's order. `null` if nothing was quantised.
    var quantizationJSON: JSONValue {
        guard !quantized.isEmpty else { return .null }
        return [
            "total": .object(Self.json(totalQuantizationError)),
            "tensors": .array(
                quantized.map { tensor in
                    var object: JSONObject = [
                        "file": .path(tensor.path), "name": .string(tensor.name), "dtype": .string(tensor.scalarType.rawValue),
                    ]
                    for (key, value) in Self.json(tensor.error) { object[key] = value }
                    return .object(object)
                }),
        ]
    }

    private static func json(_ error: QuantizationError) -> JSONObject {
        [
            "elements": .integer(error.elementCount), "rootMeanSquare": .real(error.rootMeanSquare), "relative": .real(error.relative),
            "largest": .real(error.largest), "notFinite": .integer(error.notFiniteCount),
        ]
    }
}

extension Report {
    /// What quantising cost: in total, and where most.
    mutating func add(quantized: [ConversionOutcome.Quantized]) {
        guard !quantized.isEmpty else { return }
        let total = quantized.reduce(into: QuantizationError()) { $0.merge($1.error) }
        func percent(_ value: Double) -> String { Numbers.significant(value * 100, 3) + " %" }
        field(
            "quantised",
            "\(Numbers.count(quantized.count, "tensor")), error \(percent(total.relative)) of the weights' root mean square, at most "
                + Numbers.significant(total.largest, 3))
        let worst = quantized.sorted { $0.error.relative > $1.error.relative }.prefix(5)
        list(
            "the largest errors",
            worst.map { "\(percent($0.error.relative))  \($0.name)  \($0.scalarType.rawValue)" })
    }
}
