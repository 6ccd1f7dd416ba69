import IsomerBytes
import IsomerFormats
import IsomerTensors

extension ConversionPlan {
    /// Plans extras that say nothing in the place of those of a file that is replaced: they would be taken for the new file's, whatever it is.
    /// Returns their path, for which there is no use once everything is in place. The plan's paths are spelled out.
    mutating func replaceExtras(at destination: FilePath) throws(IsomerError) -> FilePath? {
        guard shape == .file, let name = destination.lastComponent else { return nil }
        let path = destination.removingLastComponent().appending(Extras.fileName(beside: name))
        guard !files.contains(where: { $0.path == path }), try FileSystem.kind(of: path) == .file,
            let metadata = try? SafetensorsReader(path).metadata, metadata[Extras.versionKey] != nil
        else { return nil }
        // A file that is made of itself is still the model that they are about.
        if try FileSystem.kind(of: destination) == .file {
            let own = try FileSystem.identity(of: destination)
            guard !sources.contains(where: { $0.files.contains { $0.identity == own } }) else { return nil }
        }
        files.append(PlannedFile(path: path, container: .safetensors, tensors: [], metadata: Extras().metadata))
        return path
    }
}
