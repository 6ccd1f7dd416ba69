/// A way in which weights are packed that is read here.
enum Packing: Hashable {
    case bitsAndBytesBlocks(BitsAndBytesBlocks.Kind)
    case bitsAndBytesRows
    /// What ComfyUI's mark calls it.
    case comfyUI(format: String)
    /// Eight-bit floats with a scale, which this program writes itself.
    case scaledFloats

    /// What reports call it.
    var title: String {
        switch self {
        case .bitsAndBytesBlocks(let kind): "bitsandbytes' 4-bit blocks (\(kind.word.uppercased()))"
        case .bitsAndBytesRows: "bitsandbytes' 8-bit rows"
        case .comfyUI(let format): "ComfyUI's \(format)"
        case .scaledFloats: "8-bit floats with scales"
        }
    }
}
