import IsomerArchitectures
import IsomerBytes
import IsomerCompute

extension UNetPass {
    /// Embeds time, class and sizes.
    ///
    /// - Parameter extra: is added to them: a union ControlNet's kinds of control.
    init(
        _ c: Computation, _ weights: Module, _ configuration: UNetConfiguration, _ headCounts: [Int], _ groups: Int, times: [Float],
        images: Int, _ conditioning: UNet2DCondition.Conditioning, plus extra: Tensor? = nil
    ) throws(IsomerError) {
        let width = configuration.timeWidth
        func mlp(_ x: Tensor, _ name: String, plus residual: Tensor?) throws(IsomerError) -> Tensor {
            let hidden = try c.linear(x, weights[name]["linear_1"], outputs: width, activation: .silu, isExact: true)
            return try c.linear(hidden, weights[name]["linear_2"], outputs: width, residual: residual, isExact: true)
        }
        let sinusoids = configuration.down[0].channels
        var sines = try c.timeEmbedding(times, width: sinusoids)
        if let inputs = configuration.guidanceWidth {
            guard let guidance = conditioning.guidance, guidance.count == images else { throw Self.missing("the strength of guidance") }
            let embedded = try c.guidanceEmbedding(guidance, width: inputs)
            let map = weights["time_embedding"]["cond_proj"]
            sines = try c.linear(embedded, map, outputs: sinusoids, hasBias: false, residual: sines, isExact: true)
        }
        var time = try mlp(sines, "time_embedding", plus: extra)
        switch configuration.classEmbedding {
        case .none: break
        case .table(let count):
            guard let classes = conditioning.classes, classes.count == images else { throw Self.missing("class numbers") }
            var ids: [Int] = []
            for number in classes {
                guard let id = Int(exactly: number) else { throw Self.missing("whole class numbers") }
                ids.append(id)
            }
            let rows = try c.embedding(ids, images: images, weights["class_embedding"], count: count, width: width)
            time = try c.add(time, c.reshape(rows, [images, width]))
        case .projection(let inputs):
            guard let vector = conditioning.classVector, vector.shape == [images, inputs] else { throw Self.missing("a class vector") }
            time = try mlp(vector, "class_embedding", plus: time)
        case .timestep:
            guard let classes = conditioning.classes, classes.count == images else { throw Self.missing("class numbers") }
            time = try mlp(c.timeEmbedding(classes, width: sinusoids), "class_embedding", plus: time)
        }
        if let inputs = configuration.additionWidth {
            guard let (text, sizes) = conditioning.addition, let each = configuration.additionTimeWidth, sizes.count % images == 0,
                text.channels + sizes.count / images * each == inputs
            else { throw Self.missing("a pooled text and sizes that together make \(inputs) numbers") }
            let angles = try c.reshape(c.timeEmbedding(sizes, width: each), [images, sizes.count / images * each])
            time = try mlp(c.concatenate(text, angles), "add_embedding", plus: time)
        }
        self.c = c
        self.time = try c.activate(time, .silu)
        context = conditioning.context
        self.configuration = configuration
        self.headCounts = headCounts
        self.groups = groups
    }

    private static func missing(_ what: String) -> IsomerError { IsomerError(.usage, "the UNet wants \(what)") }
}
