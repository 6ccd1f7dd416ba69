import IsomerBytes

extension IsomerError {
    /// The configuration of a network does not say `what`, and no weight tells it.
    static func undecided(_ what: String, of title: String) -> IsomerError {
        IsomerError(
            .undecided, "the weights alone do not tell \(what) of this \(title)",
            remedy: "say it with --config and a config.json of the same structure")
    }
}
