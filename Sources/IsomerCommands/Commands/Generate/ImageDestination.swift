internal import IsomerBytes
internal import IsomerGeneration
internal import IsomerImages

/// Where images go: one file, several beside it that are numbered, or a folder.
struct ImageDestination {
    private enum Format { case png, jpeg }

    private let path: FilePath
    private let isFolder: Bool
    private let isNumbered: Bool
    private let format: Format
    private let overwrite: Bool

    /// - Parameter count: how many images will be made.
    init(_ argument: PathArgument, count: Int, overwrite: Bool) throws(IsomerError) {
        path = argument.path
        self.overwrite = overwrite
        isNumbered = count > 1
        switch argument.namesFolder ? nil : path.extension?.lowercased() {
        case "png":
            (isFolder, format) = (false, .png)
        case "jpg", "jpeg":
            (isFolder, format) = (false, .jpeg)
        case nil: (isFolder, format) = (true, .png)
        case let other?:
            guard try FileSystem.kind(of: path) == .folder else {
                throw IsomerError(
                    .usage, "images are not written in this format", path: path, expected: "a name that ends in .png or .jpg, or a folder",
                    found: ".\(other)")
            }
            (isFolder, format) = (true, .png)
        }
    }

    /// Where image `number` goes. In a folder its number and seed tell its name.
    func path(of number: Int, seed: UInt64) -> FilePath {
        let digits = String(number)
        let padded = String(repeating: "0", count: max(0, 5 - digits.count)) + digits
        if isFolder { return path.appending("\(padded)-\(seed).png") }
        guard isNumbered, let stem = path.stem else { return path }
        return path.removingLastComponent().appending("\(stem)-\(padded)\(path.extension.map { "." + $0 } ?? "")")
    }

    /// Makes the folder; refuses what is there already, unless it may be replaced.
    func prepare(_ paths: [FilePath], skipsExisting: Bool) throws(IsomerError) {
        if isFolder { try FileSystem.makeFolder(path) }
        guard !overwrite, !skipsExisting else { return }
        for path in paths where try FileSystem.kind(of: path) != nil {
            throw IsomerError(
                .cannotWrite, "there is something already", path: path,
                remedy: "choose another name, or add --overwrite or --skip-existing")
        }
    }

    /// Writes an image with all that tells how it was made: A1111's text, and, in PNG, the record that repeats it.
    func write(_ bitmap: Bitmap, to path: FilePath, _ record: GenerationRecord, _ text: InfoText) throws(IsomerError) {
        let bytes: [UInt8]
        switch format {
        case .png:
            bytes = try PNGEncoder.encode(
                bitmap,
                metadata: ImageMetadata(
                    texts: [
                        .init(InfoText.keyword, text.text),
                        .init(GenerationRecord.keyword, JSONWriter(style: .compact).text(record.json)),
                    ]))
        case .jpeg: bytes = try JPEGEncoder.encode(bitmap, metadata: ImageMetadata(exif: PictureComment.exif(text.text)))
        }
        try write(bytes, to: path, overwrite: overwrite)
    }

    /// Writes several images as one: into the folder, or under the name that was given.
    func write(grid: Bitmap) throws(IsomerError) -> FilePath {
        let path = isFolder ? self.path.appending("grid.png") : self.path
        let bytes =
            switch format {
            case .png: try PNGEncoder.encode(grid)
            case .jpeg: try JPEGEncoder.encode(grid)
            }
        try write(bytes, to: path, overwrite: overwrite)
        return path
    }

    /// Writes how an image is coming along beside where it will be, in place of the preview before.
    func write(_ preview: Bitmap, toPreviewOf path: FilePath) throws(IsomerError) {
        let name = (path.stem ?? "image") + ".preview.png"
        try write(try PNGEncoder.encode(preview), to: path.removingLastComponent().appending(name), overwrite: true)
    }

    private func write(_ bytes: [UInt8], to path: FilePath, overwrite: Bool) throws(IsomerError) {
        let file = try AtomicFile(path: path, byteCount: UInt64(bytes.count), overwrite: overwrite)
        try file.file.write(bytes, at: 0)
        try file.commit()
    }
}
