internal import IsomerBytes

/// How trainers that take pictures of several shapes choose one for each picture.
public enum BucketScheme: Hashable, Sendable {
    /// Predefined sizes of about the same area; the nearest aspect wins, and the picture is scaled to cover it.
    ///
    /// Reference: kohya-ss/sd-scripts, library/model_util.py `make_bucket_resolutions` and library/train_util.py `BucketManager`.
    case kohya(resolution: PixelSize, minimum: Int, maximum: Int, step: Int)
    /// The same trainer with `bucket_no_upscale`: only pictures above the area shrink, and each side is cut down to a multiple of the step.
    case kohyaNoUpscale(resolution: PixelSize, step: Int)
    /// Nine aspects both ways, brought to the same area and rounded.
    ///
    /// Reference: Nerogar/mgds, pipelineModules/AspectBucketing.py.
    case oneTrainer(resolution: Int, step: Int)
    /// The multiples around the picture's own shape at the target area, never larger than the picture.
    ///
    /// Reference: ostris/ai-toolkit, toolkit/buckets.py.
    case aiToolkit(resolution: Int, step: Int)
    /// All multiples of 64 within bounds; the largest area, or the smallest error of aspect, wins. None if all differ too much.
    ///
    /// Reference: AUTOMATIC1111/stable-diffusion-webui, scripts/postprocessing_autosized_crop.py.
    case autoSized(sides: ClosedRange<Int>, area: ClosedRange<Int>, prefersArea: Bool, threshold: Double)

    /// The sizes that the scheme chooses among, sorted; empty if it computes one for each picture.
    public var sizes: [PixelSize] {
        var sizes: Set<PixelSize> = []
        switch self {
        case .kohya(let resolution, let minimum, let maximum, let step):
            guard step > 0, minimum > 0, minimum <= maximum, resolution.width > 0, resolution.height > 0 else { return [] }
            let area = resolution.area
            let square = Int(Double(area).squareRoot() / Double(step)) * step
            if square > 0 { sizes.insert(PixelSize(square, square)) }
            for width in stride(from: minimum, through: maximum, by: step) {
                let height = min(maximum, area / width / step * step)
                guard height >= minimum else { continue }
                sizes.insert(PixelSize(width, height))
                sizes.insert(PixelSize(height, width))
            }
        case .oneTrainer(let resolution, let step):
            guard step > 0, resolution > 0 else { return [] }
            func rounded(_ value: Double) -> Int { Int((value / Double(step)).rounded(.toNearestOrEven)) * step }
            for aspect in [1, 1.25, 1.5, 1.75, 2, 2.5, 3, 3.5, 4] {
                let short = rounded(1 / aspect.squareRoot() * Double(resolution))
                let long = rounded(aspect / aspect.squareRoot() * Double(resolution))
                guard short > 0 else { continue }
                sizes.insert(PixelSize(long, short))
                sizes.insert(PixelSize(short, long))
            }
        case .autoSized(let sides, let area, _, _):
            guard sides.lowerBound > 0 else { return [] }
            for width in stride(from: sides.lowerBound, through: sides.upperBound, by: 64) {
                for height in stride(from: sides.lowerBound, through: sides.upperBound, by: 64) where area.contains(width * height) {
                    sizes.insert(PixelSize(width, height))
                }
            }
        case .kohyaNoUpscale, .aiToolkit: break
        }
        return sizes.sorted { ($0.width, $0.height) < ($1.width, $1.height) }
    }
}

/// The shape chosen for a picture.
public struct BucketChoice: Hashable, Sendable {
    /// What comes out.
    public var size: PixelSize
    /// What the whole picture is scaled to before `size` is cut from it.
    public var scaled: PixelSize

    public init(size: PixelSize, scaled: PixelSize) {
        self.size = size
        self.scaled = scaled
    }
}

extension BucketScheme {
    /// The shape for a picture, or nil if the scheme has none for it.
    public func choice(for picture: PixelSize) -> BucketChoice? {
        guard picture.width > 0, picture.height > 0 else { return nil }
        switch self {
        case .kohya:
            return nearest(picture).map { Self.covering(picture, $0) }
        case .kohyaNoUpscale(let resolution, let step):
            guard step > 0 else { return nil }
            let scaled = Self.shrunk(picture, area: resolution.area, step: step)
            let size = PixelSize(scaled.width / step * step, scaled.height / step * step)
            return size.width > 0 && size.height > 0 ? BucketChoice(size: size, scaled: scaled) : nil
        case .oneTrainer:
            return nearestByHeight(picture).map { size in
                // This trainer rounds halves to even.
                let (aspect, target) = (Double(picture.height) / Double(picture.width), Double(size.height) / Double(size.width))
                func rounded(_ value: Double) -> Int { Int(value.rounded(.toNearestOrEven)) }
                let scaled =
                    aspect > target
                    ? PixelSize(size.width, rounded(Double(picture.height) * (Double(size.width) / Double(picture.width))))
                    : PixelSize(rounded(Double(picture.width) * (Double(size.height) / Double(picture.height))), size.height)
                return BucketChoice(size: size, scaled: scaled)
            }
        case .aiToolkit(let resolution, let step):
            guard step > 0, resolution > 0, let size = Self.aiToolkit(picture, resolution, step) else { return nil }
            let scale = max(Double(size.width) / Double(picture.width), Double(size.height) / Double(picture.height))
            let scaled = PixelSize(
                max(size.width, Int((Double(picture.width) * scale).rounded(.up))),
                max(size.height, Int((Double(picture.height) * scale).rounded(.up))))
            return BucketChoice(size: size, scaled: scaled)
        case .autoSized(_, _, let prefersArea, let threshold):
            func error(_ size: PixelSize) -> Double {
                let ratio = picture.aspect / size.aspect
                return 1 - (ratio < 1 ? ratio : 1 / ratio)
            }
            var best: (size: PixelSize, area: Int, error: Double)?
            for size in sizes {
                let candidate = (size: size, area: size.area, error: error(size))
                guard candidate.error <= threshold else { continue }
                let isBetter =
                    best.map { best in
                        prefersArea
                            ? (candidate.area, -candidate.error) > (best.area, -best.error)
                            : (-candidate.error, candidate.area) > (-best.error, best.area)
                    } ?? true
                if isBetter { best = candidate }
            }
            return best.map { Self.covering(picture, $0.size) }
        }
    }

