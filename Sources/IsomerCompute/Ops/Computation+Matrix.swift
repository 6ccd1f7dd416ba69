internal import CKernels
public import IsomerBytes
import IsomerTensors

extension Computation {
    /// Where a convolution's zeros stand around the picture.
    public enum Padding: Hashable, Sendable {
        /// As many on all sides as keep the size at stride 1.
        case same
        /// None before the first row and column, and one after the last ones.
        case trailing
        /// None.
        case none
    }

    /// `y = f(x·Wᵀ + b) · scale + residual` over the last axis: `weight [outputs, channels]`, `bias [outputs]`.
    ///
    /// - Parameter isExact: whether operands stay f32 whatever the precision: for the small maps at a network's ends, which everything hangs on.
    public func linear(
        _ x: Tensor, _ module: Module, outputs: Int, hasBias: Bool = true, activation: Activation = .none, scale: Float = 1,
        residual: Tensor? = nil, isExact: Bool = false
    ) throws(IsomerError) -> Tensor {
        var job = Product(module, weightShape: [outputs, x.channels], hasBias: hasBias)
        job.activation = activation
        job.scale = scale
        job.isExact = isExact
        job.residual = residual
        job.native.images = 1
        job.native.input_height = 1
        job.native.input_width = x.rows
        job.native.output_height = 1
        job.native.output_width = x.rows
        job.native.kernel_height = 1
        job.native.kernel_width = 1
        job.native.stride = 1
        job.native.magnification = 1
        return try run(job, x, shape: Array(x.shape.dropLast()) + [outputs])
    }

    /// A square convolution of pictures `[images, height, width, channels]`: `weight [outputs, channels, kernel, kernel]`, `bias [outputs]`.
    ///
    /// - Parameters:
    ///   - magnification: enlarges the picture by this factor first, nearest pixel.
    ///   - imageBias: `[images, outputs]`, added to all pixels of a picture before the activation.
    ///   - residual: added last; of the output's shape.
    public func convolution(
        _ x: Tensor, _ module: Module, outputs: Int, kernel: Int, stride: Int = 1, padding: Padding = .same, magnification: Int = 1,
        hasBias: Bool = true, activation: Activation = .none, imageBias: Tensor? = nil, residual: Tensor? = nil, scale: Float = 1,
        isExact: Bool = false
    ) throws(IsomerError) -> Tensor {
        guard x.shape.count == 4, kernel > 0, kernel * kernel <= ISOMER_MATRIX_TAPS, stride > 0, magnification > 0 else {
            throw IsomerError(.usage, "a convolution needs pictures and a small kernel", item: module.name, found: "\(x.shape)")
        }
        let leading = padding == .same ? kernel / 2 : 0
        let trailing = padding == .same ? (kernel - 1) / 2 : padding == .trailing ? 1 : 0
        let height = x.shape[1] * magnification + leading + trailing - kernel
        let width = x.shape[2] * magnification + leading + trailing - kernel
        guard height >= 0, width >= 0 else {
            throw IsomerError(
                .mismatch, "the picture is smaller than the convolution's kernel", item: module.name,
                expected: "at least \(kernel)×\(kernel)", found: "\(x.shape[1])×\(x.shape[2])")
        }
        let shape = [x.shape[0], height / stride + 1, width / stride + 1, outputs]
        var job = Product(module, weightShape: [outputs, x.channels, kernel, kernel], hasBias: hasBias)
        job.activation = activation
        job.scale = scale
        job.isExact = isExact
        job.residual = residual
        job.imageBias = imageBias
        job.native.images = x.shape[0]
        job.native.input_height = x.shape[1]
        job.native.input_width = x.shape[2]
        job.native.output_height = shape[1]
        job.native.output_width = shape[2]
        job.native.kernel_height = kernel
        job.native.kernel_width = kernel
        job.native.stride = stride
        job.native.pad_top = leading
        job.native.pad_left = leading
        job.native.magnification = magnification
        return try run(job, x, shape: shape)
    }

    /// A product before it has its operands.
    private struct Product {
        var native = isomer_matrix_job()
        let module: Module
        let weightShape: [Int]
        let hasBias: Bool
        var activation = Activation.none
        var scale: Float = 1
        var isExact = false
        var residual: Tensor?
        var imageBias: Tensor?

        init(_ module: Module, weightShape: [Int], hasBias: Bool) {
            self.module = module
            self.weightShape = weightShape
            self.hasBias = hasBias
        }
    }

