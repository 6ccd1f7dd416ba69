import IsomerArchitectures
import IsomerBytes
import IsomerMapping
import IsomerTensors

extension AdapterLayoutPlan {
    mutating func plan(_ tensor: TensorDescriptor, _ pieces: [Piece], _ name: String, _ shape: Shape) throws(IsomerError) {
        let type = FileConversion.isCast(tensor.scalarType) ? conversion.scalarType ?? tensor.scalarType : tensor.scalarType
        planned.append(
            PlannedTensor(try TensorDescriptor(name: name, scalarType: type, shape: shape), pieces: pieces, sourceType: tensor.scalarType))
    }

    mutating func plan(
        blocks rows: [BlockTensors.Rows], _ name: String, _ shape: Shape, _ type: ScalarType, from sources: [Int]
    ) throws(IsomerError) {
        let descriptor = try TensorDescriptor(name: name, scalarType: type, shape: shape)
        blocks.append((descriptor, rows))
        for index in sources { dissolved[index] = "it is part of a joined or parted factor" }
        try plan(
            descriptor, [.tensor(TensorReference(source: Self.blockSource, index: blocks.count - 1), .whole)], name, shape)
    }

    mutating func planAlpha(_ alpha: Double, _ name: AdapterModuleName, _ module: AdapterModule) throws(IsomerError) {
        let own = module.tensors[.alpha].map { tensors[$0].scalarType }
        let factors = module.tensors.values.min().map { tensors[$0].scalarType } ?? .f32
        let type = own ?? AdapterOrigin(adapter.source.tensors.metadata)?.alphaType ?? factors
        guard type.kind == .float, let stem = name.tensorName(.alpha) else { return }
        let descriptor = try TensorDescriptor(
            name: stem, scalarType: FileConversion.isCast(type) ? conversion.scalarType ?? type : type, shape: .scalar)
        let bytes = withUnsafeBytes(of: alpha) { Array($0) }
        planned.append(
            PlannedTensor(
                descriptor, pieces: [.constant(try Self.cast(bytes, to: descriptor.scalarType))], sourceType: descriptor.scalarType))
    }

    private static func cast(_ bytes: [UInt8], to type: ScalarType) throws(IsomerError) -> [UInt8] {
        let cast = try Cast(from: .f64, to: type)
        var result = [UInt8](repeating: 0, count: type.bitCount / 8)
        var failure: IsomerError?
        bytes.withUnsafeBytes { source in
            result.withUnsafeMutableBytes { target in
                do throws(IsomerError) { try cast.apply(source, target, elementCount: 1) } catch { failure = error }
            }
        }
        if let failure { throw failure }
        return result
    }
}
