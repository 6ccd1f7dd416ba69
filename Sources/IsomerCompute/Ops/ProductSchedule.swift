internal import CKernels

/// How a matrix product or a convolution is shared out to workers.
struct ProductSchedule {
    enum Way {
        /// With many blocks of rows: some panels of columns, which fit into the common cache, are packed by all workers and then used by all.
        case packedForAll
        /// With few: every item packs some panels for itself and takes all rows through them.
        case packedByItem
        /// With hardly any rows: the same, panel by panel.
        case unpacked
    }

    let way: Way
    let columns: Int
    let panel: Int
    let panels: Int
    let panelBytes: Int
    let strips: Int
    /// The strips, as they are given to workers: as many pieces to each.
    private let pieces: [Range<Int>]
    /// Packed at a time: by one worker, or by all.
    let panelsEach: Int
    /// Whether a worker's own run of items is a part of the columns rather than of the strips: then it need not read what others have packed.
    private let goesByParts: Bool
    /// Parts of all columns that are worth a run of their own.
    private let worthwhileParts: Int
    /// Items that keep all workers busy to the end.
    private let wanted: Int
    /// The memory that packed panels take.
    let packedFloats: Int

    init(_ job: isomer_matrix_job, _ level: isomer_level, _ workers: Int) {
        let plan = withUnsafePointer(to: job) { isomer_matrix_planned(level, $0) }
        columns = plan.columns
        panel = plan.panel
        panelBytes = plan.panel_bytes
        strips = plan.strips
        panels = (columns + panel - 1) / panel
        wanted = workers == 1 ? 1 : 4 * workers
        let blocks = max(1, (strips + plan.block - 1) / plan.block)
        way =
            switch plan.way {
            case ISOMER_MATRIX_FEW_ROWS: .unpacked
            case ISOMER_MATRIX_TURNED, ISOMER_MATRIX_WINOGRAD_TURNED: .packedForAll
            default: blocks < min(max(3, wanted), 6) ? .packedByItem : .packedForAll
            }
        pieces = Self.pieces(of: strips, tile: plan.tile, block: plan.block, workers: workers, tapers: workers > 1 && 2 * blocks > wanted)
        goesByParts = plan.part > 0
        worthwhileParts = plan.part > 0 ? min(workers, panels / plan.part) : 1
        let most =
            switch way {
            case .unpacked: (panels + wanted - 1) / wanted
            case .packedByItem: min(max(1, 3 << 20 / panelBytes), (panels + wanted - 1) / wanted)
            // Turned around, weights are read anew for each part.
            case .packedForAll where plan.way == ISOMER_MATRIX_TURNED: max(2, 8 << 20 / panelBytes)
            // And here packed: squares are few enough.
            case .packedForAll where plan.way == ISOMER_MATRIX_WINOGRAD_TURNED: panels
            // Winograd's input is transformed anew for each part, so that parts should not be small.
            case .packedForAll where plan.way == ISOMER_MATRIX_WINOGRAD: max(4, 10 << 20 / panelBytes)
            case .packedForAll: max(2, 4 << 20 / panelBytes)
            }
        panelsEach = max(1, min(panels, most))
        packedFloats =
            switch way {
            case .unpacked: 1
            case .packedByItem: panelsEach * panelBytes / 4 * workers
            case .packedForAll: panelsEach * panelBytes / 4
            }
    }

    /// What packed panels are multiplied in: pieces of the strips and, of the panels, as many parts as give every worker some items.
    func items(of packed: Range<Int>) -> [(panels: Range<Int>, strips: Range<Int>)] {
        let parts = max(1, min(packed.count, max(worthwhileParts, wanted / pieces.count)))
        let each = (packed.count + parts - 1) / parts
        var items: [(panels: Range<Int>, strips: Range<Int>)] = []
        items.reserveCapacity(parts * pieces.count)
        func add(_ part: Int, _ strips: Range<Int>) {
            let first = min(packed.upperBound, packed.lowerBound + part * each)
            items.append((first..<min(packed.upperBound, first + each), strips))
        }
        if goesByParts {
            for part in 0..<parts { for strips in pieces { add(part, strips) } }
        } else {
            for strips in pieces { for part in 0..<parts { add(part, strips) } }
        }
        return items
    }

    /// Every worker's share of the strips in pieces of at most `block` strips, all of whole tiles but a share's last one: equal ones or, if it
    /// `tapers`, blocks and then ever smaller pieces, so that workers that are not equally fast end together.
    private static func pieces(of strips: Int, tile: Int, block: Int, workers: Int, tapers: Bool) -> [Range<Int>] {
        let share = (strips + workers - 1) / workers
        func wholeTiles(_ strips: Int) -> Int { min(share, (strips + tile - 1) / tile * tile) }
        var ends: [Int] = []
        if tapers {
            var end = 0
            while end < share {
                end = wholeTiles(end + min(block, (share - end + 1) / 2))
                ends.append(end)
            }
        } else {
            let count = max(1, (share + block - 1) / block)
            ends = (1...count).map { wholeTiles(share * $0 / count) }
        }
        return (0..<workers).flatMap { worker in
            let (first, end) = (strips * worker / workers, strips * (worker + 1) / workers)
            return ends.indices.map { i in
                let start = i == 0 ? 0 : ends[i - 1]
                return min(end, first + start)..<min(end, first + ends[i])
            }
        }
    }
}
