import IsomerBytes

/// Where an execution's files are made until all of them are whole.
enum OutputStage {
    case folder(StagedFolder)
    /// Files beside each other, made visible in this order.
    case files([AtomicFile])

    /// Makes every file, empty.
    ///
    /// - Parameters:
    ///   - paths: below the destination folder, or, for plain files, the paths themselves.
    ///   - byteCounts: their sizes.
    ///   - obsolete: files beside them that `commit` will remove.
    static func begin(
        _ shape: ConversionPlan.Shape, at destination: FilePath, paths: [FilePath], byteCounts: [UInt64], overwrite: Bool,
        replaces names: [FilePath.Component], obsolete: [FilePath], inputs: [FileIdentity]
    ) throws(IsomerError) -> (stage: OutputStage, files: [WritableFile]) {
        switch shape {
        case .folder:
            let total = byteCounts.reduce(UInt64(0)) { $0.addingReportingOverflow($1).overflow ? .max : $0 + $1 }
            let folder = try StagedFolder(path: destination, byteCount: total, overwrite: overwrite, recognizedBy: names, inputs: inputs)
            var files: [WritableFile] = []
            for path in paths { files.append(try folder.createFile(path.string)) }
            return (.folder(folder), files)
        case .file:
            var files: [AtomicFile] = []
            for (path, byteCount) in zip(paths, byteCounts) {
                files.append(try AtomicFile(path: path, byteCount: byteCount, overwrite: overwrite, inputs: inputs))
            }
            try AtomicFile.checkTogether(files, removing: obsolete)
            return (.files(files), files.map(\.file))
        }
    }

    /// Makes everything visible. Files beside each other appear together or not at all, as far as file systems know how, and `obsolete` ones
    /// beside them go in the same step.
    func commit(removing obsolete: [FilePath]) throws(IsomerError) {
        switch self {
        case .folder(let folder): try folder.commit()
        case .files(let files): try AtomicFile.commitTogether(files, removing: obsolete)
        }
    }
}
