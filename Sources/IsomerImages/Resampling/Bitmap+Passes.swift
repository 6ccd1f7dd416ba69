internal import CKernels
internal import IsomerBytes

extension Bitmap {
    /// The picture after one or both passes. 8-bit samples are rounded after each.
    func filtered(_ passes: SeparablePasses, _ limits: Limits, level: isomer_level = isomer_level_current()) throws(IsomerError) -> Bitmap {
        switch samples {
        case .uint8:
            guard let stream = try ResamplingStream(passes, of: size, channels, limits: limits, level: level) else { return self }
            RowWindow(showing: self, to: [stream.reader]).advanceToEnd()
            return try stream.result()
        case .uint16: return try filtered(passes, UInt16.self, limits, Self.rounded)
        case .float32: return try filtered(passes, Float.self, limits) { Float($0) }
        }
    }

    private func filtered<Sample: BinarySampleConvertible>(
        _ passes: SeparablePasses, _ type: Sample.Type, _ limits: Limits, _ finish: (Double) -> Sample
    ) throws(IsomerError) -> Bitmap {
        var picture = self
        if passes.columnsFirst, let vertical = passes.vertical { picture = try picture.filteredColumns(type, vertical, 0, limits, finish) }
        var firstRow = 0
        if let horizontal = passes.horizontal {
            // Only the rows that a second pass uses are made.
            let rows = passes.columnsFirst ? nil : passes.vertical?.inputRange
            firstRow = rows?.lowerBound ?? 0
            picture = try picture.filteredRows(type, horizontal, rows ?? 0..<picture.height, limits, finish)
        }
        if !passes.columnsFirst, let vertical = passes.vertical {
            picture = try picture.filteredColumns(type, vertical, firstRow, limits, finish)
        }
        return picture
    }

    private static func rounded(_ sum: Double) -> UInt16 {
        UInt16(min(max((sum >= 0 ? sum + 0.5 : sum - 0.5), 0), 65535))
    }

    private func filteredRows<Sample: BinarySampleConvertible>(
        _ type: Sample.Type, _ filter: AxisFilter, _ rows: Range<Int>, _ limits: Limits, _ finish: (Double) -> Sample
    ) throws(IsomerError) -> Bitmap {
        let result = try Bitmap(uninitialized: filter.outputs, max(1, rows.count), channels, samples, limits: limits)
        let (step, from) = (channels.count, source + rows.lowerBound * rowBytes)
        for y in 0..<rows.count {
            // SAFETY: rows begin at multiples of the sample's size in memory aligned to 64 bytes.
            let input = UnsafeRawPointer(from + y * rowBytes).assumingMemoryBound(to: Sample.self)
            let output = UnsafeMutableRawPointer(result.target + y * result.rowBytes).assumingMemoryBound(to: Sample.self)
            for x in 0..<filter.outputs {
                let (first, count, base) = (Int(filter.first[x]), Int(filter.count[x]), x * filter.capacity)
                for c in 0..<step {
                    var sum = 0.0
                    for t in 0..<count { sum += input[(first + t) * step + c].sample * filter.weights[base + t] }
                    output[x * step + c] = finish(sum)
                }
            }
        }
        return result
    }

    /// The picture's first row is the one that the filter calls `firstRow`.
    private func filteredColumns<Sample: BinarySampleConvertible>(
        _ type: Sample.Type, _ filter: AxisFilter, _ firstRow: Int, _ limits: Limits, _ finish: (Double) -> Sample
    ) throws(IsomerError) -> Bitmap {
        let result = try Bitmap(uninitialized: width, filter.outputs, channels, samples, limits: limits)
        let samplesPerRow = width * channels.count
        for y in 0..<filter.outputs {
            let (first, count, base) = (Int(filter.first[y]) - firstRow, Int(filter.count[y]), y * filter.capacity)
            let output = UnsafeMutableRawPointer(result.target + y * result.rowBytes).assumingMemoryBound(to: Sample.self)
            for x in 0..<samplesPerRow {
                var sum = 0.0
                for t in 0..<count {
                    let input = UnsafeRawPointer(source + (first + t) * rowBytes).assumingMemoryBound(to: Sample.self)
                    sum += input[x].sample * filter.weights[base + t]
                }
                output[x] = finish(sum)
            }
        }
        return result
    }
}

/// A sample that has an exact double.
protocol BinarySampleConvertible {
    var sample: Double { get }
}

extension UInt16: BinarySampleConvertible {
    var sample: Double { Double(self) }
}

extension Float: BinarySampleConvertible {
    var sample: Double { Double(self) }
}
