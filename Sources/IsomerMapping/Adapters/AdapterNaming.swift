import IsomerArchitectures
import IsomerBytes
import IsomerTensors

extension ModelFamily {
    /// Prefixes by which adapters tell the component, and how the path behind each is spelled.
    func adapterPrefixes(of slot: String) -> [(String, AdapterSpelling)] {
        switch slot {
        case "unet", "transformer":
            var prefixes: [(String, AdapterSpelling)] = [
                ("lora_unet_", .underscored), ("lycoris_", .underscored), ("lora_transformer_", .underscored),
            ]
            for outer in ["", "base_model.model."] {
                for inner in ["", slot + ".", "diffusion_model.", "model.diffusion_model.", "model."] {
                    prefixes.append((outer + inner, .dotted))
                }
            }
            return prefixes
        default:
            let number = encoderNumber(of: slot)
            // In the refiner the only encoder has the larger one's place.
            var prefixes: [(String, AdapterSpelling)] = [("lora_te\(number)_", .underscored)]
            if number == 1 { prefixes.append(("lora_te_", .underscored)) }
            // The third is T5's, which Flux has as its second.
            if isT5(slot) { prefixes.append(("lora_te3_", .underscored)) }
            let name = encoderName(of: slot)
            for outer in ["", "base_model.model."] {
                for inner in [
                    slot + ".", "text_encoders.\(name).transformer.", "text_encoders.\(name).", name + ".transformer.", name + ".",
                ] {
                    prefixes.append((outer + inner, .dotted))
                }
            }
            return prefixes + [("base_model.model.", .dotted), ("", .dotted)]
        }
    }

    /// Which of the family's text encoders `slot` is, from 1.
    fileprivate func encoderNumber(of slot: String) -> Int {
        slot == "text_encoder" ? 1 : Int(slot.dropFirst("text_encoder_".count)) ?? 1
    }

    fileprivate func isT5(_ slot: String) -> Bool { self.slot(slot)?.network == T5EncoderConfiguration.self }

    /// ComfyUI's name of the text encoder in `slot`.
    fileprivate func encoderName(of slot: String) -> String {
        isT5(slot) ? "t5xxl" : encoderNumber(of: slot) == 1 ? "clip_l" : "clip_g"
    }
}

/// One tool's way of naming an adapter's tensors.
public struct AdapterNaming: Hashable, Sendable {
    /// What flags call it: `kohya`.
    public let identifier: String
    /// Who writes and reads it.
    public let title: String

    /// Every naming that is read and written.
    public static let all: [AdapterNaming] = [
        kohya, kohyaDiffusers, diffusers, oldDiffusers, peft, peftDefault, peftBase, bfl, xlabs, oneTrainer, lycoris,
    ]

    public static let kohya = AdapterNaming(identifier: "kohya", title: "kohya sd-scripts, A1111, ComfyUI")
    public static let kohyaDiffusers = AdapterNaming(identifier: "kohya-diffusers", title: "kohya's form with Diffusers' names")
    public static let diffusers = AdapterNaming(identifier: "diffusers", title: "what diffusers saves")
    public static let oldDiffusers = AdapterNaming(identifier: "diffusers-old", title: "diffusers' attention processors, before 0.22")
    public static let peft = AdapterNaming(identifier: "peft", title: "PEFT, below component names")
    public static let peftDefault = AdapterNaming(identifier: "peft-default", title: "PEFT with the adapter's name")
    public static let peftBase = AdapterNaming(identifier: "peft-base", title: "PEFT's own file of one component")
    public static let bfl = AdapterNaming(identifier: "bfl", title: "PEFT with the original's names: ai-toolkit, ComfyUI")
    public static let xlabs = AdapterNaming(identifier: "xlabs", title: "XLabs' Flux processors")
    public static let oneTrainer = AdapterNaming(identifier: "onetrainer", title: "OneTrainer")
    public static let lycoris = AdapterNaming(identifier: "lycoris", title: "LyCORIS' wrapper: SimpleTuner")

    /// The naming called `identifier`.
    public static func named(_ identifier: String) -> AdapterNaming? { all.first { $0.identifier == identifier } }

    private struct Place {
        var prefix: String
        var spelling: AdapterSpelling
        var layout: AdapterLayout
        var dialect: AdapterDialect
    }

