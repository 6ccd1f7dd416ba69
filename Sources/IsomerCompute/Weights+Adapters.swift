public import IsomerBytes
import IsomerTensors

/// Something that changes what parameters are without changing where they are stored: LoRA and its relatives.
public protocol WeightAdapter: AnyObject {
    /// Whether the parameter `name` is another than the stored one. Names are canonical, without a component's prefix.
    func changes(_ name: String) -> Bool

    /// Makes of a parameter's stored numbers what they are to be: W to W + Σ scale · (up · down). `values` is row-major, of `shape`.
    func apply(to values: UnsafeMutableBufferPointer<Float>, name: String, shape: [Int]) throws(IsomerError)
}

extension Weights {
    /// Whether any adapter changes the parameter.
    func isAdapted(_ name: String) -> Bool { adapters.contains { $0.changes(name) } }

    /// Lends the numbers that the adapters make of a stored parameter.
    func withAdapted(
        _ name: String, _ shape: [Int], _ body: (UnsafeRawPointer, ScalarType) throws(IsomerError) -> Void
    ) throws(IsomerError) {
        if let known = kept[name] { return try body(known.address, .f32) }
        let count = shape.reduce(1, *)
        let made = Slots<Float>(count: count)
        try withStoredBytes(name, shape) { bytes, type throws(IsomerError) in
            guard let size = type.byteCount(of: count) else { return }
            try Cast(from: type, to: .f32).apply(
                UnsafeRawBufferPointer(start: bytes, count: size),
                UnsafeMutableRawBufferPointer(UnsafeMutableBufferPointer(start: made.address, count: count)), elementCount: count)
        }
        for adapter in adapters where adapter.changes(name) {
            try adapter.apply(to: UnsafeMutableBufferPointer(start: made.address, count: count), name: name, shape: shape)
        }
        if keepsAdapted { kept[name] = made }
        try withExtendedLifetime(made) { () throws(IsomerError) in try body(made.address, .f32) }
    }
}
