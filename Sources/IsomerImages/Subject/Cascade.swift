internal import CEmbedded
internal import CKernels
public import IsomerBytes

/// A trained detector: a sequence of boosted stages over local binary patterns or Haar-like boxes, as OpenCV trains and stores it.
///
/// Reference: OpenCV 4.6.0, modules/objdetect/src/cascadedetect.{hpp,cpp}.
public struct Cascade: Sendable {
    /// The smallest window that it looks at, in pixels.
    public let window: PixelSize
    let kind: isomer_cascade_kind
    var stageTrees: [Int32] = [0]
    var stageThresholds: [Float] = []
    var treeNodes: [Int32] = []
    var treeLeaves: [Int32] = []
    var nodes: [isomer_cascade_node] = []
    var leaves: [Float] = []
    /// Boxes of each feature: one for LBP (a cell of the grid), up to three for Haar, with weights.
    private(set) var features: [[(x: Int, y: Int, width: Int, height: Int, weight: Float)]] = []
    /// Three weights for each feature.
    private(set) var weights: [Float] = []
    /// Pixels of the largest box of any feature.
    private(set) var largestBox = 0

    /// Faces from the front.
    public static let frontalFace = bundled(ISOMER_LBPCASCADE_FRONTAL)
    /// Faces turned to the right; a mirrored picture finds those turned to the left.
    public static let profileFace = bundled(ISOMER_LBPCASCADE_PROFILE)
    /// Cats' faces from the front.
    public static let catFace = bundled(ISOMER_LBPCASCADE_CAT)

    private static func bundled(_ which: isomer_lbpcascade) -> Cascade? {
        var count = 0
        let bytes = isomer_lbpcascade_bytes(which, &count)
        return try? Cascade(xml: Array(UnsafeBufferPointer(start: bytes, count: count)))
    }

    /// Reads any cascade in the format of OpenCV 2 and later. Throws `malformed` or `unsupported` with what is missing.
    public init(_ path: FilePath) throws(IsomerError) {
        do {
            try self.init(xml: ReadableFile(path).contents(limit: 32 << 20))
        } catch {
            throw error.inFile(path)
        }
    }

    /// Reads the XML of a cascade.
    public init(xml bytes: [UInt8]) throws(IsomerError) {
        func failure(_ what: String) -> IsomerError { IsomerError(.malformed, "this is no usable cascade: \(what)") }
        let root = try XMLElement.parse(bytes)
        guard let cascade = root.child("cascade") else {
            throw IsomerError(
                .unsupported, "this is no cascade of OpenCV 2 or later", expected: "<opencv_storage><cascade>", found: "<\(root.name)>")
        }
        switch cascade.child("featureType")?.text.trimmingWhitespace() {
        case "LBP": kind = ISOMER_CASCADE_LBP
        case "HAAR": kind = ISOMER_CASCADE_HAAR
        case let other: throw IsomerError(.unsupported, "this kind of cascade is not read", expected: "LBP or HAAR", found: other ?? "none")
        }
        func side(_ name: String) throws(IsomerError) -> Int {
            guard let value = cascade.child(name)?.numbers(), value.count == 1, let side = Int(exactly: value[0]), (4...512).contains(side)
            else { throw failure("its \(name) is missing or out of range") }
            return side
        }
        window = PixelSize(try side("width"), try side("height"))
        guard let featureList = cascade.child("features"), let stageList = cascade.child("stages") else {
            throw failure("it has no features or no stages")
        }
        for element in featureList.children { try append(feature: element, failure) }
        for stage in stageList.children {
            guard let threshold = stage.child("stageThreshold")?.numbers(), threshold.count == 1, let trees = stage.child("weakClassifiers")
            else {
                throw failure("a stage without a threshold or trees")
            }
            for tree in trees.children { try append(tree: tree, failure) }
            // The slack is OpenCV's own.
            stageThresholds.append(Float(threshold[0]) - 1e-5)
            stageTrees.append(Int32(clamping: treeNodes.count))
        }
        guard !stageThresholds.isEmpty, !nodes.isEmpty else { throw failure("it has no stages") }
    }

