import IsomerBytes
import IsomerFormats
import IsomerTensors
import Testing

@testable import IsomerConversion

/// Numbers that look random and follow from a name.
func madeUp(_ name: String, _ count: Int, deviation: Float = 0.1) -> [Float] {
    var state = name.utf8.reduce(0xCBF2_9CE4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
    return (0..<count).map { _ in
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return (Float(state >> 40) / Float(1 << 24) - 0.5) * 2 * deviation
    }
}

/// Writes tensors of 32-bit floats as safetensors.
func writeFloats(_ path: FilePath, _ tensors: [(String, [Int], [Float])], metadata: FileMetadata = [:], as type: ScalarType = .f32) throws {
    let source = try MemorySource(
        tensors.map { name, shape, values in (name, .f32, shape, values.flatMap { withUnsafeBytes(of: $0) { Array($0) } }) })
    let planned = try source.tensors.enumerated().map { index, tensor in
        PlannedTensor(
            try TensorDescriptor(name: tensor.name, scalarType: type, shape: tensor.shape), from: TensorReference(source: 0, index: index),
            of: .f32)
    }
    let plan = ConversionPlan(
        sources: [ConversionPlan.Source("made up", source, files: [])], shape: .file,
        files: [PlannedFile(container: .safetensors, tensors: planned, metadata: metadata)])
    _ = try Executor().run(plan, to: path)
}

/// All numbers of a file or model by name, in 64-bit floats.
func numbers(_ source: any TensorSource) throws -> [String: [Double]] {
    var found: [String: [Double]] = [:]
    for (index, tensor) in source.tensors.enumerated() where tensor.scalarType.kind == .float {
        let bytes = try source.bytes(of: index)
        var values = [Double](repeating: 0, count: tensor.shape.elementCount)
        let cast = try Cast(from: tensor.scalarType, to: .f64)
        try bytes.withUnsafeBytes { input in
            try values.withUnsafeMutableBytes { output in _ = try cast.apply(input, output, elementCount: tensor.shape.elementCount) }
        }
        found[tensor.name] = values
    }
    return found
}

/// The numbers of a model, tensors called `component/name`.
func modelNumbers(_ path: FilePath) throws -> [String: [Double]] {
    var request = ConversionRequest(source: path)
    request.allowedUnknown = [NamePattern("*")]
    return try numbers(Model(request).canonicalTensors())
}

/// The largest difference over the largest number.
func distance(_ left: [Double], _ right: [Double]) -> Double {
    guard left.count == right.count else { return .infinity }
    let peak = right.reduce(1e-30) { max($0, abs($1)) }
    return zip(left, right).reduce(0) { max($0, abs($1.0 - $1.1)) } / peak
}

/// Merges and writes as 32-bit floats.
@discardableResult
func perform(_ merge: ModelMerge, to path: FilePath, type: ScalarType? = .f32, verification: Verification = .full) throws -> PlannedMerge {
    var request = ConversionRequest(source: merge.models[0])
    request.scalarType = type
    let planned = try merge.plan(request, to: .checkpoint(.safetensors))
    var executor = Executor()
    executor.verification = verification
    _ = try executor.run(planned.plan, to: path)
    return planned
}
