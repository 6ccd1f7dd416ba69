extension Limits {
    /// One limit, by the name under which it is raised.
    public struct Named: Sendable {
        /// For example `pickle-bytes`.
        public let name: String
        /// What it bounds, in a few words.
        public let meaning: String
        let read: @Sendable (Limits) -> UInt64
        let write: @Sendable (inout Limits, UInt64) -> Void

        init(_ name: String, _ path: any WritableKeyPath<Limits, UInt64> & Sendable, _ meaning: String) {
            self.name = name
            self.meaning = meaning
            read = { $0[keyPath: path] }
            write = { $0[keyPath: path] = $1 }
        }

        init(_ name: String, _ path: any WritableKeyPath<Limits, Int> & Sendable, _ meaning: String) {
            self.name = name
            self.meaning = meaning
            read = { UInt64(clamping: $0[keyPath: path]) }
            write = { $0[keyPath: path] = Int(clamping: $1) }
        }

        init(_ name: String, _ path: any WritableKeyPath<Limits, Double> & Sendable, _ meaning: String) {
            self.name = name
            self.meaning = meaning
            read = { UInt64($0[keyPath: path].clamped(to: 0...1e15)) }
            write = { $0[keyPath: path] = Double($1) }
        }

        /// Whether it is a number of bytes.
        public var countsBytes: Bool { meaning.utf8.starts(with: "bytes".utf8) }

        /// Its value.
        public func value(in limits: Limits) -> UInt64 { read(limits) }
    }

    /// Every limit.
    public static let all: [Named] = [
        Named("safetensors-header-bytes", \.safetensorsHeaderBytes, "bytes of a safetensors header"),
        Named("json-bytes", \.jsonBytes, "bytes of a JSON text, a configuration or a vocabulary"),
        Named("json-depth", \.jsonDepth, "nesting of JSON"),
        Named("json-values", \.jsonValues, "values in one JSON text"),
        Named("tensors", \.tensors, "tensors in one file or set of files"),
        Named("rank", \.rank, "dimensions of one tensor"),
        Named("pickle-bytes", \.pickleBytes, "bytes of one pickle, unpacked"),
        Named("pickle-operations", \.pickleOperations, "instructions of one pickle"),
        Named("pickle-values", \.pickleValues, "values that one pickle builds"),
        Named("pickle-stack", \.pickleStack, "values that one pickle has in hand at once"),
        Named("pickle-depth", \.pickleDepth, "nesting of values in a pickle"),
        Named("archive-members", \.archiveMembers, "members of one archive"),
        Named("archive-ratio", \.archiveRatio, "times its stored size that a compressed tensor may have"),
        Named("archive-ratio-floor", \.archiveRatioFloor, "bytes below which archive-ratio is not asked for"),
        Named("unpacked-ratio", \.unpackedRatio, "times its stored size that anything else compressed may have"),
        Named("unpacked-ratio-floor", \.unpackedRatioFloor, "bytes below which unpacked-ratio is not asked for"),
        Named("seconds", \.seconds, "seconds for one pickle, scanned file or picture"),
        Named("pixels", \.pixels, "pixels of one picture"),
        Named("picture-bytes", \.pictureBytes, "bytes that one decoded picture may take"),
        Named("picture-chunk-bytes", \.pictureChunkBytes, "bytes of one profile or text in a picture"),
        Named("picture-parts", \.pictureParts, "parts that one long picture is split into"),
    ]

    /// Changes the limit called `name`; `false` if there is none.
    public mutating func set(_ name: String, to value: UInt64) -> Bool {
        guard let limit = Limits.all.first(where: { $0.name == name }) else { return false }
        limit.write(&self, value)
        return true
    }
}

extension Double {
    fileprivate func clamped(to range: ClosedRange<Double>) -> Double {
        isNaN ? range.lowerBound : min(max(self, range.lowerBound), range.upperBound)
    }
}
