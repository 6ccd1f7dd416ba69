/// A source of normally distributed numbers that gives the numbers of a library people know by its seeds.
public protocol NoiseGenerator: Sendable {
    /// The next `count` numbers, of mean 0 and variance 1, as one tensor of that many elements: what some libraries draw depends on how many
    /// are asked for at once.
    mutating func normals(_ count: Int) -> [Float]
}
