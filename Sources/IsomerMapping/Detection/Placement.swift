import IsomerArchitectures

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

extension Placement: CustomStringConvertible {
    /// "model.diffusion_model. (LDM)".
    public var description: String { prefix.isEmpty ? layout.name : "\(prefix) (\(layout.name))" }
}
