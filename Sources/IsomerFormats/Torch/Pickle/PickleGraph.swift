internal import IsomerBytes

/// A value in a `PickleGraph`.
public struct PickleReference: Hashable, Sendable {
    let index: UInt32
}

/// Everything a pickle built, as inert data: an arena of nodes that refer to each other by number.
///
/// Numbers instead of object references have three effects that matter with hostile input: sharing costs nothing (a "billion laughs" stays as
/// small as its file), cycles do not leak, and letting go of a chain of ten million nested lists is not a recursion.
public struct PickleGraph: Sendable {
    /// One value. Small on purpose: a checkpoint of a million tensors has ten million of them.
    enum Node: Sendable {
        case none
        case bool(Bool)
        case integer(Int)
        /// Two's complement, least significant byte first, in `byteStrings`: an integer beyond 64 bits.
        case largeInteger(UInt32)
        case float(Double)
        case string(String)
        case bytes(UInt32)
        case byteArray(UInt32)
        case tuple(start: UInt32, count: UInt32)
        case list(UInt32)
        /// Keys and values by turns.
        case dictionary(UInt32)
        case set(UInt32)
        case frozenSet(UInt32)
        case global(UInt32)
        case object(UInt32)
        case persistent(UInt32)
    }

    /// A name that Python would import.
    public struct Global: Hashable, Sendable {
        /// The module as Python 3 calls it.
        public let module: String
        /// The name inside the module; protocol 4 allows dots in it.
        public let name: String

        public init(module: String, name: String) {
            self.module = module
            self.name = name
        }
    }

    /// What a call would have made, had anything been called.
    struct Object: Sendable {
        let callable: UInt32
        let arguments: UInt32
        var keywords: UInt32?
        var details: UInt32?
    }

    /// What was done to an object after it was made.
    struct Details: Sendable {
        /// The state given by `BUILD`; the last one if there were several.
        var state: UInt32?
        /// What was appended or added.
        var items: [UInt32] = []
        /// Keys and values by turns.
        var entries: [UInt32] = []
    }

    private(set) var nodes: [Node] = []
    private(set) var tupleItems: [UInt32] = []
    private(set) var lists: [[UInt32]] = []
    private(set) var byteStrings: [[UInt8]] = []
    private(set) var globals: [Global] = []
    private(set) var objects: [Object] = []
    private(set) var details: [Details] = []
    private var globalNodes: [Global: UInt32] = [:]

    /// Nodes and links made so far, and how many there may be.
    private(set) var size = 0
    private let capacity: Int

    init(capacity: Int) {
        self.capacity = min(capacity, Int(UInt32.max) - 1)
        // The values that pickles repeat most, at fixed places.
        nodes = [.none, .bool(false), .bool(true)] + (0..<256).map { .integer($0) }
    }

    static let none = PickleReference(index: 0)
    static func bool(_ value: Bool) -> PickleReference { PickleReference(index: value ? 2 : 1) }
}

extension PickleGraph {
    /// Counts what is about to be added.
    private mutating func charge(_ count: Int) throws(IsomerError) {
        size += count
        guard size <= capacity else {
            throw IsomerError(
                .limitExceeded, "the pickle builds more values than a pickle may", expected: "at most \(capacity)",
                remedy: "raise the limit on pickled values if you trust the file")
        }
    }

    private mutating func add(_ node: Node) throws(IsomerError) -> PickleReference {
        try charge(1)
        nodes.append(node)
        return PickleReference(index: UInt32(truncatingIfNeeded: nodes.count - 1))
    }

    mutating func addInteger(_ value: Int) throws(IsomerError) -> PickleReference {
        if value >= 0, value < 256 { return PickleReference(index: 3 + UInt32(truncatingIfNeeded: value)) }
        return try add(.integer(value))
    }

