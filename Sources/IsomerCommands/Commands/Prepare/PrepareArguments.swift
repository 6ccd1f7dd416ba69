public import ArgumentParser
public import IsomerImages

/// `512` or `512x768`.
struct SizeArgument: Hashable, Sendable, ExpressibleByArgument {
    let size: PixelSize

    init?(argument: String) {
        let parts = argument.split(omittingEmptySubsequences: false, whereSeparator: { $0 == "x" || $0 == "X" }).map { Int($0) }
        let sides = parts.compactMap { $0 }
        guard sides.count == parts.count, (1...2).contains(sides.count), sides.allSatisfy({ (1...32768).contains($0) }) else { return nil }
        size = PixelSize(sides[0], sides.count == 2 ? sides[1] : sides[0])
    }
}

enum BucketArgument: String, CaseIterable, ExpressibleByArgument {
    case kohya, onetrainer, autosized
    case aiToolkit = "ai-toolkit"
}

extension Fitting: ExpressibleByArgument {}
extension ResamplingFilter: ExpressibleByArgument {}
extension CaptionFormat: ExpressibleByArgument {}
extension CaptionSource: ExpressibleByArgument {}
