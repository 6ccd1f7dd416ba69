import IsomerBytes
import IsomerTensors

/// bitsandbytes' eight bits: `X.weight` as signed bytes, `X.SCB` the largest magnitude of each row, which 127 stands for, and perhaps
/// `X.weight_format`, which tells the order of the bytes. The numbers are in binary32, bit for bit as bitsandbytes makes them.
// Reference: bitsandbytes 0.50.2, nn/modules.py `Linear8bitLt` and `maybe_rearrange_weight`, backends/default/ops.py
// `int8_vectorwise_dequant`.
enum BitsAndBytesRows {
    /// bitsandbytes' own 1 / 127.
    private static let unit: Float = 7.874015718698502e-3

    /// The weight whose rows' magnitudes are tensor `scales`.
    static func weight(scales: Int, in names: StoredNames) throws(IsomerError) -> (index: Int, weight: ScaledRows, companions: [Int]) {
        let layer = String(names.source.tensors[scales].name.dropLast(".SCB".count))
        let codes = try names.required(layer + ".weight", by: layer + ".SCB")
        let stored = names.source.tensors[codes]
        try names.check(codes, count: stored.shape.elementCount, "I8") { $0 == .i8 }
        try names.check(scales, count: stored.shape.dimensions.first ?? 1, "floating numbers") { $0.kind == .float }
        var companions = [scales]
        if let format = names.index(layer + ".weight_format") {
            let number = try names.source.number(of: format)
            guard number == 0 else {
                throw IsomerError(
                    .unsupported, "the weight's bytes lie in an order of one kind of graphics card",
                    item: names.source.tensors[format].name,
                    expected: "0 (row by row)", found: "\(number)")
            }
            companions.append(format)
        }
        return (codes, try ScaledRows(codes: codes, scales: scales, factor: unit, as: .f32, in: names), companions)
    }
}
