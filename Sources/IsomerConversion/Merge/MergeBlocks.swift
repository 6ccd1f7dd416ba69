import IsomerArchitectures
public import IsomerBytes
import IsomerMapping

/// The blocks by which a denoiser's parts are weighted one by one: `IN00`…, `M00`, `OUT00`… of a UNet as its original numbers them, `J00`… of
/// Stable Diffusion 3, `D00`… and `S00`… of Flux; everything else is `BASE`.
///
/// What comes before a UNet's first block counts to it, what comes after the last to that.
/// Reference: bbc-mc/sdweb-merge-block-weighted-gui, scripts/mbw/merge_block_weighted.py.
public struct MergeBlocks: Sendable {
    /// The blocks in order, `BASE` not among them.
    public private(set) var names: [String] = []
    private var byModule: [String: String] = [:]

    /// What everything outside of the blocks is called.
    public static let rest = "BASE"

    /// The blocks of `model`'s denoiser; none if it has no denoiser.
    init(of model: Model) throws(IsomerError) {
        if let component = model.components["unet"] {
            let items = try Layouts.ldmUNet.expansion(of: component.configuration, provesInverse: false).items
            var greatest: [String: Int] = [:]
            var places: [(String, String, Int)] = []
            for item in items {
                let path = item.name.split(separator: ".").map(String.init)
                guard let first = path.first, let canonical = item.parts.first?.name else { continue }
                switch (first, path.dropFirst().first.flatMap { Int($0) }) {
                case ("input_blocks", let number?): places.append((canonical, "IN", number))
                case ("output_blocks", let number?): places.append((canonical, "OUT", number))
                case ("middle_block", _): places.append((canonical, "M", 0))
                case ("time_embed", _): places.append((canonical, "IN", 0))
                case ("out", _): places.append((canonical, "OUT", .max))
                default: continue
                }
                if let last = places.last, last.2 != .max { greatest[last.1] = max(greatest[last.1] ?? 0, last.2) }
            }
            for kind in ["IN", "M", "OUT"] {
                guard let last = greatest[kind] else { continue }
                names += (0...last).map { MergeBlocks.name(kind, $0) }
            }
            for (canonical, kind, number) in places {
                byModule[canonical] = MergeBlocks.name(kind, min(number, greatest[kind] ?? 0))
            }
        } else if let component = model.components["transformer"] {
            let isFlux = component.configuration is FluxTransformerConfiguration
            var seen: Set<String> = []
            for entry in try component.configuration.manifest().entries {
                let path = entry.name.split(separator: ".").map(String.init)
                guard path.count > 1, let number = Int(path[1]) else { continue }
                let kind: String
                switch path[0] {
                case "transformer_blocks": kind = isFlux ? "D" : "J"
                case "single_transformer_blocks": kind = "S"
                default: continue
                }
                let name = MergeBlocks.name(kind, number)
                byModule[entry.name] = name
                if seen.insert(name).inserted { names.append(name) }
            }
        }
    }

    private static func name(_ kind: String, _ number: Int) -> String { kind + (number < 10 ? "0" : "") + String(number) }

    /// The block of a component's tensor.
    func block(slot: String, tensor: String) -> String {
        slot == "unet" || slot == "transformer" ? byModule[tensor] ?? MergeBlocks.rest : MergeBlocks.rest
    }

    /// Reads a list of weights: one number for each block, with one for `BASE` in front or without; or pairs `IN00=0.3`, `OUT=0.5` for all that
    /// begin so.
    public func weights(_ text: String) throws(IsomerError) -> [String: Double] {
        let entries = text.split(separator: ",", omittingEmptySubsequences: false).map { entry in
            String(entry.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
        }
        var weights: [String: Double] = [:]
        if entries.contains(where: { $0.contains("=") }) {
            for entry in entries {
                let parts = entry.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
                guard parts.count == 2 else { throw MergeBlocks.notANumber(entry) }
                let value: Double
                do throws(IsomerError) { value = try MergeBlocks.number(parts[1]) } catch { throw error.about(parts[0]) }
                let name = parts[0].uppercased()
                let blocks = (names + [MergeBlocks.rest]).filter {
                    $0 == name || ($0.hasPrefix(name) && Int($0.dropFirst(name.count)) != nil)
                }
                guard !blocks.isEmpty, !name.isEmpty else {
                    throw IsomerError(
                        .usage, "the model has no such block", item: parts[0],
                        remedy: "choose from \(MergeBlocks.rest), \(names.first ?? "") … \(names.last ?? "")")
                }
                for block in blocks { weights[block] = value }
            }
            return weights
        }
        var numbers: [Double] = []
        for entry in entries {
            do throws(IsomerError) { numbers.append(try MergeBlocks.number(entry)) } catch { throw error.about("--block-weights") }
        }
        guard numbers.count == names.count || numbers.count == names.count + 1 else {
            throw IsomerError(
                .usage, "there must be one weight for each block", item: "--block-weights",
                expected:
                    "\(names.count) numbers (\(names.first ?? "") … \(names.last ?? "")), or one more with \(MergeBlocks.rest) in front",
                found: "\(numbers.count)")
        }
        let all = numbers.count == names.count ? names : [MergeBlocks.rest] + names
        for (name, number) in zip(all, numbers) { weights[name] = number }
        return weights
    }

    /// A finite number, or a sentence.
    public static func number(_ text: String) throws(IsomerError) -> Double {
        guard let number = Double(text), number.isFinite else { throw notANumber(text) }
        return number
    }

    private static func notANumber(_ text: String) -> IsomerError {
        IsomerError(.usage, "a weight is not a number", expected: "a number like 0.8", found: text)
    }
}
