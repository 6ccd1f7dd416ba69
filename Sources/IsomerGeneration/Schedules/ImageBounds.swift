/// How the image that a sampler predicts on the way is kept within bounds, as models of pixels want it.
public enum ImageBounds: Hashable, Sendable {
    /// No number is further from zero than this: `clip_sample`.
    case range(Float)
    /// Dynamic thresholding: no number is further from zero than this share of them are, and that number, at least 1 and at most `greatest`,
    /// becomes 1.
    ///
    /// Reference: Saharia and others, 2022, section 2.3; diffusers 0.42, scheduling_ddpm.py `_threshold_sample`.
    case quantile(Double, greatest: Double)

    /// `image` within the bounds: the numbers of one image.
    public func applied(to image: [Float]) -> [Float] {
        switch self {
        case .range(let bound): return image.map { min(max($0, -bound), bound) }
        case .quantile(let share, let greatest):
            let bound = min(max(Self.quantile(share, of: image.map(abs)), 1), greatest)
            return image.map { Float(min(max(Double($0), -bound), bound) / bound) }
        }
    }

    /// The number below which a `share` of `numbers` lies, between two of them in proportion.
    ///
    /// Reference: PyTorch 2.13, `torch.quantile`.
    private static func quantile(_ share: Double, of numbers: [Float]) -> Double {
        let sorted = numbers.sorted()
        guard !sorted.isEmpty else { return 0 }
        let rank = min(max(0, share), 1) * Double(sorted.count - 1)
        let (below, part) = (Int(rank), rank - rank.rounded(.down))
        let number = Double(sorted[below])
        // Beyond the last there is none, and infinity times nothing is no number.
        return part > 0 ? number + part * (Double(sorted[below + 1]) - number) : number
    }
}

extension [Float] {
    /// Within `bounds`; as they are without any.
    func kept(within bounds: ImageBounds?) -> [Float] { bounds?.applied(to: self) ?? self }
}
