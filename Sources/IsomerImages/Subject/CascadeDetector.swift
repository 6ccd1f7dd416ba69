internal import CKernels
public import IsomerBytes

/// Something that a cascade found.
public struct Detection: Hashable, Sendable {
    /// In pixels of the picture.
    public var box: PixelBox
    /// How many neighbouring windows agreed.
    public var votes: Int
    /// By how much the best of them passed the last stage.
    public var score: Double
}

/// Looks for a cascade's subject at every place and size.
///
/// Reference: OpenCV 4.6.0, `detectMultiScale`: the picture shrinks by a factor at a time, windows move by two pixels (by one from half size on),
/// and overlapping windows are joined when enough of them agree.
public struct CascadeDetector: Sendable {
    public var cascade: Cascade
    /// From one size to the next.
    public var scaleFactor = 1.2
    /// Windows that must agree, beyond the first.
    public var minimumNeighbours = 3
    /// The smallest subject, as a share of the picture's shorter side.
    public var minimumShare = 0.05
    /// The largest, likewise.
    public var maximumShare = Double.infinity

    public init(_ cascade: Cascade) {
        self.cascade = cascade
    }

    /// Everything it finds in a gray 8-bit picture, the largest first.
    public func detect(in gray: Bitmap) throws(IsomerError) -> [Detection] {
        let picture = try gray.gray()
        var windows: [Detection] = []
        var scale = 1.0
        let shorter = Double(min(picture.width, picture.height))
        let (smallest, largest) = (minimumShare * shorter, maximumShare * shorter)
        let factor = max(1.05, scaleFactor)
        while true {
            let size = PixelSize(Int((Double(picture.width) / scale).rounded()), Int((Double(picture.height) / scale).rounded()))
            guard size.width >= cascade.window.width, size.height >= cascade.window.height,
                Double(cascade.window.width) * scale <= largest
            else { break }
            if Double(cascade.window.width) * scale >= smallest {
                let level = size == picture.size ? picture : try picture.resampled(to: size, filter: .bilinear)
                for hit in try scan(level, step: scale >= 2 ? 1 : 2) {
                    let (left, top) = ((Double(hit.x) * scale).rounded(), (Double(hit.y) * scale).rounded())
                    windows.append(
                        Detection(
                            box: PixelBox(
                                left: left, top: top, right: left + (Double(cascade.window.width) * scale).rounded(),
                                bottom: top + (Double(cascade.window.height) * scale).rounded()),
                            votes: 1, score: Double(hit.score)))
                }
            }
            scale *= factor
        }
        return group(windows).sorted { ($0.box.area, $1.box.left, $1.box.top) > ($1.box.area, $0.box.left, $0.box.top) }
    }

    /// The windows that pass, at one size. All levels answer the same.
    func scan(_ picture: Bitmap, step: Int32, level: isomer_level = isomer_level_current()) throws(IsomerError) -> [isomer_cascade_hit] {
        let (width, height) = (Int32(picture.width), Int32(picture.height))
        let stride = picture.width + 1
        let count = stride * (picture.height + 1)
        // Pictures here are small; far fewer windows than this ever pass.
        let capacity = 4096
        func hits(_ scan: (UnsafeMutablePointer<isomer_cascade_hit>?) -> Int) -> [isomer_cascade_hit] {
            [isomer_cascade_hit](unsafeUninitializedCapacity: capacity) { hits, count in count = min(scan(hits.baseAddress), capacity) }
        }
        // SAFETY: both kernels fill the tables for this picture before they read them; storage is aligned to 64 bytes.
        if cascade.withKernelCascade(offsets: [], { isomer_cascade_is_narrow(level, $0, step) }) {
            let table = try PixelStorage.table(count + Int(ISOMER_CASCADE_PADDING), of: UInt16.self)
            defer { withExtendedLifetime(table) {} }
            let sums = table.base.assumingMemoryBound(to: UInt16.self)
            isomer_cascade_narrow_sums(picture.source, width, height, step, sums)
            let offsets = cascade.offsets(stride: stride) { step == 2 ? $0 / 2 + $0 % 2 * ((stride + 1) / 2) : $0 }
            return cascade.withKernelCascade(offsets: offsets) { kernel in
                hits { isomer_cascade_narrow_scan(level, kernel, sums, width, height, step, $0, capacity) }
            }
        }
        let table = try PixelStorage.table(count, of: UInt32.self)
        defer { withExtendedLifetime(table) {} }
        let sums = table.base.assumingMemoryBound(to: UInt32.self)
        let squareTable = cascade.kind == ISOMER_CASCADE_HAAR ? try PixelStorage.table(count, of: UInt64.self) : nil
        defer { withExtendedLifetime(squareTable) {} }
        let squares = squareTable?.base.assumingMemoryBound(to: UInt64.self)
        isomer_cascade_sums(picture.source, width, height, sums, squares)
        return cascade.withKernelCascade(offsets: cascade.offsets(stride: stride)) { kernel in
            hits { isomer_cascade_scan(kernel, sums, squares, Int32(stride), width, height, step, $0, capacity) }
        }
    }

