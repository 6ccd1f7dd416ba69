/// Files that go when others take their place, in the same folder and in the same step.
public struct ObsoleteFiles: Hashable, Sendable {
    /// What a reader begins with, if that goes too: the index of a set that one file takes the place of, the one file that a set does.
    public var heads: [FilePath] = []
    /// All others.
    public var parts: [FilePath] = []

    public init(heads: [FilePath] = [], parts: [FilePath] = []) {
        self.heads = heads
        self.parts = parts
    }

    /// In the order in which they lose their names.
    public var all: [FilePath] { parts + heads }
}
