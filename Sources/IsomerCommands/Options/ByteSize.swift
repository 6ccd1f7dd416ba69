public import ArgumentParser

/// A size on the command line: `5GB`, `500MB`, `2GiB`, `1000000`. Decimal prefixes count in thousands, binary ones in 1024s, as in huggingface_hub.
public struct ByteSize: Hashable, Sendable {
    public var bytes: UInt64

    public init(bytes: UInt64) { self.bytes = bytes }

    /// Reads a size; `nil` if it is none, is zero or does not fit.
    public init?(_ text: String) {
        let digits = text.prefix { ("0"..."9").contains($0) }
        let rest = text.dropFirst(digits.count)
        var fraction: Substring = ""
        var unit = rest
        if rest.first == "." {
            fraction = rest.dropFirst().prefix { ("0"..."9").contains($0) }
            guard !fraction.isEmpty, fraction.count <= 6 else { return nil }
            unit = rest.dropFirst(fraction.count + 1)
        }
        guard let whole = UInt64(digits), let scale = Self.units[unit.uppercased()] else { return nil }
        var (bytes, overflow) = whole.multipliedReportingOverflow(by: scale)
        guard !overflow else { return nil }
        var step = scale
        for digit in fraction {
            step /= 10
            let part = UInt64(digit.wholeNumberValue ?? 0) * step
            (bytes, overflow) = bytes.addingReportingOverflow(part)
            guard !overflow else { return nil }
        }
        guard bytes > 0 else { return nil }
        self.bytes = bytes
    }

    private static let units: [String: UInt64] = [
        "": 1, "B": 1,
        "K": 1_000, "KB": 1_000, "M": 1_000_000, "MB": 1_000_000, "G": 1_000_000_000, "GB": 1_000_000_000,
        "T": 1_000_000_000_000, "TB": 1_000_000_000_000,
        "KIB": 1 << 10, "MIB": 1 << 20, "GIB": 1 << 30, "TIB": 1 << 40,
    ]
}

extension ByteSize: ExpressibleByArgument {
    public init?(argument: String) { self.init(argument) }
}
