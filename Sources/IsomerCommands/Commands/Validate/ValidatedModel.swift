internal import IsomerArchitectures
internal import IsomerBytes
internal import IsomerConversion
internal import IsomerMapping
internal import IsomerTensors

/// A model whose components were run.
struct ValidatedModel {
    let path: FilePath
    let family: String
    var components: [ComponentValidation] = []
    /// Tensors that nothing explains.
    let unexpected: [String]
    /// What is known from elsewhere of what the denoiser predicts.
    let prediction: String?
    /// The types of the weights, component by component, by canonical name.
    let types: [String: [String: ScalarType]]
    /// What the user should know besides.
    let notes: [String]

    /// Runs `model`.
    ///
    /// - Parameter other: a model of the same structure, whose configuration is taken where this one's leaves something open.
    init(
        _ model: Model, _ path: FilePath, like other: Model?, only: [String], _ settings: ValidationSettings,
        _ environment: CommandEnvironment, _ shared: SharedOptions
    ) throws(IsomerError) {
        self.path = path
        family = model.family.title
        prediction = model.prediction?.value
        // Of the wrong shape is told of by component.
        let misshapen = Set(model.components.values.flatMap(\.misshapen).compactMap(\.error.location.item))
        unexpected = model.beside.filter { $0.nature == .unknown && !misshapen.contains($0.name) }.map(\.name)
        let source = try model.canonicalTensors()
        var types: [String: [String: ScalarType]] = [:]
        for tensor in source.tensors {
            types[String(tensor.name.prefix { $0 != "/" }), default: [:]][tensor.name] = tensor.scalarType
        }
        self.types = types
        notes = model.notes
        for name in only where model.components[name] == nil {
            try model.refuseUnread { $0 == name }
            throw IsomerError(
                .usage, "the model has no such component", path: path, item: name,
                expected: model.components.keys.sorted().joined(separator: ", "))
        }
        var settings = settings
        settings.asksForPrediction = model.family.asksForPrediction
        // Words that were added to one of them are none of the other's.
        settings.vocabularies = (other?.components ?? [:]).compactMapValues {
            ($0.configuration as? CLIPTextConfiguration)?.vocabularySize ?? ($0.configuration as? T5EncoderConfiguration)?.vocabularySize
        }
        let slots = model.family.slots.map(\.name).filter { only.isEmpty || only.contains($0) }
        // All are planned before the first one runs: what is too large says so at once.
        for slot in slots {
            guard var component = model.components[slot] else { continue }
            if let known = other?.components[slot]?.configuration, component.configuration.hasStructure(of: known) {
                component.configuration = component.configuration.completed(byAny: known)
            }
            do throws(IsomerError) {
                components.append(try ComponentValidation(slot, component, in: source, settings))
            } catch {
                throw error.inFile(path)
            }
        }
        let bar = ProgressBar(environment, shared)
        defer { bar.clear() }
        for index in components.indices {
            bar.update("Running \(components[index].slot)", done: UInt64(index), total: UInt64(components.count))
            do throws(IsomerError) { try components[index].run(in: source, settings) } catch { throw error.inFile(path) }
        }
    }
}
