public import IsomerArchitectures

/// Where a component stands in a file: under which prefix, in which layout.
public struct Placement: Sendable {
    /// How a layout's names become a file's names.
    public enum Naming: Hashable, Sendable {
        /// `prefix` in front.
        case prefixed(String)
        /// `stem` in front, then all dots removed, then `prefix` in front: what LDM's `LitEma` registers, since names of buffers may not have
        /// dots. That cannot be undone by looking at the text, so names are looked up in this direction only.
        case withoutDots(prefix: String, stem: String)
    }

    /// How names are made.
    public let naming: Naming
    /// The layout below the prefix.
    public let layout: Layout

    /// `layout`, with `prefix` in front of its names.
    public init(_ prefix: String, _ layout: Layout) {
        naming = .prefixed(prefix)
        self.layout = layout
    }

    /// `layout` under another naming.
    init(_ naming: Naming, _ layout: Layout) {
        self.naming = naming
        self.layout = layout
    }

    /// A component in a file of its own: every layout of its kind, without a prefix.
    static func alone(_ network: any NetworkConfiguration.Type) -> [Placement] {
        Layouts.of(network).reversed().map { Placement("", $0) }
    }

    /// A denoiser below the prefix that it has in whole models, or without one, in each of `layouts`.
    static func joinedOrAlone(_ layouts: Layout...) -> [Placement] {
        layouts.flatMap { [Placement("model.diffusion_model.", $0), Placement("", $0)] }
    }

    /// The name in the file of the layout's `name`.
    public func name(of name: String) -> String {
        switch naming {
        case .prefixed(let prefix): prefix + name
        case .withoutDots(let prefix, let stem): prefix + String((stem + name).filter { $0 != "." })
        }
    }

    /// The prefix that all names have.
    public var prefix: String {
        switch naming {
        case .prefixed(let prefix): prefix
        case .withoutDots(let prefix, _): prefix
        }
    }

    /// Whether the layout's signature is there.
    func isPresent(in inventory: TensorInventory) -> Bool {
        layout.signature.present.allSatisfy { inventory.has(name(of: $0)) }
            && !layout.signature.absent.contains { inventory.has(name(of: $0)) }
    }
}

extension ModelFamily {
    /// A network that would be found in `inventory` if it did not lack a tensor or two of those that tell it, under the names of the family that
    /// it is nearest to; `nil` if there is none.
    public static func nearlyPresent(in inventory: TensorInventory) -> (slot: Slot, missing: [String])? {
        var best: (slot: Slot, missing: [String], present: Int)?
        for slot in all.flatMap(\.slots) {
            for placement in slot.placements {
                let signature = placement.layout.signature
                guard !signature.absent.contains(where: { inventory.has(placement.name(of: $0)) }) else { continue }
                let telling = signature.present.map(placement.name)
                let missing = telling.filter { !inventory.has($0) }
                let present = telling.count - missing.count
                guard !missing.isEmpty, present > missing.count, present > best?.present ?? 0 else { continue }
                best = (slot, missing, present)
            }
        }
        return best.map { ($0.slot, $0.missing) }
    }
}

extension Placement: CustomStringConvertible {
    /// "model.diffusion_model. (LDM)".
    public var description: String { prefix.isEmpty ? layout.name : "\(prefix) (\(layout.name))" }
}
