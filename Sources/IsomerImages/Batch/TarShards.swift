internal import IsomerBytes

/// Numbered tar archives with a given number of samples each.
struct TarShards {
    private let folder: FilePath
    private let samples: Int
    private let prefix: String
    private var number = 0
    private var count = 0
    private var current: StreamedFile?

    init(_ folder: FilePath, samples: Int, shard: (index: Int, count: Int)?) {
        self.folder = folder
        self.samples = max(1, samples)
        prefix = shard.map { "\($0.index)-of-\($0.count)-" } ?? ""
    }

    mutating func append(_ name: String, _ bytes: [UInt8]) throws(IsomerError) {
        if current == nil {
            let digits = String(number)
            current = try StreamedFile(folder.appending(prefix + String(repeating: "0", count: max(0, 6 - digits.count)) + digits + ".tar"))
            number += 1
        }
        try current?.append(TarWriter.member(name, bytes))
    }

    /// All members of a sample lie in one archive.
    mutating func endSample() throws(IsomerError) {
        count += 1
        if count % samples == 0 { try finish() }
    }

    mutating func finish() throws(IsomerError) {
        try current?.append(TarWriter.end)
        try current?.finish()
        current = nil
    }
}
