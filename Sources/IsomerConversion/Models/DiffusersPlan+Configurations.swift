import IsomerArchitectures
import IsomerBytes
import IsomerMapping
import IsomerTensors

extension Model {
    /// The `config.json` of a component whose weights are written as `tensors`, and what was decided about it.
    func configurationFile(
        of component: ModelComponent, at path: FilePath, for tensors: [PlannedTensor], _ request: ConversionRequest
    ) throws(IsomerError) -> (file: PlainFile, decisions: [Decision]) {
        var decisions: [Decision] = []
        var json: JSONObject
        if let written = component.written { json = written } else { json = try madeConfiguration(of: component) }
        // How the weights were packed; they are written as the numbers they stand for, and whoever opens the folder would unpack them again.
        if json["quantization_config"] != nil {
            json["quantization_config"] = nil
            decisions.append(
                Decision(
                    "\(component.slot.name)/config.json", "without quantization_config", because: "the weights are written unpacked"))
        }
        // What came with the weights is left as it is, unless they are cast.
        let isTheirs = checkpointMetadata == nil
        let decision = NamedType.mend(&json, of: component.slot.name, for: tensors) { named, written in
            request.scalarType != nil || !isTheirs && NamedType.isTooNarrow(named, for: written)
        }
        if let decision { decisions.append(decision) }
        return (PlainFile(path: path, json: json), decisions)
    }

    /// The configuration that follows from what is known. Where a published model was named and does not do, naming one is no remedy.
    private func madeConfiguration(of component: ModelComponent) throws(IsomerError) -> JSONObject {
        do throws(IsomerError) { return try component.configuration.sayableJSON() } catch {
            guard error.code == .undecided, let asked else { throw error }
            var error = error
            error.what += ", and the ways of \(asked.title) do not give it for these widths"
            error.remedy = "say it with --config and a config.json or Diffusers folder of the same structure"
            throw error
        }
    }

    /// Makes the configuration of a component without a slot name the type that its weights are cast to.
    func nameType(of tensors: [PlannedTensor], in folder: String, _ plan: inout ConversionPlan) {
        let path = FilePath(folder).appending("config.json")
        guard let place = plan.plainFiles.firstIndex(where: { $0.path == path }),
            case .object(var json)? = try? JSONValue(parsing: plan.plainFiles[place].bytes, dialect: .python),
            let decision = NamedType.mend(&json, of: folder, for: tensors, if: { _, _ in true })
        else { return }
        plan.plainFiles[place] = PlainFile(path: path, json: json)
        plan.decisions.append(decision)
    }
}
