public import IsomerArchitectures

/// Two tables of one layout that are one canonical tensor: of the first, the rows before `firstRow` count, of the second those from it on. The
/// other rows of both are in the file and the network never looks at them.
///
/// Read, the rows that count become the canonical tensor; written, both tables are the whole of it unless what stood in the other rows is known.
public struct SecondTable: Hashable, Sendable {
    /// The first table's name, which a rule of the layout has.
    public let first: String
    /// The second one's, which no rule has.
    public let second: String
    /// Where the second takes over.
    public let firstRow: Int

    init(_ second: String, beside first: String, from firstRow: Int) {
        self.first = first
        self.second = second
        self.firstRow = firstRow
    }
}

/// One of several files in which a network of a layout is published, each with names of its own that begin anew.
public struct LayoutPart: Sendable {
    /// What the names have in front where all parts are in one file: `taesd_encoder.`.
    public let prefix: String
    /// The word by which the names of the files differ: `encoder` in `taesd_encoder.pth`.
    public let word: String
    /// Names that tell the part from others.
    public let signature: NetworkSignature

    init(_ prefix: String, _ word: String, present: [String], absent: [String] = []) {
        self.prefix = prefix
        self.word = word
        signature = NetworkSignature(present: present, absent: absent)
    }
}

extension Layouts {
    /// The layout of which `inventory` is one part, and which; `nil` if it is a part of none.
    public static func part(in inventory: TensorInventory) -> (layout: Layout, part: LayoutPart)? {
        for layout in all {
            if let part = layout.parts.first(where: { inventory.matches($0.signature) }) { return (layout, part) }
        }
        return nil
    }
}
