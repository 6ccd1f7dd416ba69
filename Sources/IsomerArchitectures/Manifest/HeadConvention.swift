/// How networks of one kind cut their widths into attention heads: into as many everywhere, or into equally wide ones.
enum HeadConvention: Hashable {
    /// So many heads, whatever the width.
    case count(Int)
    /// Heads so wide.
    case width(Int)

    /// What `heads` of networks, or levels, of `widths` follow; `nil` if neither rule holds for all. Where both do, heads are equally wide.
    init?(widths: [Int], heads: [Int]) {
        guard widths.count == heads.count, let width = widths.first, let count = heads.first, heads.allSatisfy({ $0 > 0 }) else {
            return nil
        }
        if zip(widths, heads).allSatisfy({ $0 % $1 == 0 && $0 / $1 == width / count }) {
            self = .width(width / count)
        } else if heads.allSatisfy({ $0 == count }) {
            self = .count(count)
        } else {
            return nil
        }
    }

    /// The heads of a network or level of `width`; `nil` if they do not fill it.
    func heads(in width: Int) -> Int? {
        switch self {
        case .count(let count): count > 0 && width % count == 0 ? count : nil
        case .width(let own): own > 0 && width % own == 0 ? width / own : nil
        }
    }
}
