/// Levels of noise and training steps, told from one another.
struct SigmaTable: Hashable, Sendable {
    private let sigmas: [Float]
    private let logarithms: [Float]

    /// Of σ for each training step, lowest first.
    init(_ sigmas: [Float]) {
        self.sigmas = sigmas
        logarithms = sigmas.map { Elementary.logarithm($0) }
    }

    /// σ at a training step that may lie between two.
    func sigma(at timestep: Double) -> Double {
        guard let last = sigmas.indices.last else { return 0 }
        let clamped = min(max(timestep, 0), Double(last))
        let index = min(Int(clamped), max(0, last - 1))
        guard last > 0 else { return Double(sigmas[0]) }
        let (low, high) = (Double(sigmas[index]), Double(sigmas[index + 1]))
        return (high - low) * (clamped - Double(index)) + low
    }

    /// The training step that has `sigma`, between two by the logarithm. Reference: diffusers, `_sigma_to_t`.
    func timestep(of sigma: Double) -> Double {
        guard logarithms.count > 1 else { return 0 }
        let logarithm = Elementary.logarithm(max(sigma, 1e-10))
        // The last step that is not above it.
        let above = logarithms.firstIndex { Double($0) > logarithm } ?? logarithms.count
        let index = min(max(0, above - 1), logarithms.count - 2)
        let (low, high) = (Double(logarithms[index]), Double(logarithms[index + 1]))
        let share = min(max((low - logarithm) / (low - high), 0), 1)
        return (1 - share) * Double(index) + share * Double(index + 1)
    }
}