    private mutating func append(feature element: XMLElement, _ failure: (String) -> IsomerError) throws(IsomerError) {
        let isLBP = kind == ISOMER_CASCADE_LBP
        if let tilted = element.child("tilted")?.numbers(), tilted.first != 0 {
            throw IsomerError(.unsupported, "this cascade has tilted features, which are not read", remedy: "use an upright one")
        }
        let rows = isLBP ? [element.child("rect")?.numbers()] : (element.child("rects")?.children.map { $0.numbers() } ?? [])
        guard (1...3).contains(rows.count) else { throw failure("a feature without boxes") }
        var boxes: [(x: Int, y: Int, width: Int, height: Int, weight: Float)] = []
        for row in rows {
            guard let row, row.count == (isLBP ? 4 : 5) else { throw failure("a box that is none") }
            let numbers = row.prefix(4).compactMap { Int(exactly: $0) }
            // An LBP box is a cell of a grid of three by three.
            let cells = isLBP ? 3 : 1
            guard numbers.count == 4, numbers.allSatisfy({ (0...512).contains($0) }), numbers[2] > 0, numbers[3] > 0,
                numbers[0] + cells * numbers[2] <= window.width, numbers[1] + cells * numbers[3] <= window.height
            else { throw failure("a box outside of the window") }
            boxes.append((numbers[0], numbers[1], numbers[2], numbers[3], isLBP ? 1 : Float(row[4])))
        }
        features.append(boxes)
        weights += (0..<3).map { $0 < boxes.count ? boxes[$0].weight : 0 }
        largestBox = boxes.reduce(largestBox) { max($0, $1.width * $1.height) }
    }

    private mutating func append(tree: XMLElement, _ failure: (String) -> IsomerError) throws(IsomerError) {
        let isLBP = kind == ISOMER_CASCADE_LBP
        let size = isLBP ? 11 : 4
        guard let numbers = tree.child("internalNodes")?.numbers(), let values = tree.child("leafValues")?.numbers(), !numbers.isEmpty,
            numbers.count % size == 0, values.count == numbers.count / size + 1
        else { throw failure("a tree without nodes or leaves") }
        let count = numbers.count / size
        treeNodes.append(Int32(clamping: nodes.count))
        treeLeaves.append(Int32(clamping: leaves.count))
        for index in 0..<count {
            let row = numbers[index * size..<(index + 1) * size].map { $0 }
            guard let left = Int32(exactly: row[0]), let right = Int32(exactly: row[1]), let feature = Int32(exactly: row[2]),
                features.indices.contains(Int(feature))
            else { throw failure("a node that asks for a feature that is not there") }
            for next in [left, right] {
                // Nodes lead on to later nodes or to leaves, so no tree can run in a circle.
                let isNode = next > 0 && Int(next) > index && Int(next) < count
                guard isNode || (next <= 0 && Int(-next) <= count) else { throw failure("a node that leads nowhere") }
            }
            var node = isomer_cascade_node()
            node.left = left
            node.right = right
            node.feature = feature
            if isLBP {
                let words = row[3...].compactMap { Int32(exactly: $0) }.map { UInt32(bitPattern: $0) }
                guard words.count == 8 else { throw failure("a set of patterns that is none") }
                node.subset = (words[0], words[1], words[2], words[3], words[4], words[5], words[6], words[7])
            } else {
                node.threshold = Float(row[3])
            }
            nodes.append(node)
        }
        leaves += values.map { Float($0) }
    }

    /// Where each feature's corners lie in a table of sums with rows `stride` apart and the columns of a row at `column`.
    func offsets(stride: Int, column: (Int) -> Int = { $0 }) -> [Int32] {
        var offsets: [Int32] = []
        offsets.reserveCapacity(features.count * 16)
        for boxes in features {
            if kind == ISOMER_CASCADE_LBP {
                let box = boxes[0]
                for y in 0..<4 {
                    for x in 0..<4 { offsets.append(Int32(clamping: (box.y + y * box.height) * stride + column(box.x + x * box.width))) }
                }
                continue
            }
            for index in 0..<3 {
                guard index < boxes.count else {
                    offsets += [0, 0, 0, 0]
                    continue
                }
                let box = boxes[index]
                for y in [box.y, box.y + box.height] {
                    for x in [box.x, box.x + box.width] { offsets.append(Int32(clamping: y * stride + column(x))) }
                }
            }
        }
        return offsets
    }
}

extension String {
    func trimmingWhitespace() -> String {
        var rest = self[...]
        while let last = rest.last, last.isWhitespace { rest.removeLast() }
        while let first = rest.first, first.isWhitespace { rest.removeFirst() }
        return String(rest)
    }
}
