/// Which of a model's training steps are taken when there are fewer.
public enum TimestepSpacing: String, Hashable, Sendable, CaseIterable {
    /// Evenly, first and last included.
    case linspace
    /// Evenly from the first on: the noisiest is left out. Stable Diffusion's own.
    case leading
    /// Evenly from the last on: the one for models that were trained down to pure noise.
    case trailing
    /// As the original repository of Stable Diffusion spaces them, with DDIM and PLMS: evenly from 1 on, and as many as there is room for,
    /// which are more than were asked for wherever the number does not divide the training steps.
    case compVis = "compvis"
}

extension TimestepSpacing {
    /// `count` training steps out of `total`, the noisiest first. `offset` is added where steps lead.
    ///
    /// CompVis' own `range(0, total, total // count) + 1` goes one past the table when more than half of the steps are asked for, and fails
    /// there: here the last step stands for it.
    ///
    /// Reference: diffusers 0.42, `set_timesteps` of scheduling_euler_discrete.py (not rounded) and scheduling_ddim.py (rounded);
    /// CompVis, ldm/modules/diffusionmodules/util.py `make_ddim_timesteps`.
    func timesteps(_ count: Int, of total: Int, offset: Int = 0) -> [Double] {
        guard count > 0, total > 0 else { return [] }
        switch self {
        case .linspace:
            guard count > 1 else { return [0] }
            return (0..<count).map { Double(total - 1) / Double(count - 1) * Double(count - 1 - $0) }
        case .leading:
            let ratio = total / count
            return (0..<count).map { Double((count - 1 - $0) * ratio + offset) }
        case .compVis:
            let ratio = max(1, total / count)
            return stride(from: 0, to: total, by: ratio).map { Double(min($0 + 1, total - 1)) }.reversed()
        case .trailing:
            let ratio = Double(total) / Double(count)
            return (0..<count).map { (Double(total) - Double($0) * ratio).rounded(.toNearestOrEven) - 1 }
        }
    }

    /// The same as whole steps that are in the table.
    func wholeTimesteps(_ count: Int, of total: Int, offset: Int = 0) -> [Int] {
        timesteps(min(count, total), of: total, offset: offset).map { min(max(0, Int($0.rounded(.toNearestOrEven))), max(0, total - 1)) }
    }
}
