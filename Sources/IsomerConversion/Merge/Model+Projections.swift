import IsomerArchitectures
import IsomerBytes
import IsomerMapping
import IsomerTensors

extension Model {
    /// Turns text projections that lie the other way round than the first model's, and says so: sums of the two would be neither's.
    ///
    /// - Parameter title: what this model is called.
    mutating func turnProjections(like first: Model, called title: String) throws(IsomerError) -> [Decision] {
        let name = "text_projection.weight"
        var decisions: [Decision] = []
        for slot in components.keys.sorted() {
            guard let mine = components[slot]?.tensors[name], let theirs = first.components[slot]?.tensors[name],
                mine.shape == theirs.shape, mine.shape.rank == 2, let width = mine.shape.dimensions.first,
                mine.shape.dimensions[1] == width, ProjectionOrientation.widths.contains(width)
            else { continue }
            let (one, other) = (try first.numbers(theirs), try numbers(mine))
            let distances = ProjectionOrientation.Distances(one.values, other.values, width: width)
            guard distances.isTurned else { continue }
            components[slot]?.tensors[name] = try mine.transposed()
            decisions.append(
                Decision(
                    "\(slot)/text_projection of \(title)", "turned",
                    because: "as it is, it is \(Self.percent(distances.asTheyAre)) of the first model's length away from it, and turned "
                        + "\(Self.percent(distances.turned))"))
        }
        return decisions
    }

    private static func percent(_ share: Double) -> String {
        // Infinite where the first model's numbers are nearly nothing.
        share < 10 ? "\(Int((share * 100).rounded())) %" : "more than 1000 %"
    }

    private func numbers(_ expression: TensorExpression) throws(IsomerError) -> FloatBuffer {
        let tensor = PlannedTensor(
            try TensorDescriptor(name: "", scalarType: .f32, shape: expression.shape), pieces: expression.pieces,
            sourceType: expression.scalarType)
        return try PlannedTensorSource(
            ConversionPlan(sources: sources, shape: .file, files: [PlannedFile(container: .safetensors, tensors: [tensor])])
        ).floats(of: 0)
    }
}
