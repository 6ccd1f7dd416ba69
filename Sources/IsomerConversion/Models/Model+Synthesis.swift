import IsomerArchitectures
public import IsomerBytes
public import IsomerMapping
public import IsomerTensors

extension Model {
    /// A model of true structure and random weights: `member` at its published size, or, if `isTiny`, as a relative a thousand times smaller.
    ///
    /// The same seed gives the same tensors on every machine and in every arrangement.
    public init(
        synthesizing member: ModelMember, of family: ModelFamily, seed: UInt64, scalarType: ScalarType = .f32, isTiny: Bool = false
    ) throws(IsomerError) {
        self.init(family: family, sources: [])
        self.member = isTiny ? nil : member
        pipeline = member.pipeline
        scheduler = member.scheduler
        prediction = .prediction(member.prediction, because: "\(member.title) does", flag: nil)
        for slot in family.slots {
            guard let published = member.components[slot.name] else { continue }
            let configuration = isTiny ? published.tiny : published
            var descriptors: [TensorDescriptor] = []
            for entry in try configuration.manifest().entries {
                descriptors.append(try TensorDescriptor(name: entry.name, scalarType: scalarType, shape: entry.shape))
            }
            let source = try RandomSource(descriptors, seed: seed)
            var tensors: [String: TensorExpression] = [:]
            for (index, descriptor) in descriptors.enumerated() {
                tensors[descriptor.name] = TensorExpression(TensorReference(source: sources.count, index: index), descriptor)
            }
            components[slot.name] = ModelComponent(
                slot: slot, configuration: configuration, written: nil, origin: "random", tensors: tensors)
            sources.append(ConversionPlan.Source("random numbers, seed \(seed)", source, files: []))
        }
    }
}
