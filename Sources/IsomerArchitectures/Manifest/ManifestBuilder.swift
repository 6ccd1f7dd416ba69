public import IsomerBytes
import IsomerTensors

/// Writes a manifest the way a network is written: module by module, each under its path.
public struct ManifestBuilder {
    /// What has been added so far.
    public private(set) var manifest = Manifest()
    private var path = ""

    /// Begins an empty manifest.
    public init() {}

    /// Everything that `body` adds stands under `component`.
    public mutating func scope(
        _ component: String, _ body: (inout ManifestBuilder) throws(IsomerError) -> Void
    ) throws(IsomerError) {
        let outer = path
        path = outer + component + "."
        defer { path = outer }
        try body(&self)
    }

    /// A bare parameter.
    public mutating func parameter(_ name: String, _ dimensions: [Int]) throws(IsomerError) {
        let shape: Shape
        do { shape = try Shape(dimensions) } catch { throw error.about(path + name) }
        try manifest.add(path + name, shape)
    }

    /// `y = x·Wᵀ + b`: `weight [output, input]`, `bias [output]`.
    public mutating func linear(_ name: String, input: Int, output: Int, hasBias: Bool = true) throws(IsomerError) {
        try parameter(name + ".weight", [output, input])
        if hasBias { try parameter(name + ".bias", [output]) }
    }

    /// A square convolution: `weight [output, input, kernel, kernel]`, `bias [output]`.
    public mutating func convolution(_ name: String, input: Int, output: Int, kernel: Int) throws(IsomerError) {
        try parameter(name + ".weight", [output, input, kernel, kernel])
        try parameter(name + ".bias", [output])
    }

    /// A group or layer norm with scale and offset: `weight [channels]`, `bias [channels]`.
    public mutating func norm(_ name: String, _ channels: Int) throws(IsomerError) {
        try parameter(name + ".weight", [channels])
        try parameter(name + ".bias", [channels])
    }

    /// A table of vectors: `weight [count, width]`.
    public mutating func embedding(_ name: String, count: Int, width: Int) throws(IsomerError) {
        try parameter(name + ".weight", [count, width])
    }
}
