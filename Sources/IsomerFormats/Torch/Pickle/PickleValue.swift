/// A finished graph that many values share.
public final class PickleDocument: Sendable {
    /// Everything the pickle built.
    public let graph: PickleGraph
    private let rootReference: PickleReference

    init(_ graph: PickleGraph, root: PickleReference) {
        self.graph = graph
        self.rootReference = root
    }

    /// What the pickle is a pickle of.
    public var root: PickleValue { PickleValue(self, rootReference) }
}

/// A value out of a pickle, to look at. Copies are cheap; nothing in it can run.
public struct PickleValue: Sendable {
    /// The document it lies in.
    let document: PickleDocument
    /// Its place there. Equal places are the same object to Python.
    public let reference: PickleReference

    init(_ document: PickleDocument, _ reference: PickleReference) {
        self.document = document
        self.reference = reference
    }

    private var graph: PickleGraph { document.graph }

    /// What a value is.
    public enum Content: Sendable {
        case none
        case bool(Bool)
        case integer(Int)
        /// An integer beyond 64 bits: two's complement, least significant byte first.
        case largeInteger([UInt8])
        case float(Double)
        case string(String)
        case bytes([UInt8])
        case byteArray([UInt8])
        case tuple(PickleItems)
        case list(PickleItems)
        case dictionary(PickleEntries)
        case set(PickleItems)
        case frozenSet(PickleItems)
        /// A name Python would import, not called.
        case global(PickleGraph.Global)
        /// What a call would have made.
        case object(PickleObject)
        /// Something that lies outside the pickle, by its identifier.
        case persistent(PickleIdentifier)
    }

    /// What it is.
    public var content: Content {
        switch graph.node(reference) {
        case .none: .none
        case .bool(let value): .bool(value)
        case .integer(let value): .integer(value)
        case .largeInteger(let index): .largeInteger(graph.byteStrings[Int(index)])
        case .float(let value): .float(value)
        case .string(let value): .string(value)
        case .bytes(let index): .bytes(graph.byteStrings[Int(index)])
        case .byteArray(let index): .byteArray(graph.byteStrings[Int(index)])
        case .tuple(let start, let count): .tuple(PickleItems(document, graph.tupleItems[Int(start)..<Int(start) + Int(count)]))
        case .list(let index): .list(PickleItems(document, graph.lists[Int(index)][...]))
        case .dictionary(let index): .dictionary(PickleEntries(document, graph.lists[Int(index)]))
        case .set(let index): .set(PickleItems(document, graph.lists[Int(index)][...]))
        case .frozenSet(let index): .frozenSet(PickleItems(document, graph.lists[Int(index)][...]))
        case .global(let index): .global(graph.globals[Int(index)])
        case .object(let index): .object(PickleObject(document, index))
        case .persistent(let identifier): .persistent(PickleIdentifier(PickleValue(document, PickleReference(index: identifier))))
        }
    }
}

/// The identifier of something outside a pickle.
public struct PickleIdentifier: Sendable {
    private let document: PickleDocument
    private let reference: PickleReference

    init(_ value: PickleValue) {
        document = value.document
        reference = value.reference
    }

    /// The identifier itself: for torch a tuple.
    public var value: PickleValue { PickleValue(document, reference) }
}

/// The elements of a list, tuple or set, in order.
public struct PickleItems: RandomAccessCollection, Sendable {
    private let document: PickleDocument
    private let references: ArraySlice<UInt32>

    init(_ document: PickleDocument, _ references: ArraySlice<UInt32>) {
        self.document = document
        self.references = references
    }

    public var startIndex: Int { 0 }
    public var endIndex: Int { references.count }
    public subscript(position: Int) -> PickleValue {
        PickleValue(document, PickleReference(index: references[references.startIndex + position]))
    }
}

/// The keys and values of a dictionary, in the order of the file. Keys may repeat: the last one counts, as in Python.
public struct PickleEntries: RandomAccessCollection, Sendable {
    private let document: PickleDocument
    private let references: [UInt32]

    init(_ document: PickleDocument, _ references: [UInt32]) {
        self.document = document
        self.references = references
    }

    public var startIndex: Int { 0 }
    public var endIndex: Int { references.count / 2 }
    public subscript(position: Int) -> (key: PickleValue, value: PickleValue) {
        (
            PickleValue(document, PickleReference(index: references[2 * position])),
            PickleValue(document, PickleReference(index: references[2 * position + 1]))
        )
    }

    /// The value of a string key.
    public subscript(key: String) -> PickleValue? {
        last { entry in
            if case .string(let text) = entry.key.content { text.utf8.elementsEqual(key.utf8) } else { false }
        }?.value
    }
}

/// A call that was recorded instead of made.
public struct PickleObject: Sendable {
    private let document: PickleDocument
    private let index: UInt32

    init(_ document: PickleDocument, _ index: UInt32) {
        self.document = document
        self.index = index
    }

    private var object: PickleGraph.Object { document.graph.objects[Int(index)] }
    private var details: PickleGraph.Details? { object.details.map { document.graph.details[Int($0)] } }
    private func value(_ index: UInt32) -> PickleValue { PickleValue(document, PickleReference(index: index)) }

    /// What would have been called.
    public var callable: PickleValue { value(object.callable) }
    /// The name of what would have been called, if it is a plain import.
    public var global: PickleGraph.Global? {
        if case .global(let index) = document.graph.nodes[Int(object.callable)] { document.graph.globals[Int(index)] } else { nil }
    }
    /// With which arguments: a tuple, as a rule.
    public var arguments: PickleValue { value(object.arguments) }
    /// With which named arguments.
    public var keywords: PickleValue? { object.keywords.map(value) }
    /// The state that would have been given to the result.
    public var state: PickleValue? { details?.state.map(value) }
    /// What would have been appended to the result.
    public var items: PickleItems { PickleItems(document, details?.items[...] ?? []) }
    /// What would have been set in the result as a dictionary.
    public var entries: PickleEntries { PickleEntries(document, details?.entries ?? []) }
}
