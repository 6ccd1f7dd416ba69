public import IsomerBytes
public import IsomerTensors

/// Routes tensors to the files of a sharded set.
///
/// The index is not its business: `ShardPlan.indexBytes` is written last, by whoever owns the folder.
public final class ShardedWriter: TensorSink {
    public let tensors: [TensorDescriptor]
    /// Bytes of all files together, without the index.
    public let byteCount: UInt64

    private let sinks: [any TensorSink]
    /// For each tensor, the file and its index there.
    private let places: [(sink: Int, index: Int)]

    /// - Parameter makeSink: makes the sink of one file, for these tensors in this order.
    public init(
        _ plan: ShardPlan, tensors: [TensorDescriptor],
        makeSink: (ShardPlan.Shard, [TensorDescriptor]) throws(IsomerError) -> any TensorSink
    ) throws(IsomerError) {
        var sinks: [any TensorSink] = []
        var places = [(sink: Int, index: Int)](repeating: (0, 0), count: tensors.count)
        var placed = 0
        var total: UInt64 = 0
        for shard in plan.shards {
            var members: [TensorDescriptor] = []
            for index in shard.tensors {
                let tensor = try tensors.checked(index, path: nil)
                places[index] = (sinks.count, members.count)
                members.append(tensor)
                placed += 1
            }
            let sink = try makeSink(shard, members)
            total = total.addingReportingOverflow(sink.byteCount).partialValue
            sinks.append(sink)
        }
        guard placed == tensors.count else {
            throw IsomerError(.usage, "the plan was made for other tensors", expected: "\(tensors.count)", found: "\(placed)")
        }
        self.tensors = tensors
        self.sinks = sinks
        self.places = places
        byteCount = total
    }

    public func write(_ bytes: UnsafeRawBufferPointer, to index: Int, at offset: Int) throws(IsomerError) {
        _ = try tensors.checked(index, path: nil)
        try sinks[places[index].sink].write(bytes, to: places[index].index, at: offset)
    }

    public func destination(of index: Int) -> Destination? {
        guard places.indices.contains(index) else { return nil }
        return sinks[places[index].sink].destination(of: places[index].index)
    }

    public var seesEveryByte: Bool { sinks.contains(where: \.seesEveryByte) }

    public func finish() throws(IsomerError) {
        for sink in sinks { try sink.finish() }
    }
}
