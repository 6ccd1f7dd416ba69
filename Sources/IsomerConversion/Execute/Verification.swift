/// What is done after writing, before the output becomes visible, to prove that it is what was planned.
public enum Verification: String, Hashable, Sendable, CaseIterable {
    /// Nothing.
    case none
    /// The output is opened by its reader; its tensors' names, types, shapes and metadata are compared with the plan.
    case header
    /// Besides, every byte of every tensor is read back and compared with what the source gives.
    case full
}
