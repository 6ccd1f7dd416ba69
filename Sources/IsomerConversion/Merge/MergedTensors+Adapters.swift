import IsomerArchitectures
import IsomerBytes
import IsomerMapping
import IsomerTensors

extension MergedTensors {
    /// Adds update number `number` to rows of tensor `index`.
    func add(
        _ number: Int, of index: Int, _ rows: Range<Int>, into output: UnsafeMutableBufferPointer<Float>, _ scratch: MergeScratch
    ) throws(IsomerError) {
        let update = recipes[index].updates[number]
        let weights = try weights(number, of: index)
        guard update.tensors[.magnitude] != nil else {
            return try addChange(update, weights, rows, factor: update.factor * update.strength, into: output, scratch)
        }
        let factors = try prepared(index).updates[number].numbers { () throws(IsomerError) in try magnitudeFactors(number, of: index) }
        let count = rows.count * update.columns
        let before = scratch.spare(2, count)
        let share = update.shareOfChange
        if share != 1 { for i in 0..<count { before[i] = output[i] } }
        try addChange(update, weights, rows, factor: update.factorBesideLengths, into: output, scratch)
        let taps = max(1, update.columns / max(1, update.inputs))
        for row in 0..<rows.count {
            for column in 0..<update.columns {
                output[row * update.columns + column] *= update.measuresRows ? factors[rows.lowerBound + row] : factors[column / taps]
            }
        }
        guard share != 1 else { return }
        for i in 0..<count { output[i] = before[i] + share * (output[i] - before[i]) }
    }

    /// Adds `factor` times the change itself.
    private func addChange(
        _ update: AdapterUpdate, _ weights: AdapterUpdate.Weights, _ rows: Range<Int>, factor: Double,
        into output: UnsafeMutableBufferPointer<Float>, _ scratch: MergeScratch
    ) throws(IsomerError) {
        let columns = update.columns
        let count = rows.count * columns
        func product(_ up: FloatBuffer, _ right: FloatBuffer, _ rank: Int, _ target: UnsafeMutableBufferPointer<Float>) {
            withExtendedLifetime((up, right)) {
                guard let left = up.values.baseAddress, let right = right.values.baseAddress, let target = target.baseAddress else {
                    return
                }
                WeightArithmetic.product(
                    left + rows.lowerBound * rank, right, rows: rows.count, columns: columns, depth: rank, into: target,
                    scratch: scratch.product)
            }
        }
        switch weights {
        case .product(let product): try product.add(rows, times: factor, to: output)
        case .hadamard(let up1, let right1, let rank1, let up2, let right2, let rank2):
            let first = scratch.spare(0, count)
            let second = scratch.spare(1, count)
            product(up1, right1, rank1, first)
            product(up2, right2, rank2, second)
            let factor = Float(factor)
            for i in 0..<count { output[i] += factor * first[i] * second[i] }
        case .kronecker(let first, let columns1, let second, let rows2, let columns2):
            for row in 0..<rows.count {
                let (outer, inner) = update.moduleRow(rows.lowerBound + row).quotientAndRemainder(dividingBy: rows2)
                for j in 0..<columns1 {
                    let weight = Float(factor) * first.values[outer * columns1 + j]
                    let place = row * columns + j * columns2
                    for k in 0..<columns2 { output[place + k] += weight * second.values[inner * columns2 + k] }
                }
            }
        case .stored:
            guard let stored = update.stored else { return }
            let difference = scratch.spare(0, count)
            var done = 0
            // Rows that follow each other in the module too are read at once.
            while done < rows.count {
                let first = update.moduleRow(rows.lowerBound + done)
                var run = 1
                while done + run < rows.count, update.moduleRow(rows.lowerBound + done + run) == first + run { run += 1 }
                let part = UnsafeMutableBufferPointer(rebasing: difference[(done * columns)..<((done + run) * columns)])
                try update.numbers(of: stored, first * columns..<(first + run) * columns, into: part)
                done += run
            }
            let factor = Float(factor)
            if update.kind == .replacement {
                for i in 0..<count { output[i] += factor * (difference[i] - output[i]) }
            } else {
                for i in 0..<count { output[i] += factor * difference[i] }
            }
        }
    }

    /// DoRA: what each row, or each input, of the changed weight is to be multiplied with to get its trained length.
    ///
    /// Reference: huggingface/peft, src/peft/tuners/lora/dora.py; KohakuBlueleaf/LyCORIS, lycoris/modules/locon.py, for lengths of inputs.
    private func magnitudeFactors(_ number: Int, of index: Int) throws(IsomerError) -> [Float] {
        let update = recipes[index].updates[number]
        guard let magnitude = update.tensors[.magnitude] else { return [] }
        let lengths = FloatBuffer(count: update.source.tensors[magnitude].shape.elementCount)
        try update.numbers(of: magnitude, 0..<lengths.count, into: lengths.values)
        let weights = try weights(number, of: index)
        let scratch = MergeScratch()
        let taps = max(1, update.columns / max(1, update.inputs))
        var squares = [Double](repeating: 0, count: update.measuresRows ? update.rows : update.inputs)
        let step = max(1, (64 << 10) / update.columns)
        for start in stride(from: 0, to: update.rows, by: step) {
            let rows = start..<min(update.rows, start + step)
            let values = try rowsBefore(number, of: index, rows, scratch)
            try addChange(update, weights, rows, factor: update.factorBesideLengths, into: values, scratch)
            for row in 0..<rows.count {
                var sum = 0.0
                for column in 0..<update.columns {
                    let value = Double(values[row * update.columns + column])
                    if update.measuresRows { sum += value * value } else { squares[column / taps] += value * value }
                }
                if update.measuresRows { squares[start + row] = sum }
            }
        }
        return squares.indices.map { place in
            let from = update.measuresRows ? update.moduleRow(place) : place
            let length = squares[place].squareRoot()
            return length > 0 && from < lengths.count ? Float(Double(lengths.values[from]) / length) : 1
        }
    }
}

extension AdapterUpdate {
    /// The factor on the product where lengths follow it.
    fileprivate var factorBesideLengths: Double { lengthStrength == .diffusers ? factor * strength : factor }

    /// How much of product and lengths together is taken.
    fileprivate var shareOfChange: Float { lengthStrength == .diffusers ? 1 : Float(strength) }
}
