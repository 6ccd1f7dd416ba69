extension Module {
    /// A module whose parameters are called `prefix` and then `weight` or `bias`, without a dot between: `in_proj_weight`.
    public func parameter(_ prefix: String) -> Module { Module(weights: weights, path: path + prefix) }
}
