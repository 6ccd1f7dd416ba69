public import IsomerBytes
public import IsomerTensors
import Synchronization

/// Statistics of the tensors of a source, gathered by all workers, each tensor by itself and all of one type together.
public struct TensorSurvey: Sendable {
    /// What was found of one tensor, without the bins.
    public struct Entry: Hashable, Sendable {
        /// The tensor, counted in the source.
        public var index: Int
        public var elementCount: UInt64
        public var nanCount: UInt64
        public var infinityCount: UInt64
        public var zeroCount: UInt64
        /// `nil` if no element is finite.
        public var minimum: Double?
        public var maximum: Double?
        public var mean: Double?
        public var standardDeviation: Double?
        public var histogram: TensorStatistics.Histogram?
    }

    /// The tensors that were looked at, in the source's order. Those of quantized types are not among them.
    public let entries: [Entry]
    /// All elements of one type together.
    public let totals: [ScalarType: TensorStatistics]

    /// Reads every element of the tensors `indexes` of `source` once.
    ///
    /// - Parameters:
    ///   - bucketCount: how finely the histograms are divided.
    ///   - progress: told how many bytes are done, from any worker.
    public init(
        of source: any TensorSource, _ indexes: [Int], bucketCount: Int = 20, workers: Workers = Workers(),
        progress: @Sendable (_ done: UInt64) -> Void = { _ in }
    ) throws(IsomerError) {
        let known = indexes.filter { source.tensors[$0].scalarType.kind != .quantized }
        let ranges = TensorRanges(known.map { source.tensors[$0].shape.elementCount }).items
        let buffers = (0..<workers.count).map { _ in WorkerBuffer(byteCount: TensorRanges.elementsAtOnce * 16) }
        let collected = Mutex(Collected(source.tensors, known, ranges, bucketCount))
        let done = Counter()
        try workers.run(ranges.count) { (item, worker) throws(IsomerError) in
            let range = ranges[item]
            let index = known[range.tensor]
            var statistics = try TensorStatistics(of: source.tensors[index].scalarType)
            let bytes = try buffers[worker].read(range.elements, of: index, in: source)
            try statistics.update(bytes)
            let found = statistics
            collected.withLock { $0.add(found, ofTensor: range.tensor) }
            progress(done.add(UInt64(bytes.count)))
        }
        let result = collected.withLock { $0 }
        entries = result.entries
        totals = result.totals
    }

    /// Tensors in work keep their bins; finished ones only what is asked of them, so that memory does not grow with their number.
    private struct Collected {
        var entries: [Entry]
        var totals: [ScalarType: TensorStatistics] = [:]
        private var open: [Int: (statistics: TensorStatistics, missing: Int)] = [:]
        private let missing: [Int: Int]
        private let bucketCount: Int

        init(_ tensors: [TensorDescriptor], _ known: [Int], _ ranges: [TensorRanges.Item], _ bucketCount: Int) {
            entries = known.map {
                Entry(
                    index: $0, elementCount: UInt64(tensors[$0].shape.elementCount), nanCount: 0, infinityCount: 0, zeroCount: 0)
            }
            missing = ranges.reduce(into: [:]) { $0[$1.tensor, default: 0] += 1 }
            self.bucketCount = bucketCount
        }

        mutating func add(_ part: TensorStatistics, ofTensor tensor: Int) {
            var (statistics, missing) = open[tensor] ?? (part, missing[tensor] ?? 1)
            if open[tensor] != nil { statistics.merge(part) }
            missing -= 1
            if missing > 0 {
                open[tensor] = (statistics, missing)
                return
            }
            open[tensor] = nil
            entries[tensor].elementCount = statistics.elementCount
            entries[tensor].nanCount = statistics.nanCount
            entries[tensor].infinityCount = statistics.infinityCount
            entries[tensor].zeroCount = statistics.zeroCount
            entries[tensor].minimum = statistics.minimum
            entries[tensor].maximum = statistics.maximum
            entries[tensor].mean = statistics.mean
            entries[tensor].standardDeviation = statistics.standardDeviation
            entries[tensor].histogram = statistics.histogram(bucketCount: bucketCount)
            if totals[statistics.scalarType]?.merge(statistics) == nil { totals[statistics.scalarType] = statistics }
        }
    }
}
