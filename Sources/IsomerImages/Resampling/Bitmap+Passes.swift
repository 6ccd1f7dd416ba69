internal import CKernels
internal import IsomerBytes

extension Bitmap {
    /// One pass along rows: `rows` of this picture, each `filter.outputs` pixels wide.
    func filteredRows(_ filter: AxisFilter, rows: Range<Int>, _ limits: Limits, level: isomer_level = isomer_level_current())
        throws(IsomerError) -> Bitmap
    {
        let result = try Bitmap(uninitialized: filter.outputs, max(1, rows.count), channels, samples, limits: limits)
        let from = source + rows.lowerBound * rowBytes
        switch samples {
        case .uint8 where isomer_resample_turns(level, Int32(channels.count)):
            try filterTurnedRows(filter, from, into: result, rows.count, level)
        case .uint8:
            filter.withKernelFilter(channels: channels.count, level: level) { kernel, level in
                isomer_resample_rows(
                    level, from, rowBytes, result.target, result.rowBytes, rows.count, Int32(channels.count), kernel)
            }
        case .uint16:
            filterRows(UInt16.self, filter, from, into: result, rows.count, Self.rounded)
        case .float32:
            filterRows(Float.self, filter, from, into: result, rows.count) { Float($0) }
        }
        return result
    }

    /// One pass along columns. This picture's first row is the one that the filter calls `firstRow`.
    func filteredColumns(_ filter: AxisFilter, firstRow: Int, _ limits: Limits, level: isomer_level = isomer_level_current())
        throws(IsomerError) -> Bitmap
    {
        let result = try Bitmap(uninitialized: width, filter.outputs, channels, samples, limits: limits)
        switch samples {
        case .uint8:
            // The filter's row 0 may lie before this picture; it is never read.
            let origin = source - firstRow * rowBytes
            filter.withKernelFilter(channels: 0, level: level) { kernel, level in
                isomer_resample_columns(
                    level, origin, rowBytes, result.target, result.rowBytes, 0, filter.outputs, rowBytes, kernel)
            }
        case .uint16:
            filterColumns(UInt16.self, filter, into: result, firstRow, Self.rounded)
        case .float32:
            filterColumns(Float.self, filter, into: result, firstRow) { Float($0) }
        }
        return result
    }

    /// Rows as columns of the transposed rows: 64 at a time, which is what a cache holds and a vector takes.
    private func filterTurnedRows(
        _ filter: AxisFilter, _ from: UnsafePointer<UInt8>, into result: Bitmap, _ rows: Int, _ level: isomer_level
    ) throws(IsomerError) {
        let (strip, step) = (64, channels.count)
        let inputs = filter.inputRange
        let turned = try PixelStorage.table(inputs.count * step * strip, of: UInt8.self)
        let filtered = try PixelStorage.table(filter.outputs * step * strip, of: UInt8.self)
        let (input, output) = (turned.base.assumingMemoryBound(to: UInt8.self), filtered.base.assumingMemoryBound(to: UInt8.self))
        defer { withExtendedLifetime((turned, filtered)) {} }
        filter.withKernelFilter(channels: 0, level: level) { kernel, level in
            for y in stride(from: 0, to: rows, by: strip) {
                let count = min(strip, rows - y)
                // Where fewer rows are left, what stands beside them is filtered too, and left where it is.
                isomer_transpose_bytes(
                    from + y * rowBytes + inputs.lowerBound * step, rowBytes, input, strip, inputs.count * step, count)
                isomer_resample_columns(
                    level, input - inputs.lowerBound * step * strip, step * strip, output, step * strip, 0, filter.outputs,
                    (step - 1) * strip + count, kernel)
                isomer_transpose_bytes(
                    output, strip, result.target + y * result.rowBytes, result.rowBytes, count, filter.outputs * step)
            }
        }
    }

    private static func rounded(_ sum: Double) -> UInt16 {
        UInt16(min(max((sum >= 0 ? sum + 0.5 : sum - 0.5), 0), 65535))
    }

    private func filterRows<Sample: BinarySampleConvertible>(
        _ type: Sample.Type, _ filter: AxisFilter, _ from: UnsafePointer<UInt8>, into result: Bitmap, _ rows: Int,
        _ finish: (Double) -> Sample
    ) {
        let step = channels.count
        for y in 0..<rows {
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
    }

    private func filterColumns<Sample: BinarySampleConvertible>(
        _ type: Sample.Type, _ filter: AxisFilter, into result: Bitmap, _ firstRow: Int, _ finish: (Double) -> Sample
    ) {
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

extension AxisFilter {
    /// The filter as the kernels take it, with the level they are to run at: for rows of `channels` channels, or for columns if that is 0.
    func withKernelFilter(
        channels: Int, level: isomer_level, _ body: (UnsafePointer<isomer_resample_filter>, isomer_level) -> Void
    ) {
        let fixed = fixedWeights
        // SAFETY: the pointers are used inside the closures that give them.
        first.withUnsafeBufferPointer { first in
            count.withUnsafeBufferPointer { count in
                fixed.withUnsafeBufferPointer { fixed in
                    var kernel = isomer_resample_filter(
                        outputs: outputs, capacity: capacity, first: first.baseAddress, count: count.baseAddress,
                        weights: fixed.baseAddress, packed: nil)
                    let suited = isomer_resample_level(level, &kernel, Int32(channels))
                    let bytes = isomer_resample_packed_bytes(suited, &kernel, Int32(channels))
                    guard bytes > 0 else {
                        body(&kernel, suited)
                        return
                    }
                    withUnsafeTemporaryAllocation(byteCount: bytes, alignment: 64) { packed in
                        isomer_resample_pack(suited, &kernel, Int32(channels), packed.baseAddress)
                        kernel.packed = UnsafeRawPointer(packed.baseAddress)
                        body(&kernel, suited)
                    }
                }
            }
        }
    }
}
