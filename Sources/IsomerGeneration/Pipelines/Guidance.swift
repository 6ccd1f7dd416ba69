import IsomerBytes

/// How the predictions of several branches become one.
enum Guidance {
    /// There is one branch.
    case none
    /// The text, and the negative text: away from the second, by `scale`.
    case text(scale: Float, rescale: Float)
    /// The text with the picture, the picture alone, neither. Reference: Brooks and others, 2023, equation 3.
    case instruction(textScale: Float, pictureScale: Float)

    /// How many branches there are.
    var branchCount: Int {
        switch self {
        case .none: 1
        case .text: 2
        case .instruction: 3
        }
    }

    /// One prediction of each branch's.
    func combined(_ predictions: [Values]) -> Values {
        guard let first = predictions.first, first.isReal, predictions.count == branchCount else { return predictions.first ?? Values([0]) }
        switch self {
        case .none: return first
        case .text(let scale, let rescale):
            var result = Self.moved(predictions[1], by: scale, from: predictions[1], to: first)
            if rescale > 0 { result = Self.rescaled(result, like: first, by: rescale) }
            return result
        case .instruction(let textScale, let pictureScale):
            let pictured = Self.moved(predictions[2], by: pictureScale, from: predictions[2], to: predictions[1])
            return Self.moved(pictured, by: textScale, from: predictions[1], to: first)
        }
    }

    /// start + scale · (to − from)
    private static func moved(_ start: Values, by scale: Float, from: Values, to: Values) -> Values {
        var result = start
        for place in result.numbers.indices { result.numbers[place] += scale * (to.numbers[place] - from.numbers[place]) }
        return result
    }

    /// Brings `share` of a guided prediction back to the unguided one's deviation.
    ///
    /// Reference: Lin and others, 2023, equations 15 and 16; diffusers 0.42.1, `rescale_noise_cfg`.
    private static func rescaled(_ guided: Values, like plain: Values, by share: Float) -> Values {
        let (wanted, found) = (deviation(plain.numbers), deviation(guided.numbers))
        guard found > 0 else { return guided }
        let factor = share * Float(wanted / found) + (1 - share)
        return guided.mapped { $0 * factor }
    }

    private static func deviation(_ numbers: [Float]) -> Double {
        guard numbers.count > 1 else { return 0 }
        let mean = numbers.reduce(0.0) { $0 + Double($1) } / Double(numbers.count)
        let squares = numbers.reduce(0.0) { $0 + (Double($1) - mean) * (Double($1) - mean) }
        return (squares / Double(numbers.count - 1)).squareRoot()
    }
}
