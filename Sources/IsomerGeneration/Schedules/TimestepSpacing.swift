/// Which of a model's training steps are taken when there are fewer.
public enum TimestepSpacing: String, Hashable, Sendable, CaseIterable {
    /// Evenly, first and last included.
    case linspace
    /// Evenly from the first on: the noisiest is left out. Stable Diffusion's own.
    case leading
    /// Evenly from the last on: the one for models that were trained down to pure noise.
    case trailing
}

extension TimestepSpacing {
    /// `count` training steps out of `total`, the noisiest first. `offset` is added where steps lead.
    ///
    /// Reference: diffusers 0.42, `set_timesteps` of scheduling_euler_discrete.py (not rounded) and scheduling_ddim.py (rounded).
    func timesteps(_ count: Int, of total: Int, offset: Int = 0) -> [Double] {
        guard count > 0, total > 0 else { return [] }
        switch self {
        case .linspace:
            guard count > 1 else { return [0] }
            return (0..<count).map { Double(total - 1) / Double(count - 1) * Double(count - 1 - $0) }
        case .leading:
            let ratio = total / count
            return (0..<count).map { Double((count - 1 - $0) * ratio + offset) }
        case .trailing:
            let ratio = Double(total) / Double(count)
            return (0..<count).map { (Double(total) - Double($0) * ratio).rounded(.toNearestOrEven) - 1 }
        }
    }
}
