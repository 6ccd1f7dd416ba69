import IsomerArchitectures
import IsomerBytes

/// One model while images are made with it, or while that is rehearsed: the components that have been opened.
final class ModelSession {
    let model: GenerationModel
    let settings: ComputeSettings
    let isRehearsal: Bool
    private var stages: [String: NetworkStage] = [:]

    init(_ model: GenerationModel, _ settings: ComputeSettings, isRehearsal: Bool) {
        self.model = model
        self.settings = settings
        self.isRehearsal = isRehearsal
    }

    /// The component in `slot`.
    func stage(_ slot: String) throws(IsomerError) -> NetworkStage {
        if let known = stages[slot] { return known }
        let made = try model.stage(slot, settings, isRehearsal: isRehearsal)
        stages[slot] = made
        return made
    }

    /// Gives back what the components hold until they are run again.
    func rest(_ slot: String) { stages[slot]?.rest() }

    /// The most bytes that any component was found to take.
    var peaks: [(slot: String, bytes: Int)] { stages.map { ($0.key, $0.value.peak) }.sorted { $0.slot < $1.slot } }
}
