/// Something a planner settled that the user might have settled otherwise: said, with its reason, so that no guess is silent.
public struct Decision: Hashable, Sendable {
    /// What was settled: "prediction type".
    public var subject: String
    /// How: "v_prediction".
    public var value: String
    /// From what it follows, as a clause: "the file holds a tensor `v_pred`".
    public var reason: String
    /// The flag that settles it otherwise, with its value's placeholder: "--prediction-type TYPE".
    public var flag: String?

    public init(_ subject: String, _ value: String, because reason: String, flag: String? = nil) {
        self.subject = subject
        self.value = value
        self.reason = reason
        self.flag = flag
    }
}

/// A tensor of a source that does not arrive in the output as a tensor of its own.
public struct SetAside: Hashable, Sendable {
    /// What became of it.
    public enum Fate: String, Hashable, Sendable, CaseIterable {
        /// It is not in the output: the target has no place for it.
        case dropped
        /// It is stored beside what the target has a place for, so that the way back restores it.
        case kept
        /// It is unknown, and the user allowed leaving it out.
        case ignored
        /// Its content follows from others' (a tied copy, a buffer), so nothing is lost.
        case implied
        /// Its numbers went into tensors that are computed from several.
        case merged
    }

    /// The tensor.
    public var tensor: TensorReference
    /// Its name in its source.
    public var name: String
    /// What became of it.
    public var fate: Fate
    /// The rule that says so: "EMA weights", "training state".
    public var reason: String

    public init(_ tensor: TensorReference, name: String, _ fate: Fate, because reason: String) {
        self.tensor = tensor
        self.name = name
        self.fate = fate
        self.reason = reason
    }
}
