public import IsomerMapping

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
    /// Whether it may well be wrong.
    public let isGuess: Bool

    /// A decision. The reason of a guess says that it is one.
    public init(_ subject: String, _ value: String, because reason: String, flag: String? = nil, isGuess: Bool = false) {
        self.subject = subject
        self.value = value
        self.reason = isGuess ? reason + " (a guess)" : reason
        self.flag = flag
        self.isGuess = isGuess
    }

    /// What a denoiser predicts.
    public static func prediction(
        _ prediction: Prediction, because reason: String, flag: String? = "--prediction-type TYPE", isGuess: Bool = false
    ) -> Decision {
        Decision("prediction type", prediction.rawValue, because: reason, flag: flag, isGuess: isGuess)
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