    /// Joins windows that nearly coincide, directly or through others, and drops groups with too few.
    func group(_ windows: [Detection]) -> [Detection] {
        var parent = Array(windows.indices)
        func root(_ index: Int) -> Int {
            var index = index
            while parent[index] != index {
                parent[index] = parent[parent[index]]
                index = parent[index]
            }
            return index
        }
        // A picture full of hits would make the comparison of all pairs slow; the windows are in scan order, so neighbours are near.
        for i in windows.indices {
            for j in max(0, i - 4096)..<i where Self.areAlike(windows[i].box, windows[j].box) {
                let (a, b) = (root(i), root(j))
                if a != b { parent[max(a, b)] = min(a, b) }
            }
        }
        var groups: [Int: [Detection]] = [:]
        for i in windows.indices { groups[root(i), default: []].append(windows[i]) }
        let joined = groups.keys.sorted().compactMap { key -> Detection? in
            guard let members = groups[key], members.count > minimumNeighbours else { return nil }
            let count = Double(members.count)
            func mean(_ side: (PixelBox) -> Double) -> Double { (members.reduce(0) { $0 + side($1.box) } / count).rounded() }
            return Detection(
                box: PixelBox(left: mean(\.left), top: mean(\.top), right: mean(\.right), bottom: mean(\.bottom)), votes: members.count,
                score: members.map(\.score).max() ?? 0)
        }
        // A small group inside a larger one that has more votes is the same thing seen smaller.
        return joined.enumerated().filter { index, item in
            !joined.enumerated().contains { other, larger in
                guard other != index, larger.votes > max(3, item.votes) || item.votes < 3 else { return false }
                let slack = (larger.box.width * 0.2, larger.box.height * 0.2)
                return item.box.left >= larger.box.left - slack.0 && item.box.top >= larger.box.top - slack.1
                    && item.box.right <= larger.box.right + slack.0 && item.box.bottom <= larger.box.bottom + slack.1
            }
        }.map(\.element)
    }

    private static func areAlike(_ a: PixelBox, _ b: PixelBox) -> Bool {
        let delta = 0.2 * (min(a.width, b.width) + min(a.height, b.height)) * 0.5
        return abs(a.left - b.left) <= delta && abs(a.top - b.top) <= delta && abs(a.right - b.right) <= delta
            && abs(a.bottom - b.bottom) <= delta
    }
}

extension Cascade {
    /// The cascade as the kernels take it, with the offsets that go with a table of sums.
    func withKernelCascade<Result>(offsets: [Int32], _ body: (UnsafePointer<isomer_cascade>) -> Result) -> Result {
        // SAFETY: the pointers are used inside the closures that give them.
        return stageTrees.withUnsafeBufferPointer { stageTrees in
            stageThresholds.withUnsafeBufferPointer { stageThresholds in
                treeNodes.withUnsafeBufferPointer { treeNodes in
                    treeLeaves.withUnsafeBufferPointer { treeLeaves in
                        nodes.withUnsafeBufferPointer { nodes in
                            leaves.withUnsafeBufferPointer { leaves in
                                offsets.withUnsafeBufferPointer { offsets in
                                    weights.withUnsafeBufferPointer { weights in
                                        var kernel = isomer_cascade(
                                            kind: kind, stage_count: Int32(stageThresholds.count), stage_trees: stageTrees.baseAddress,
                                            stage_thresholds: stageThresholds.baseAddress, tree_nodes: treeNodes.baseAddress,
                                            tree_leaves: treeLeaves.baseAddress, nodes: nodes.baseAddress, leaves: leaves.baseAddress,
                                            offsets: offsets.baseAddress, weights: weights.baseAddress,
                                            window_width: Int32(window.width), window_height: Int32(window.height),
                                            largest_box: Int32(largestBox))
                                        return body(&kernel)
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}
