import IsomerBytes
import IsomerTensors
import Testing

@Suite struct ShapeTests {
    @Test func countsElements() throws {
        #expect(try Shape([2, 3, 4]).elementCount == 24)
        #expect(Shape.scalar.elementCount == 1)
        #expect(try Shape([.max, 0, 1]).elementCount == 0)
    }

    @Test func refusesWhatCannotBeCounted() {
        #expect(throws: IsomerError(.malformed, "a shape has a negative extent", found: "[2, -1]")) { try Shape([2, -1]) }
        #expect(throws: IsomerError.self) { try Shape([.max, 2]) }
    }

    @Test func elementsBelowAByteFillBytes() throws {
        #expect(try TensorDescriptor(name: "a", scalarType: .f4, shape: Shape([2, 3])).byteCount == 3)
        #expect(throws: IsomerError.self) { try TensorDescriptor(name: "a", scalarType: .f4, shape: Shape([3])) }
    }
}