    private func run(_ product: Product, _ x: Tensor, shape: [Int]) throws(IsomerError) -> Tensor {
        let (module, outputs) = (product.module, product.weightShape[0])
        let output = try tensor(shape)
        try product.residual?.require(shape, as: "what is added to \(module.name)")
        try product.imageBias?.require([shape[0], outputs], as: "what is added to the pictures of \(module.name)")
        var job = product.native
        job.input = UnsafePointer(x.address)
        job.input_stride = x.channels
        job.channels = x.channels
        job.outputs = outputs
        job.output = output.address
        job.output_stride = outputs
        job.image_bias = UnsafePointer(product.imageBias?.address)
        job.residual = UnsafePointer(product.residual?.address)
        job.residual_stride = outputs
        job.scale = product.scale
        job.activation = product.activation.kernel
        job.rounds_to_bf16 = precision == .bf16 && !product.isExact
        let isEmpty = output.count == 0 || x.channels == 0
        let schedule = isEmpty ? nil : ProductSchedule(job, level.kernels, workers.count)
        let packed = try schedule.map { schedule throws(IsomerError) in try tensor([schedule.packedFloats]) }
        if isPlanning {
            try module.weights.expect(module.path + "weight", product.weightShape)
            if product.hasBias { try module.weights.expect(module.path + "bias", [outputs]) }
            return output
        }
        let bias = product.hasBias ? try module.weights.values(module.path + "bias", [outputs]) : []
        try module.weights.withBytes(module.path + "weight", product.weightShape) { bytes, type throws(IsomerError) in
            guard let schedule, let memory = packed?.address else { return }
            if let scalar = type.kernelScalar {
                job.weight_type = scalar
            } else if let block = type.nativeBlock {
                job.has_blocks = true
                job.block_type = block
            } else {
                return
            }
            var failure: IsomerError?
            bias.withUnsafeBufferPointer { bias in
                job.weights = bytes
                job.bias = product.hasBias ? bias.baseAddress : nil
                do throws(IsomerError) { try run(job, schedule, UnsafeMutableRawPointer(memory)) } catch { failure = error }
            }
            if let failure { throw failure }
        }
        if isEmpty { output.address?.update(repeating: 0, count: output.count) }
        try observer?(module.name, output)
        return withExtendedLifetime((x, packed)) { output }
    }

    /// Packs and multiplies, in turns.
    private func run(_ job: isomer_matrix_job, _ schedule: ProductSchedule, _ packed: UnsafeMutableRawPointer) throws(IsomerError) {
        // SAFETY: what the job points to outlives the loops; no two items write the same numbers; and a worker's part of `packed` is used by one
        // item at a time.
        nonisolated(unsafe) let (job, packed) = (job, packed)
        let (level, columns) = (level.kernels, schedule.columns)
        let (panel, panelBytes) = (schedule.panel, schedule.panelBytes)
        switch schedule.way {
        case .unpacked:
            let each = schedule.panelsEach
            try parallel((schedule.panels + each - 1) / each) { item, scratch in
                withUnsafePointer(to: job) {
                    isomer_matrix_few_rows(level, $0, item * each * panel, min(columns, (item + 1) * each * panel), scratch)
                }
            }
        case .packedByItem:
            let each = schedule.panelsEach
            try parallel((schedule.panels + each - 1) / each) { item, worker, scratch in
                let (first, end) = (item * each * panel, min(columns, (item + 1) * each * panel))
                let place = packed + worker * each * panelBytes
                withUnsafePointer(to: job) {
                    isomer_matrix_pack(level, $0, first, end, place, scratch)
                    isomer_matrix_run(level, $0, place, 0, schedule.strips, first, end, scratch)
                }
            }
        case .packedForAll:
            for start in stride(from: 0, to: schedule.panels, by: schedule.panelsEach) {
                let end = min(schedule.panels, start + schedule.panelsEach)
                try parallel(end - start) { item, scratch in
                    let first = (start + item) * panel
                    withUnsafePointer(to: job) {
                        isomer_matrix_pack(level, $0, first, min(columns, first + panel), packed + item * panelBytes, scratch)
                    }
                }
                let items = schedule.items(of: start..<end)
                try parallel(items.count) { item, scratch in
                    let (panels, strips) = items[item]
                    guard !panels.isEmpty, !strips.isEmpty else { return }
                    withUnsafePointer(to: job) {
                        isomer_matrix_run(
                            level, $0, packed + (panels.lowerBound - start) * panelBytes, strips.lowerBound, strips.upperBound,
                            panels.lowerBound * panel, min(columns, panels.upperBound * panel), scratch)
                    }
                }
            }
        }
    }
}