    /// Why there is no shape for a picture.
    func refusal(of picture: PixelSize) -> IsomerError {
        switch self {
        case .kohyaNoUpscale(_, let step) where min(picture.width, picture.height) < step: ShapeRules.tooSmall(picture, step: step)
        case .kohyaNoUpscale(let resolution, let step):
            IsomerError(
                .unsupported, "the picture is so long that its shorter side has too few pixels when it is made small enough",
                expected: "at least \(step) of about \(resolution.area) pixels", found: "\(picture)",
                remedy: "leave such pictures out with --max-aspect, or name a smaller --bucket-step")
        case .autoSized(_, _, _, let threshold):
            IsomerError(
                .unsupported, "no bucket is nearly of the picture's shape",
                expected: "an aspect that differs from one of theirs by at most \(Int((threshold * 100).rounded())) %", found: "\(picture)",
                remedy: "leave such pictures out with --max-aspect, or take another trainer's buckets")
        case .kohya, .oneTrainer, .aiToolkit:
            IsomerError(
                .unsupported, "there are no buckets of so few pixels", remedy: "name a larger --size, or a smaller --bucket-step")
        }
    }

    /// The predefined size itself, else the first with the nearest width divided by height.
    private func nearest(_ picture: PixelSize) -> PixelSize? {
        let sizes = sizes
        if sizes.contains(picture) { return picture }
        return sizes.min { abs($0.aspect - picture.aspect) < abs($1.aspect - picture.aspect) }
    }

    /// The first with the nearest height divided by width.
    private func nearestByHeight(_ picture: PixelSize) -> PixelSize? {
        let aspect = Double(picture.height) / Double(picture.width)
        func distance(_ size: PixelSize) -> Double { abs(Double(size.height) / Double(size.width) - aspect) }
        return sizes.min { distance($0) < distance($1) }
    }

    /// Scaled to cover `size`, halves up.
    static func covering(_ picture: PixelSize, _ size: PixelSize) -> BucketChoice {
        let scale =
            picture.aspect > size.aspect ? Double(size.height) / Double(picture.height) : Double(size.width) / Double(picture.width)
        return BucketChoice(
            size: size,
            scaled: PixelSize(Int(Double(picture.width) * scale + 0.5), Int(Double(picture.height) * scale + 0.5)))
    }

    /// A picture above the area shrinks so that one side is a multiple of the step: the one that changes its aspect less.
    private static func shrunk(_ picture: PixelSize, area: Int, step: Int) -> PixelSize {
        guard picture.area > area else { return picture }
        let aspect = picture.aspect
        func toStep(_ value: Double) -> Int { Int(value + 0.5) / step * step }
        let width = (Double(area) * aspect).squareRoot()
        let height = Double(area) / width
        let roundedWidth = toStep(width)
        let heightForWidth = toStep(Double(roundedWidth) / aspect)
        let roundedHeight = toStep(height)
        let widthForHeight = toStep(Double(roundedHeight) * aspect)
        let byWidth = heightForWidth > 0 ? abs(Double(roundedWidth) / Double(heightForWidth) - aspect) : .infinity
        let byHeight = roundedHeight > 0 ? abs(Double(widthForHeight) / Double(roundedHeight) - aspect) : .infinity
        return byWidth < byHeight
            ? PixelSize(roundedWidth, Int(Double(roundedWidth) / aspect + 0.5))
            : PixelSize(Int(Double(roundedHeight) * aspect + 0.5), roundedHeight)
    }

    private static func aiToolkit(_ picture: PixelSize, _ resolution: Int, _ step: Int) -> PixelSize? {
        let most = resolution * resolution
        let target = min(picture.area, most)
        let scale = (Double(target) / Double(picture.area)).squareRoot()
        let (width, height) = (Double(picture.width) * scale / Double(step), Double(picture.height) * scale / Double(step))
        func whole(_ value: Double, up: Bool) -> Int { Int(value.rounded(up ? .up : .down)) * step }
        var candidates = [(false, false), (false, true), (true, false), (true, true)].map {
            PixelSize(whole(width, up: $0.0), whole(height, up: $0.1))
        }.filter { $0.width > 0 && $0.height > 0 && $0.area <= most }
        if candidates.isEmpty {
            candidates = [PixelSize(max(step, whole(width, up: false)), max(step, whole(height, up: false)))]
        }
        return candidates.min { abs($0.area - target) < abs($1.area - target) }
    }
}
