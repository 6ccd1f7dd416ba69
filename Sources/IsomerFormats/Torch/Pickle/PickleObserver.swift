public import IsomerBytes

/// Something a pickle says that means more than "this is a value".
public enum PickleEvent: Sendable {
    /// A name is imported.
    case global(PickleGraph.Global)
    /// `callable` would be called with `arguments`, or the class be made an instance of.
    case call(callable: PickleReference, arguments: PickleReference, keywords: PickleReference?)
    /// `target` would be given `state`: by its own code, if it has any.
    case build(target: PickleReference, state: PickleReference)
    /// A method of `target`, which is not a plain list, dictionary or set, would be called to put items into it.
    case extend(target: PickleReference, asEntries: Bool)
    /// Something outside the pickle is asked for by its identifier.
    case persistent(identifier: PickleReference)
    /// A name out of Python's extension registry is imported, by number.
    case registered(code: Int)
    /// Bytes outside the pickle are asked for.
    case buffer
    /// A name is imported that comes out of a call, so that only whoever loads the pickle learns it. Only a tolerant machine goes on here.
    case computedGlobal(module: PickleReference, name: PickleReference)
    /// Something that no pickler writes and that Python lets pass. Only a tolerant machine goes on here.
    case irregularity(IsomerError)
}

/// Watches a `PickleMachine`, and stops it by throwing.
public protocol PickleObserver: AnyObject {
    /// Called before the effect of the instruction is recorded. `offset` is the opcode's position in its stream.
    func observe(_ event: PickleEvent, by opcode: PickleOpcode, at offset: Int, in graph: PickleGraph) throws(IsomerError)
}
