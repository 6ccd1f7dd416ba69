public import IsomerBytes
import IsomerMapping

extension Model {
    /// Reads two models that are held against each other. What the tensors of one leave open the other tells: a file beside the folder that it was
    /// made from is read as that folder's configurations say.
    public static func pair(
        _ first: ConversionRequest, _ second: ConversionRequest
    ) throws(IsomerError) -> (first: Model, second: Model) {
        let (firstIsFolder, secondIsFolder) = try (
            FileSystem.kind(of: first.source) == .folder, FileSystem.kind(of: second.source) == .folder
        )
        if firstIsFolder || !secondIsFolder {
            do throws(IsomerError) {
                let model = try Model(first)
                return (model, try Model(second, like: model))
            } catch {
                guard error.code == .undecided, !secondIsFolder else { throw error }
            }
        }
        let model = try Model(second)
        return (try Model(first, like: model), model)
    }

    /// Reads the model that `request` names as one that is built like `other`, if its tensors are all those of such a model and no others; by what
    /// they tell alone if not. A folder's own configurations say how it is built, and so does the user.
    public init(_ request: ConversionRequest, like other: Model) throws(IsomerError) {
        let isSaid = request.configuration != nil || request.architecture != nil
        let isFile = try FileSystem.kind(of: request.source) == .file
        if isFile, !isSaid {
            var likewise = request
            likewise.architecture = other.family.identifier
            likewise.given = other.components.mapValues(\.configuration)
            likewise.allowedMissing = []
            if let model = try? Model(likewise), !model.beside.contains(where: { $0.nature == .unknown }) {
                self = model
                return
            }
        }
        try self.init(request)
    }
}
