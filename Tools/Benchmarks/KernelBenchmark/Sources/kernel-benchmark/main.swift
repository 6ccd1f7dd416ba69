// Casts, checksums, statistics and random weights beside memcpy of as many bytes, on one core.
//
// The best of several interleaved rounds, in bytes read and written per second, and the ratio to memcpy's in the same run.
// ISOMER_KERNELS=baseline|avx2|avx512 chooses the level.

import IsomerKit

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

struct Job {
    var name: String
    /// Read and written in one round.
    var byteCount: Int
    var run: () throws -> Void
}

let clock = ContinuousClock()

func seconds(_ work: () throws -> Void) rethrows -> Double {
    let duration = try clock.measure(work)
    return Double(duration.components.seconds) + Double(duration.components.attoseconds) * 1e-18
}

func measure(_ jobs: [Job], rounds: Int) throws -> [Double] {
    var best = [Double](repeating: .infinity, count: jobs.count)
    for _ in 0..<rounds {
        for (index, job) in jobs.enumerated() { best[index] = min(best[index], try seconds(job.run)) }
    }
    return zip(jobs, best).map { Double($0.byteCount) / $1 }
}

func twoPlaces(_ value: Double) -> String {
    let hundredths = Int((value * 100).rounded())
    return "\(hundredths / 100).\(hundredths % 100 < 10 ? "0" : "")\(hundredths % 100)"
}

func padded(_ text: String, _ width: Int) -> String { text + String(repeating: " ", count: max(width - text.count, 1)) }

let pairs: [(ScalarType, ScalarType)] = [
    (.f32, .f16), (.f16, .f32), (.f32, .bf16), (.bf16, .f32), (.f16, .bf16), (.f64, .f32), (.f64, .f16), (.f32, .f8e4m3), (.f8e4m3, .f32),
    (.f8e4m3, .f16), (.bf16, .q8_0), (.bf16, .q4K), (.bf16, .q6K), (.f32, .q8_0), (.f32, .q4K),
]

for elementCount in [1 << 20, 1 << 26] {
    let sourceBase = UnsafeMutableRawPointer.allocate(byteCount: elementCount * 8, alignment: 4096)
    let targetBase = UnsafeMutableRawPointer.allocate(byteCount: elementCount * 8, alignment: 4096)
    defer {
        sourceBase.deallocate()
        targetBase.deallocate()
    }
    let source = UnsafeMutableRawBufferPointer(start: sourceBase, count: elementCount * 8)
    let target = UnsafeMutableRawBufferPointer(start: targetBase, count: elementCount * 8)
    target.initializeMemory(as: UInt8.self, repeating: 0)

    let rounds = elementCount > 1 << 22 ? 5 : 60
    print("\(elementCount) elements, level \(KernelLevel.current)")
    for (from, to) in pairs {
        guard let sourceBytes = from.byteCount(of: elementCount), let targetBytes = to.byteCount(of: elementCount) else { continue }
        let weights = try RandomSource(
            [TensorDescriptor(name: "weight", scalarType: from, shape: Shape([elementCount / 1024, 1024]))], seed: 1)
        try weights.read(0, at: 0, into: UnsafeMutableRawBufferPointer(rebasing: source[..<sourceBytes]))
        let cast = try Cast(from: from, to: to)
        let input = UnsafeRawBufferPointer(source)
        // As many bytes moved: half read, half written.
        let moved = (sourceBytes + targetBytes) / 2
        let rates = try measure(
            [
                Job(name: "memcpy", byteCount: 2 * moved) {
                    memcpy(targetBase, sourceBase, moved)
                },
                Job(name: "cast", byteCount: 2 * moved) { try cast.apply(input, target, elementCount: elementCount) },
            ], rounds: rounds)
        print(
            "  " + padded("\(from.rawValue) to \(to.rawValue)", 18) + padded("\(twoPlaces(rates[1] / 1e9)) GB/s", 14)
                + "\(twoPlaces(rates[1] / rates[0])) x memcpy")
    }

    let byteCount = elementCount * 4
    let weights = try RandomSource(
        [TensorDescriptor(name: "weight", scalarType: .f32, shape: Shape([elementCount / 1024, 1024]))], seed: 1)
    let part = UnsafeMutableRawBufferPointer(rebasing: source[..<byteCount])
    try weights.read(0, at: 0, into: part)
    let input = UnsafeRawBufferPointer(part)
    let transposed = try StridedView(contiguous: Shape([elementCount / 1024, 1024])).permuted([1, 0])
    let jobs = [
        Job(name: "CRC-32", byteCount: byteCount) { _ = CRC32(input) },
        Job(name: "statistics of F32", byteCount: byteCount) {
            var statistics = try TensorStatistics(of: .f32)
            try statistics.update(input)
        },
        Job(name: "difference of F32", byteCount: 2 * byteCount) {
            var difference = try TensorDifference(from: .f32, to: .f32)
            try difference.update(input, input)
        },
        Job(name: "random F32", byteCount: byteCount) {
            try weights.read(0, at: 0, into: UnsafeMutableRawBufferPointer(rebasing: target[..<byteCount]))
        },
        Job(name: "transposed F32", byteCount: byteCount) {
            try transposed.gather(0..<byteCount, elementSize: 4, from: input, into: target)
        },
        Job(name: "reversed F32", byteCount: byteCount) {
            ScalarType.f32.reverseByteOrder(UnsafeMutableRawBufferPointer(rebasing: target[..<byteCount]))
        },
    ]
    for (job, rate) in zip(jobs, try measure(jobs, rounds: min(rounds, 10))) {
        print("  " + padded(job.name, 18) + "\(twoPlaces(rate / 1e9)) GB/s")
    }
}