    private func place(of slot: String, in aliases: AdapterAliases) -> Place? {
        let isDenoiser = slot == "unet" || slot == "transformer"
        let family = aliases.family
        let isUNet = family.slot("unet") != nil
        // The first models had one text encoder.
        let isFirst = family == .stableDiffusion1 || family == .stableDiffusion2
        switch self {
        case .kohya, .kohyaDiffusers, .oneTrainer:
            guard isDenoiser else {
                let number = family.encoderNumber(of: slot)
                let isFluxT5 = family == .flux && number == 2 && self != .oneTrainer
                return Place(
                    prefix: isFirst ? "lora_te_" : "lora_te\(isFluxT5 ? 3 : number)_", spelling: .underscored, layout: .canonical,
                    dialect: .kohya)
            }
            // kohya trains the first models as Diffusers' networks, later ones as the original's.
            let isOriginal = self == .kohya && !isFirst
            return Place(
                prefix: self == .oneTrainer && !isUNet ? "lora_transformer_" : "lora_unet_", spelling: .underscored,
                layout: isOriginal ? aliases.originalLayout(of: slot) : .canonical, dialect: .kohya)
        case .lycoris:
            return isDenoiser ? Place(prefix: "lycoris_", spelling: .underscored, layout: .canonical, dialect: .kohya) : nil
        case .diffusers, .oldDiffusers:
            guard isUNet else {
                return self == .diffusers
                    ? Place(prefix: slot + ".", spelling: .dotted, layout: .canonical, dialect: .peft(adapter: nil)) : nil
            }
            guard isDenoiser else {
                return Place(prefix: slot + ".", spelling: .dotted, layout: .canonical, dialect: .diffusersText)
            }
            return Place(prefix: slot + ".", spelling: .dotted, layout: self == .diffusers ? .canonical : .processor, dialect: .diffusers)
        case .peft: return Place(prefix: slot + ".", spelling: .dotted, layout: .canonical, dialect: .peft(adapter: nil))
        case .peftDefault: return Place(prefix: slot + ".", spelling: .dotted, layout: .canonical, dialect: .peft(adapter: "default"))
        case .peftBase:
            return isDenoiser
                ? Place(prefix: "base_model.model.", spelling: .dotted, layout: .canonical, dialect: .peft(adapter: nil)) : nil
        case .bfl:
            guard isDenoiser else {
                return Place(
                    prefix: "text_encoders.\(family.encoderName(of: slot)).transformer.", spelling: .dotted, layout: .canonical,
                    dialect: .peft(adapter: nil))
            }
            return Place(
                prefix: "diffusion_model.", spelling: .dotted, layout: aliases.originalLayout(of: slot), dialect: .peft(adapter: nil))
        case .xlabs:
            return isDenoiser && family == .flux ? Place(prefix: "", spelling: .dotted, layout: .xlabs, dialect: .xlabs) : nil
        default: return nil
        }
    }

    /// What this naming calls the module `module` of `slot`, alone or joined with others; `nil` if it has no place for it.
    public func name(ofModule module: String, slot: String, in aliases: AdapterAliases) -> AdapterModuleName? {
        guard let place = place(of: slot, in: aliases) else { return nil }
        var layout = place.layout
        var dialect = place.dialect
        var found = aliases.item(slot: slot, module: module, layout: layout)
        if layout == .processor {
            // Maps outside of attention were named as they are today.
            if found == nil { layout = .canonical } else { dialect = .processor }
            found = found ?? aliases.item(slot: slot, module: module, layout: .canonical)
        }
        guard let (path, target) = found else { return nil }
        return AdapterModuleName(stem: place.prefix + place.spelling.written(path), dialect: dialect, target: target)
    }
}

/// A module's name in one naming.
public struct AdapterModuleName: Hashable, Sendable {
    /// The name, without what a tensor is to the module.
    public let stem: String
    /// How that is spelled.
    public let dialect: AdapterDialect
    /// What the name means.
    public let target: AdapterTarget

    /// The whole name of the tensor of `role`; `nil` if the naming has no place for one.
    public func tensorName(_ role: AdapterRole) -> String? { dialect.ending(of: role).map { stem + $0 } }
}
