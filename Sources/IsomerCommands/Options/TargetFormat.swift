internal import ArgumentParser
internal import IsomerBytes
internal import IsomerConversion
internal import IsomerFormats

/// What a conversion is to make.
enum ConversionTarget: Hashable {
    /// A weight file.
    case file(Container)
    /// A Diffusers folder.
    case diffusers
}

/// What `--to` knows.
enum TargetFormat: String, CaseIterable, ExpressibleByArgument {
    case safetensors, ckpt, pt, gguf, diffusers

    /// What the names of files end in.
    static var endings: String { allCases.filter { $0 != .diffusers }.map { "." + $0.rawValue }.joined(separator: " or ") }

    init?(fileExtension: String) {
        switch fileExtension.lowercased() {
        case "safetensors", "sft": self = .safetensors
        case "ckpt": self = .ckpt
        case "gguf": self = .gguf
        case "pt", "pth", "bin": self = .pt
        default: return nil
        }
    }
}

extension TargetFormat {
    /// What to write at `destination`: what was asked for, else what its name says.
    static func target(
        _ asked: TargetFormat?, for destination: PathArgument, legacy: Bool = false
    ) throws(IsomerError) -> ConversionTarget {
        let path = destination.path
        guard path.string != "-" else {
            throw IsomerError(
                .usage, "models are not written to the standard output, where nothing could be read back or replaced whole", found: "-",
                remedy: "name a file or a folder; `./-` is a file of that name")
        }
        let format = try format(asked, for: destination)
        if destination.namesFolder, format != .diffusers {
            throw IsomerError(
                .usage, "a name that ends in a slash is a folder's, and this is to be a file", path: path, found: "--to \(format.rawValue)",
                remedy: "leave away the slash or --to")
        }
        if legacy, format != .ckpt, format != .pt {
            throw IsomerError(
                .usage, "--legacy is about PyTorch's files, and none is to be written", path: path,
                expected: "--to ckpt or pt, or a name that ends so", found: format.rawValue, remedy: "leave --legacy away")
        }
        switch format {
        case .safetensors: return .file(.safetensors)
        case .ckpt: return .file(.torch(.nested(key: "state_dict", entries: []), legacy: legacy))
        case .pt: return .file(.torch(.stateDict, legacy: legacy))
        case .gguf: return .file(.gguf())
        case .diffusers: return .diffusers
        }
    }

    /// Endings with digits in them that are files' all the same.
    private static let filesOfOthers: Set = ["h5", "pt2", "7z"]

    private static func format(_ asked: TargetFormat?, for destination: PathArgument) throws(IsomerError) -> TargetFormat {
        if let asked { return asked }
        // Whatever its name ends in: a folder may be called `model.safetensors` too.
        if destination.namesFolder { return .diffusers }
        let path = destination.path
        if let named = path.extension.flatMap(TargetFormat.init(fileExtension:)) { return named }
        if let ending = path.extension, ending.allSatisfy(\.isLetter) || filesOfOthers.contains(ending.lowercased()),
            try FileSystem.kind(of: path) != .folder
        {
            // A folder may be called `model-1.5`; `model.unknown` is more likely a mistake.
            throw IsomerError(
                .usage, "the destination's name does not say what to write", path: path,
                expected: "a folder, or a name that ends in \(endings)",
                remedy: "choose such a name, add `--to`, or end a folder's name in a slash")
        }
        return .diffusers
    }
}
