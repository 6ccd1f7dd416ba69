import IsomerBytes
import Testing

@testable import IsomerTensors

@Suite struct StridedViewTests {
    @Test func checksReach() throws {
        let shape = try Shape([2, 3])
        #expect(try StridedView(offset: 1, shape: shape, strides: [3, 1], storageElementCount: 7).span == 1..<7)
        #expect(try StridedView(offset: 5, shape: shape, strides: [-3, -1], storageElementCount: 6).span == 0..<6)
        #expect(
            throws: IsomerError(
                .malformed, "a strided tensor reaches outside its storage", expected: "at most 6 elements",
                found: "offset 1, shape [2, 3], strides [3, 1]")
        ) { try StridedView(offset: 1, shape: shape, strides: [3, 1], storageElementCount: 6) }
        for (offset, strides) in [(0, [-1, 1]), (0, [Int.max, Int.max]), (0, [Int.min, Int.min]), (-1, [0, 0]), (7, [0, 0]), (0, [1])] {
            #expect(throws: IsomerError.self) { try StridedView(offset: offset, shape: shape, strides: strides, storageElementCount: 6) }
        }
        // Extents of one may have any stride, and a tensor without elements may lie anywhere.
        #expect(try StridedView(offset: 0, shape: Shape([1, 2]), strides: [.max, 1], storageElementCount: 2).isContiguous)
        #expect(try StridedView(offset: 6, shape: Shape([0, 9]), strides: [.max, .max], storageElementCount: 6).span == 6..<6)
        #expect(throws: IsomerError.self) { try StridedView(offset: 0, shape: .scalar, strides: [], storageElementCount: 0) }
    }

    @Test func knowsContiguity() throws {
        #expect(try StridedView(contiguous: Shape([2, 3, 4])).isContiguous)
        #expect(try StridedView(contiguous: Shape([2, 3, 4])).strides == [12, 4, 1])
        #expect(StridedView(contiguous: .scalar).isContiguous)
        #expect(try !StridedView(contiguous: Shape([2, 3])).permuted([1, 0]).isContiguous)
        #expect(try StridedView(contiguous: Shape([1, 3])).permuted([1, 0]).isContiguous)
        #expect(throws: IsomerError.self) { try StridedView(contiguous: Shape([2, 3])).permuted([0, 0]) }
    }

    /// Views of every sort over a storage of 360 elements.
    static let views: [StridedView] = {
        let cases: [(offset: Int, shape: [Int], strides: [Int])] = [
            (0, [360], [1]), (7, [], []), (3, [0, 4], [1, 1]),
            (0, [20, 18], [1, 20]), (0, [4, 9, 10], [1, 40, 4]), (5, [6, 5], [50, 3]), (2, [3, 4, 5], [0, 7, 0]),
            (359, [18, 20], [-20, -1]), (340, [18, 20], [-20, 1]), (0, [2, 3, 4, 5], [60, 20, 5, 1]), (0, [5, 4, 3, 2], [1, 5, 20, 60]),
            (0, [2, 1, 3, 1, 7], [100, 999, 30, 999, 2]), (1, [3, 3], [100, 40]), (0, [40, 37], [1, 8]), (10, [2, 2, 2], [128, 64, 2]),
        ]
        return cases.compactMap {
            try? StridedView(offset: $0.offset, shape: Shape($0.shape), strides: $0.strides, storageElementCount: 360)
        }
    }()

    /// The definition: one element after the other.
    private func definition(_ view: StridedView, _ storage: [UInt8], elementSize: Int) -> [UInt8] {
        var result: [UInt8] = []
        for element in 0..<view.shape.elementCount {
            var rest = element
            var place = view.offset
            for axis in view.shape.dimensions.indices.reversed() {
                place += rest % view.shape.dimensions[axis] * view.strides[axis]
                rest /= view.shape.dimensions[axis]
            }
            result += storage[place * elementSize..<(place + 1) * elementSize]
        }
        return result
    }

    @Test(arguments: [1, 2, 4, 8, 16])
    func gathersAnyRange(elementSize: Int) throws {
        #expect(Self.views.count == 15)
        let storage = (0..<360 * elementSize).map { UInt8(truncatingIfNeeded: $0 &* 7 ^ $0 >> 8) }
        for view in Self.views {
            let expected = definition(view, storage, elementSize: elementSize)
            var ranges = [0..<expected.count]
            for cut in [1, 5, 16, 33, 100, 641] where cut < expected.count {
                ranges += [0..<cut, cut..<expected.count, cut / 2..<cut, expected.count - cut..<expected.count - cut / 3]
            }
            for range in ranges {
                var found = [UInt8](repeating: 0xAA, count: range.count + 1)
                try storage.withUnsafeBytes { storage in
                    try found.withUnsafeMutableBytes { try view.gather(range, elementSize: elementSize, from: storage, into: $0) }
                }
                #expect(found == Array(expected[range]) + [0xAA], "\(view) \(range)")

                for scratch in [1, 64, 500, 1 << 20] {
                    var found = [UInt8](repeating: 0xAA, count: range.count + 1)
                    var largest = 0
                    try found.withUnsafeMutableBytes { destination in
                        try view.gather(range, elementSize: elementSize, into: destination, scratchByteCount: scratch) {
                            offset, buffer throws(IsomerError) in
                            #expect(offset >= view.span.lowerBound * elementSize)
                            #expect(offset + buffer.count <= view.span.upperBound * elementSize)
                            if offset + buffer.count <= storage.count { buffer.copyBytes(from: storage[offset..<offset + buffer.count]) }
                            largest = max(largest, buffer.count)
                        }
                    }
                    #expect(found == Array(expected[range]) + [0xAA], "\(view) \(range) \(scratch)")
                    #expect(largest <= max(scratch, elementSize) || view.isContiguous || largest <= range.count + elementSize)
                }
            }
        }
    }

    @Test func skipsWhatLiesFarApart() throws {
        // Ten columns out of a wide matrix: only they are read.
        let view = try StridedView(offset: 5, shape: Shape([100, 10]), strides: [100_000, 1], storageElementCount: 10_000_000)
        var output = [UInt8](repeating: 0, count: 4000)
        var bytesRead = 0
        try output.withUnsafeMutableBytes { destination in
            try view.gather(0..<4000, elementSize: 4, into: destination) { _, buffer throws(IsomerError) in bytesRead += buffer.count }
        }
        #expect(bytesRead == 4000)
    }

    @Test func refusesWhatDoesNotFit() throws {
        let view = try StridedView(contiguous: Shape([4]))
        var output = [UInt8](repeating: 0, count: 8)
        for (range, size) in [(0..<17, 4), (0..<9, 4), (-1..<4, 4), (0..<3, 3), (0..<16, 4)] {
            #expect(throws: IsomerError.self) {
                try [UInt8](repeating: 0, count: 16).withUnsafeBytes { storage in
                    try output.withUnsafeMutableBytes { try view.gather(range, elementSize: size, from: storage, into: $0) }
                }
            }
        }
    }

    @Test(arguments: KernelLevel.available)
    func reversesBytes(level: KernelLevel) {
        for (type, unit) in [(ScalarType.f16, 2), (.f32, 4), (.c64, 4), (.f64, 8), (.c128, 8), (.i8, 1), (.c32, 2), (.f6e2m3, 1)] {
            #expect(type.byteOrderUnit == unit)
            let bytes = (0..<unit * 77).map { UInt8(truncatingIfNeeded: $0) }
            var found = bytes
            found.withUnsafeMutableBytes { type.reverseByteOrder($0, level: level) }
            let expected = stride(from: 0, to: bytes.count, by: unit).flatMap { bytes[$0..<$0 + unit].reversed() }
            #expect(found == expected)
        }
    }
}
