/// Moves a block of matrix rows to where they stand in the transpose.
///
/// `block` holds `rows.count` rows of `columns.count` elements that were read with a stride of `blockStride` elements, starting at the first
/// wanted column. `target` holds the wanted columns as rows of `targetStride` elements; source row `r` becomes its column
/// `firstTargetColumn + r`. Elements are `elementSize` bytes of any meaning.
///
/// Tiles of 16 × 16 keep both sides' cache lines in use until they are full.
func scatterTransposed(
    _ block: UnsafeRawBufferPointer, rows: Int, columns: Int, blockStride: Int,
    into target: UnsafeMutableRawBufferPointer, targetStride: Int, firstTargetColumn: Int, elementSize: Int
) {
    guard rows > 0, columns > 0 else { return }
    // One comparison before the loops stands for one at every element.
    let lastRead = ((rows - 1) * blockStride + columns) * elementSize
    let lastWritten = ((columns - 1) * targetStride + firstTargetColumn + rows) * elementSize
    guard lastRead <= block.count, lastWritten <= target.count, let from = block.baseAddress, let to = target.baseAddress else { return }
    let shape = TileShape(
        rows: rows, columns: columns, blockStride: blockStride, targetStride: targetStride, firstTargetColumn: firstTargetColumn)
    // SAFETY: `lastRead` and `lastWritten` bound every access below; loads and stores are unaligned and of trivial types.
    switch elementSize {
    case 1: scatter(from, to, shape, UInt8.self)
    case 2: scatter(from, to, shape, UInt16.self)
    case 4: scatter(from, to, shape, UInt32.self)
    case 8: scatter(from, to, shape, UInt64.self)
    default: scatterBytes(from, to, shape, elementSize)
    }
}

private struct TileShape {
    var rows: Int
    var columns: Int
    var blockStride: Int
    var targetStride: Int
    var firstTargetColumn: Int
}

private func scatter<Element: BitwiseCopyable>(
    _ from: UnsafeRawPointer, _ to: UnsafeMutableRawPointer, _ shape: TileShape, _: Element.Type
) {
    let size = MemoryLayout<Element>.size
    let tile = 16
    for row in stride(from: 0, to: shape.rows, by: tile) {
        for column in stride(from: 0, to: shape.columns, by: tile) {
            for c in column..<min(column + tile, shape.columns) {
                let line = (c * shape.targetStride + shape.firstTargetColumn) * size
                for r in row..<min(row + tile, shape.rows) {
                    let element = from.loadUnaligned(fromByteOffset: (r * shape.blockStride + c) * size, as: Element.self)
                    to.storeBytes(of: element, toByteOffset: line + r * size, as: Element.self)
                }
            }
        }
    }
}

private func scatterBytes(_ from: UnsafeRawPointer, _ to: UnsafeMutableRawPointer, _ shape: TileShape, _ size: Int) {
    for r in 0..<shape.rows {
        for c in 0..<shape.columns {
            let target = (c * shape.targetStride + shape.firstTargetColumn + r) * size
            (to + target).copyMemory(from: from + (r * shape.blockStride + c) * size, byteCount: size)
        }
    }
}
