import IsomerBytes
import IsomerTensors

/// A matrix in blocks along its rows, each with a scale, in the order in which Nvidia's processors want the scales.
///
/// - MXFP8: numbers of eight bits (E4M3) in blocks of 32, scales that are powers of two.
/// - NVFP4: numbers of four bits (E2M1), two to a byte, the first in the upper half, in blocks of 16; scales of eight bits (E4M3), and one scale in
///   binary32 for the whole.
///
/// The scales make a matrix of as many rows and as many columns as a row has blocks, filled up to multiples of 128 and 4. It is stored in tiles
/// of 128 × 4, those of a row of tiles one after the other; in a tile, row `r` and column `c` stand at `r % 32 * 16 + r / 32 * 4 + c`.
///
/// Products are in binary32, the scales' first, and rounded once.
// Reference: comfy-kitchen 0.2.40, backends/eager/quantization.py `dequantize_nvfp4` and `dequantize_mxfp8`, float_utils.py `to_blocked`;
// cuBLAS 13, 1-D block scaling factors layout.
struct SwizzledBlocks: PackedWeight {
    let tensor: TensorDescriptor
    private let codes: Int
    private let scales: Int
    /// The scale of the whole, of four-bit numbers.
    private let whole: Float?
    private let columns: Int
    private let blockLength: Int

    private static let tileRows = 128
    private static let tileColumns = 4

    /// - Parameter whole: the scale of the whole matrix, if its numbers have four bits.
    init(codes: Int, scales: Int, whole: Int?, as type: ScalarType, in names: StoredNames) throws(IsomerError) {
        let stored = names.source.tensors[codes]
        let isFour = whole != nil
        blockLength = isFour ? 16 : 32
        let perByte = isFour ? 2 : 1
        try names.check(codes, count: stored.shape.elementCount, isFour ? "U8" : "F8_E4M3") { $0 == (isFour ? .u8 : .f8e4m3) }
        guard stored.shape.rank == 2, stored.shape.dimensions[1] % (blockLength / perByte) == 0 else {
            throw IsomerError(
                .malformed, "the packed weight is no matrix of whole blocks", item: stored.name,
                expected: "rows of \(blockLength) numbers each",
                found: "\(stored.scalarType.rawValue) \(stored.shape)")
        }
        let rows = stored.shape.dimensions[0]
        let (columns, isTooWide) = stored.shape.dimensions[1].multipliedReportingOverflow(by: perByte)
        guard !isTooWide else {
            throw IsomerError(.malformed, "the tensor has more bytes than memory can address", item: stored.name, found: "\(stored.shape)")
        }
        tensor = try TensorDescriptor(name: stored.name, scalarType: type, shape: IsomerTensors.Shape([rows, columns]))
        let tiles = try IsomerTensors.Shape([
            rows / Self.tileRows + (rows % Self.tileRows == 0 ? 0 : 1), Self.tiles(columns / blockLength), Self.tileRows * Self.tileColumns,
        ])
        try names.check(scales, count: tiles.elementCount, isFour ? "F8_E4M3 or U8" : "F8_E8M0 or U8") {
            $0 == .u8 || $0 == (isFour ? .f8e4m3 : .f8e8m0)
        }
        self.whole = try whole.map { (index) throws(IsomerError) in try names.floats(of: index, count: 1)[0] }
        self.codes = codes
        self.scales = scales
        self.columns = columns
    }

    private static func tiles(_ blocks: Int) -> Int { blocks / tileColumns + (blocks % tileColumns == 0 ? 0 : 1) }

    func read(
        _ elements: Range<Int>, from source: any TensorSource, into numbers: UnsafeMutableBufferPointer<Float>
    ) throws(IsomerError) {
        let rows = elements.lowerBound / columns..<(elements.upperBound - 1) / columns + 1
        let tileRow = rows.lowerBound / Self.tileRows
        let rowOfTiles = Self.tiles(columns / blockLength) * Self.tileRows * Self.tileColumns
        let stored = tileRow * rowOfTiles..<((rows.upperBound - 1) / Self.tileRows + 1) * rowOfTiles
        let values = whole == nil ? Self.powers : Self.eighths
        try withStoredBytes(stored, of: scales, in: source) { (scales) throws(IsomerError) in
            func scale(_ row: Int, _ block: Int) -> Float {
                let place = row % Self.tileRows
                let tile = (row / Self.tileRows - tileRow) * rowOfTiles + block / Self.tileColumns * Self.tileRows * Self.tileColumns
                return values[Int(scales[tile + place % 32 * 16 + place / 32 * 4 + block % Self.tileColumns])]
            }
            guard let whole else {
                try source.floats(of: codes, elements, into: numbers)
                forEachBlock(of: elements) { row, block, run in
                    let value = scale(row, block)
                    for index in run { numbers[index - elements.lowerBound] *= value }
                }
                return
            }
            let bytes = FourBitRun.bytes(of: elements)
            try withStoredBytes(bytes, of: codes, in: source) { (codes) throws(IsomerError) in
                forEachBlock(of: elements) { row, block, run in
                    let part = FourBitRun.bytes(of: run)
                    FourBitRun.unpack(
                        UnsafeRawBufferPointer(
                            rebasing: codes[(part.lowerBound - bytes.lowerBound)..<(part.upperBound - bytes.lowerBound)]),
                        from: run, Self.quarters, times: whole * scale(row, block),
                        into: UnsafeMutableBufferPointer(
                            rebasing: numbers[(run.lowerBound - elements.lowerBound)..<(run.upperBound - elements.lowerBound)]))
                }
            }
        }
    }

    /// The parts of `elements` that lie in one block each.
    private func forEachBlock(of elements: Range<Int>, _ body: (_ row: Int, _ block: Int, _ run: Range<Int>) -> Void) {
        var start = elements.lowerBound
        while start < elements.upperBound {
            let (row, column) = start.quotientAndRemainder(dividingBy: columns)
            let block = column / blockLength
            let end = min(start + blockLength - column % blockLength, elements.upperBound)
            body(row, block, start..<end)
            start = end
        }
    }

    /// What the sixteen numbers of four bits are.
    private static let quarters: [Float] = [0, 0.5, 1, 1.5, 2, 3, 4, 6, -0.0, -0.5, -1, -1.5, -2, -3, -4, -6]

    /// What the scales of eight bits are.
    private static let eighths: [Float] = (0..<256).map { code in
        let sign: Float = code < 128 ? 1 : -1
        let (exponent, fraction) = (code >> 3 & 15, Float(code & 7))
        if code & 127 == 127 { return .nan }
        return sign * (exponent == 0 ? fraction / 512 : Float(sign: .plus, exponent: exponent - 7, significand: 1 + fraction / 8))
    }

    /// What the scales that are powers of two are. Nought is nought, as there, and not the smallest power.
    private static let powers: [Float] = (0..<256).map { $0 == 0 ? 0 : Float(bitPattern: UInt32($0) << 23) }
}
