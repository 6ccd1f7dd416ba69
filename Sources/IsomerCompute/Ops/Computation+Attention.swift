internal import CKernels
public import IsomerBytes

extension Computation {
    /// Softmax attention: `query [images, queries, width]`, `key` and `value [images, keys, width]`, heads side by side in a row.
    ///
    /// - Parameters:
    ///   - scale: of the scores; one over the root of the head's size if not said.
    ///   - mask: added to the scores: `[images or 1, heads or 1, queries or 1, keys]`.
    public func attention(
        _ query: Tensor, _ key: Tensor, _ value: Tensor, heads: Int, scale: Float? = nil, isCausal: Bool = false, mask: Tensor? = nil
    ) throws(IsomerError) -> Tensor {
        guard query.shape.count == 3, key.shape.count == 3, key.shape == value.shape, key.shape[0] == query.shape[0],
            key.channels == query.channels, heads > 0, query.channels % heads == 0
        else {
            throw IsomerError(
                .mismatch, "the operands of an attention do not fit", expected: "\(heads) heads",
                found: "\(query.shape), \(key.shape), \(value.shape)")
        }
        let size = query.channels / heads
        guard size <= ISOMER_ATTENTION_HEAD else {
            throw IsomerError(
                .unsupported, "an attention head is too large", expected: "at most \(ISOMER_ATTENTION_HEAD)", found: "\(size)")
        }
        let (images, queries, keys) = (query.shape[0], query.shape[1], key.shape[1])
        let strides = if let mask { try maskStrides(mask, images, heads, queries, keys) } else { (image: 0, head: 0, query: 0) }
        let output = try tensor(query.shape)
        let level = level.kernels
        var job = isomer_attention_job()
        job.query = UnsafePointer(query.address)
        job.key = UnsafePointer(key.address)
        job.value = UnsafePointer(value.address)
        job.output = output.address
        job.query_stride = query.channels
        job.key_stride = key.channels
        job.value_stride = value.channels
        job.output_stride = query.channels
        job.images = images
        job.heads = heads
        job.head_size = size
        job.queries = queries
        job.keys = keys
        job.scale = scale ?? 1 / Float(size).squareRoot()
        job.is_causal = isCausal
        job.mask = UnsafePointer(mask?.address)
        job.mask_image_stride = strides.image
        job.mask_head_stride = strides.head
        job.mask_query_stride = strides.query
        // Rounding is off by a share of the score. Where scores are not scaled down by the head's size (T5), that is too much.
        job.rounds_to_bf16 = precision == .bf16 && scale == nil
        let packed = try tensor([images * heads, withUnsafePointer(to: job) { isomer_attention_packed(level, $0) }])
        guard packed.address != nil, output.count > 0 else { return output }
        job.packed = packed.address
        // SAFETY: the tensors outlive both loops; the first one's shares write different heads, the second one's different queries.
        nonisolated(unsafe) let shared = job
        try parallel(images * heads) { item, _ in
            withUnsafePointer(to: shared) { isomer_attention_pack(level, $0, item / heads, item % heads) }
        }
        let share = isomer_attention_queries()
        let shares = (queries + share - 1) / share
        try parallel(images * heads * shares) { item, scratch in
            let (head, part) = (item / shares, item % shares)
            withUnsafePointer(to: shared) {
                isomer_attention_run(level, $0, head / heads, head % heads, part * share, min(queries, (part + 1) * share), scratch)
            }
        }
        return withExtendedLifetime((query, key, value, mask, packed)) { output }
    }

    /// How far apart an attention's mask has the images', heads' and queries' scores: 0 where one row serves all.
    private func maskStrides(
        _ mask: Tensor, _ images: Int, _ heads: Int, _ queries: Int, _ keys: Int
    ) throws(IsomerError) -> (image: Int, head: Int, query: Int) {
        let allowed = [[1, images], [1, heads], [1, queries], [keys]]
        guard mask.shape.count == 4, zip(mask.shape, allowed).allSatisfy({ $1.contains($0) }) else {
            throw IsomerError(.mismatch, "an attention's mask does not fit", expected: "\(allowed)", found: "\(mask.shape)")
        }
        return (
            image: mask.shape[0] == 1 ? 0 : mask.shape[1] * mask.shape[2] * keys, head: mask.shape[1] == 1 ? 0 : mask.shape[2] * keys,
            query: mask.shape[2] == 1 ? 0 : keys
        )
    }
}
