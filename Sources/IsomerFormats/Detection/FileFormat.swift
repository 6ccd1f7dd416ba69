/// What a file is, told by its bytes and never by its name.
public enum FileFormat: String, Hashable, Sendable, CaseIterable {
    case safetensors
    /// A zip archive as `torch.save` has written it since PyTorch 1.6.
    case torchZip
    /// Any other zip archive.
    case zip
    /// The five pickles and raw storages that `torch.save` wrote before PyTorch 1.6.
    case torchLegacy
    /// A pickle that is no torch file by its first bytes.
    case pickle
    case tar
    case gguf
    /// A predecessor of GGUF.
    case ggml
    case json
    case png, jpeg, webp, gif
    /// The few lines that git keeps in place of a large file.
    case gitLFSPointer
    case html, xml
    case gzip, sevenZip, xz, zstandard, lz4, bzip2, rar
    case numpy
    case hdf5
    case onnx
    case tensorFlowLite
    case sqlite
    case elf
    /// Readable text that is none of the above.
    case text
    case empty
    case unknown
}

extension FileFormat {
    /// What a person calls it, with its article.
    public var name: String {
        switch self {
        case .safetensors: "a safetensors file"
        case .torchZip: "a PyTorch archive"
        case .zip: "a zip archive"
        case .torchLegacy: "a PyTorch file of the old kind (before 1.6)"
        case .pickle: "a Python pickle"
        case .tar: "a tar archive"
        case .gguf: "a GGUF file"
        case .ggml: "a GGML file, the predecessor of GGUF"
        case .json: "a JSON text"
        case .png: "a PNG picture"
        case .jpeg: "a JPEG picture"
        case .webp: "a WebP picture"
        case .gif: "a GIF picture"
        case .gitLFSPointer: "a git-lfs pointer, not the file that it stands for"
        case .html: "a web page"
        case .xml: "an XML text"
        case .gzip: "a gzip-compressed file"
        case .sevenZip: "a 7z archive"
        case .xz: "an xz- or LZMA-compressed file"
        case .zstandard: "a Zstandard-compressed file"
        case .lz4: "an LZ4-compressed file"
        case .bzip2: "a bzip2-compressed file"
        case .rar: "a RAR archive"
        case .numpy: "a NumPy array file"
        case .hdf5: "an HDF5 file (Keras)"
        case .onnx: "an ONNX model"
        case .tensorFlowLite: "a TensorFlow Lite model"
        case .sqlite: "an SQLite database, as Draw Things keeps models in"
        case .elf: "a program or library"
        case .text: "a plain text"
        case .empty: "empty"
        case .unknown: "of no known kind"
        }
    }

    /// What to do with a file of this kind where weights are wanted, if it is none of those that are read.
    var remedyWhereWeightsAreWanted: String? {
        switch self {
        case .gitLFSPointer: "run `git lfs pull` in its folder, or download the file itself"
        case .html, .xml, .text: "the download brought an answer instead of the file (not logged in, or a wrong address): download it again"
        case .gzip, .sevenZip, .xz, .zstandard, .lz4, .bzip2, .rar, .zip: "unpack it first, and mind that what comes out may be unsafe"
        case .empty: "download it again"
        case .hdf5, .onnx, .tensorFlowLite, .ggml, .numpy, .sqlite: "get the model as safetensors or as a PyTorch checkpoint"
        case .json: "give the weights file or the *.index.json that names its parts"
        default: nil
        }
    }
}
