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
        if isPlanning {
            try module.weights.expect(module.path + "weight", product.weightShape)
            if product.hasBias { try module.weights.expect(module.path + "bias", [outputs]) }
            return output
        }
        let bias = product.hasBias ? try module.weights.values(module.path + "bias", [outputs]) : []
        try module.weights.withBytes(module.path + "weight", product.weightShape) { bytes, type throws(IsomerError) in
            guard let scalar = type.kernelScalar else { return }
            var failure: IsomerError?
            bias.withUnsafeBufferPointer { bias in
                var job = product.native
                job.input = UnsafePointer(x.address)
                job.input_stride = x.channels
                job.channels = x.channels
                job.weights = bytes
                job.weight_type = scalar
                job.outputs = outputs
                job.output = output.address
                job.output_stride = outputs
                job.bias = product.hasBias ? bias.baseAddress : nil
                job.image_bias = UnsafePointer(product.imageBias?.address)
                job.residual = UnsafePointer(product.residual?.address)
                job.residual_stride = outputs
                job.scale = product.scale
                job.activation = product.activation.kernel
                job.rounds_to_bf16 = precision == .bf16 && !product.isExact
                do throws(IsomerError) { try run(job, rows: output.rows) } catch { failure = error }
            }
            if let failure { throw failure }
        }
        try observer?(module.name, output)
        return output
    }

    /// Shares a product out: by rows where there are many, since each share packs the weights anew; then by outputs.
    private func run(_ job: isomer_matrix_job, rows: Int) throws(IsomerError) {
        guard rows > 0, job.outputs > 0, job.channels > 0 else { return }
        let (level, columns) = (level.kernels, isomer_matrix_panel(level.kernels))
        let tile = isomer_matrix_rows(level)
        let wanted = workers.count == 1 ? 1 : workers.count * 3
        let rowShares = max(1, min(rows / 384, wanted))
        let panels = (job.outputs + columns - 1) / columns
        let outputShares = rowShares >= wanted ? 1 : min(panels, (wanted + rowShares - 1) / rowShares)
        let rowsEach = ((rows + rowShares - 1) / rowShares + tile - 1) / tile * tile
        let panelsEach = (panels + outputShares - 1) / outputShares
        // SAFETY: what the job points to outlives the loop, and no two shares write the same numbers.
        nonisolated(unsafe) let job = job
        try parallel(rowShares * outputShares) { item, scratch in
            let (row, panel) = (item / outputShares * rowsEach, item % outputShares * panelsEach * columns)
            guard row < rows, panel < job.outputs else { return }
            withUnsafePointer(to: job) {
                isomer_matrix_run(
                    level, $0, row, min(rows, row + rowsEach), panel, min(job.outputs, panel + panelsEach * columns), scratch)
            }
        }
    }
}
