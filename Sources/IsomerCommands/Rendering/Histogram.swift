internal import IsomerTensors

/// Histograms drawn with characters.
enum Histogram {
    private static let eighths: [Character] = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"]

    /// One character a bucket, the fullest highest; a blank for an empty one.
    static func line(_ counts: [Double]) -> String {
        guard let most = counts.max(), most > 0 else { return "" }
        return String(
            counts.map { count in
                count > 0 ? eighths[min(eighths.count - 1, max(0, Int((count / most * Double(eighths.count)).rounded(.up)) - 1))] : " "
            })
    }

    /// One line a bucket: where it begins, a bar, its share.
    static func bars(_ histogram: TensorStatistics.Histogram) -> [String] {
        let total = histogram.counts.reduce(0, +)
        guard let most = histogram.counts.max(), most > 0, total > 0 else { return [] }
        let step = histogram.upperBound / Double(histogram.counts.count) - histogram.lowerBound / Double(histogram.counts.count)
        return histogram.counts.enumerated().map { index, count in
            let start = Numbers.significant(histogram.lowerBound + Double(index) * step, 3)
            let bar = String(repeating: "█", count: Int((count / most * 40).rounded()))
            let share = count / total * 100
            return String(repeating: " ", count: max(0, 10 - start.count)) + start + "  " + bar
                + String(repeating: " ", count: 40 - bar.count) + "  \(share > 0 && share < 0.01 ? "<0.01" : Numbers.fixed(share, 2))%"
        }
    }
}
