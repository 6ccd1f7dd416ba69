public import IsomerArchitectures

/// Every kind of network that is known: those that have a layout.
public enum Networks {
    /// Each kind once.
    public static let all: [any NetworkConfiguration.Type] = Layouts.all.reduce(into: []) { kinds, layout in
        if !kinds.contains(where: { $0 == layout.network }) { kinds.append(layout.network) }
    }

    /// The kind that a class name in a configuration file stands for.
    public static func type(of className: String) -> (any NetworkConfiguration.Type)? {
        all.first { $0.classes.contains { $0.name == className } }
    }
}
