/// What to think of a file, a stream in it, or one thing that it does. Worse is greater.
public enum ScanVerdict: String, Hashable, Sendable, CaseIterable, Comparable {
    /// Nothing but the making of data.
    case safe
    /// Could not be looked into: compressed in a way that is not read here, cut short, or damaged.
    case unreadable
    /// Does something that nobody knows, or something that no honest writer does.
    case suspicious
    /// Runs code, reaches the system, or makes others do so.
    case dangerous

    private var rank: Int {
        switch self {
        case .safe: 0
        case .unreadable: 1
        case .suspicious: 2
        case .dangerous: 3
        }
    }

    public static func < (first: ScanVerdict, second: ScanVerdict) -> Bool { first.rank < second.rank }
}