    /// `bytes`: two's complement, least significant first, as `LONG1` has it.
    mutating func addInteger(twosComplement bytes: ArraySlice<UInt8>) throws(IsomerError) -> PickleReference {
        guard let last = bytes.last else { return try addInteger(0) }
        let filler: UInt8 = last & 0x80 == 0 ? 0 : 0xFF
        if bytes.count <= 8 || bytes.dropFirst(8).allSatisfy({ $0 == filler }) && bytes[bytes.startIndex + 7] & 0x80 == filler & 0x80 {
            let start: UInt64 = filler == 0 ? 0 : .max
            let bits = bytes.prefix(8).reversed().reduce(start) { ($0 << 8) | UInt64($1) }
            return try addInteger(Int(truncatingIfNeeded: bits))
        }
        return try add(.largeInteger(store(Array(bytes))))
    }

    mutating func addFloat(_ value: Double) throws(IsomerError) -> PickleReference { try add(.float(value)) }
    mutating func addString(_ value: String) throws(IsomerError) -> PickleReference { try add(.string(value)) }
    mutating func addBytes(_ value: [UInt8]) throws(IsomerError) -> PickleReference { try add(.bytes(store(value))) }
    mutating func addByteArray(_ value: [UInt8]) throws(IsomerError) -> PickleReference { try add(.byteArray(store(value))) }

    private mutating func store(_ bytes: [UInt8]) -> UInt32 {
        byteStrings.append(bytes)
        return UInt32(truncatingIfNeeded: byteStrings.count - 1)
    }

    mutating func addTuple(_ items: ArraySlice<PickleReference>) throws(IsomerError) -> PickleReference {
        try charge(items.count)
        let start = UInt32(truncatingIfNeeded: tupleItems.count)
        tupleItems.append(contentsOf: items.lazy.map(\.index))
        return try add(.tuple(start: start, count: UInt32(truncatingIfNeeded: items.count)))
    }

    /// The kinds of growing container.
    enum Growing { case list, dictionary, set, frozenSet }

    mutating func add(_ kind: Growing, _ items: ArraySlice<PickleReference>) throws(IsomerError) -> PickleReference {
        try charge(items.count)
        lists.append(items.map(\.index))
        let index = UInt32(truncatingIfNeeded: lists.count - 1)
        switch kind {
        case .list: return try add(.list(index))
        case .dictionary: return try add(.dictionary(index))
        case .set: return try add(.set(index))
        case .frozenSet: return try add(.frozenSet(index))
        }
    }

    mutating func append(_ items: ArraySlice<PickleReference>, toContainer index: UInt32) throws(IsomerError) {
        try charge(items.count)
        lists[Int(index)].append(contentsOf: items.lazy.map(\.index))
    }

    mutating func append(_ items: ArraySlice<PickleReference>, to object: UInt32, asEntries: Bool) throws(IsomerError) {
        try charge(items.count)
        let index = try detailsIndex(of: object)
        if asEntries {
            details[index].entries.append(contentsOf: items.lazy.map(\.index))
        } else {
            details[index].items.append(contentsOf: items.lazy.map(\.index))
        }
    }

    mutating func setState(_ state: PickleReference, of object: UInt32) throws(IsomerError) {
        details[try detailsIndex(of: object)].state = state.index
    }

    private mutating func detailsIndex(of object: UInt32) throws(IsomerError) -> Int {
        if let index = objects[Int(object)].details { return Int(index) }
        try charge(4)
        details.append(Details())
        objects[Int(object)].details = UInt32(truncatingIfNeeded: details.count - 1)
        return details.count - 1
    }

    mutating func addGlobal(_ global: Global) throws(IsomerError) -> PickleReference {
        if let node = globalNodes[global] { return PickleReference(index: node) }
        globals.append(global)
        let reference = try add(.global(UInt32(truncatingIfNeeded: globals.count - 1)))
        globalNodes[global] = reference.index
        return reference
    }

    mutating func addObject(_ callable: PickleReference, _ arguments: PickleReference, keywords: PickleReference? = nil) throws(IsomerError)
        -> PickleReference
    {
        try charge(2)
        objects.append(Object(callable: callable.index, arguments: arguments.index, keywords: keywords?.index, details: nil))
        return try add(.object(UInt32(truncatingIfNeeded: objects.count - 1)))
    }

    mutating func addPersistent(_ identifier: PickleReference) throws(IsomerError) -> PickleReference {
        try add(.persistent(identifier.index))
    }

    func node(_ reference: PickleReference) -> Node { nodes[Int(reference.index)] }
}
