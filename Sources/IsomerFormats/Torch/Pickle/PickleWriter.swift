/// Writes pickle protocol 2 as CPython's pickler does: same opcodes, same memo numbers, same batches.
///
/// Reference: CPython 3.13 `Modules/_pickle.c` (`save_long`, `save_unicode`, `save_tuple`, `batch_dict`).
struct PickleWriter {
    private(set) var bytes: [UInt8] = []
    private var memoCount = 0
    /// Memo numbers of what Python would find to be the same object again: names of classes and constants.
    private var remembered: [String: Int] = [:]

    /// Entries of one `SETITEMS`.
    static let batch = 1_000

    init() { bytes = [0x80, 2] }

    mutating func put(_ opcode: PickleOpcode) { bytes.append(opcode.rawValue) }

    private mutating func little<Number: FixedWidthInteger>(_ value: Number) {
        withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
    }

    /// Gives what is on top of the stack the next memo number.
    mutating func memoize() {
        if memoCount < 256 {
            put(.binaryPut)
            bytes.append(UInt8(truncatingIfNeeded: memoCount))
        } else {
            put(.longBinaryPut)
            little(UInt32(truncatingIfNeeded: memoCount))
        }
        memoCount += 1
    }

    /// Fetches what was remembered under `key`, or makes and remembers it.
    private mutating func once(_ key: String, _ make: (inout PickleWriter) -> Void) {
        if let number = remembered[key] {
            if number < 256 {
                put(.binaryGet)
                bytes.append(UInt8(truncatingIfNeeded: number))
            } else {
                put(.longBinaryGet)
                little(UInt32(truncatingIfNeeded: number))
            }
            return
        }
        make(&self)
        remembered[key] = memoCount
        memoize()
    }

    mutating func global(_ module: String, _ name: String) {
        once("c\(module)\n\(name)") { writer in
            writer.put(.global)
            writer.bytes += Array("\(module)\n\(name)\n".utf8)
        }
    }

    private mutating func unicode(_ text: String) {
        put(.binaryUnicode)
        little(UInt32(truncatingIfNeeded: text.utf8.count))
        bytes += Array(text.utf8)
    }

    /// A string that is an object of its own in the writing program, whatever else is equal to it.
    mutating func string(_ text: String) {
        unicode(text)
        memoize()
    }

    /// A string that is one object in the writing program.
    mutating func constant(_ text: String) {
        once("s" + text) { $0.unicode(text) }
    }

    mutating func integer(_ value: Int) {
        switch value {
        case 0..<256:
            put(.binaryInteger1)
            bytes.append(UInt8(truncatingIfNeeded: value))
        case 0..<65536:
            put(.binaryInteger2)
            little(UInt16(truncatingIfNeeded: value))
        case Int(Int32.min)...Int(Int32.max):
            put(.binaryInteger)
            little(Int32(truncatingIfNeeded: value))
        default:
            // As few bytes as hold the number and its sign.
            var count = 8
            while count > 1, value >> (count * 8 - 9) == 0 || value >> (count * 8 - 9) == -1 { count -= 1 }
            put(.long1)
            bytes.append(UInt8(truncatingIfNeeded: count))
            for position in 0..<count { bytes.append(UInt8(truncatingIfNeeded: value >> (position * 8))) }
        }
    }

    /// An integer beyond 64 bits: two's complement, least significant byte first.
    mutating func largeInteger(_ twosComplement: [UInt8]) {
        put(.long1)
        bytes.append(UInt8(truncatingIfNeeded: twosComplement.count))
        bytes += twosComplement
    }

    mutating func float(_ value: Double) {
        put(.binaryFloat)
        withUnsafeBytes(of: value.bitPattern.bigEndian) { bytes.append(contentsOf: $0) }
    }

    mutating func bool(_ value: Bool) { put(value ? .newTrue : .newFalse) }

    /// A tuple of integers: a size, strides.
    mutating func tuple(_ values: [Int]) {
        switch values.count {
        case 0: return put(.emptyTuple)
        case 1...3:
            for value in values { integer(value) }
            put(values.count == 1 ? .tuple1 : values.count == 2 ? .tuple2 : .tuple3)
        default:
            put(.mark)
            for value in values { integer(value) }
            put(.tuple)
        }
        memoize()
    }

    /// The items of an iterator over pairs: a single last one goes without a mark.
    mutating func batches<Items: Collection>(
        _ items: Items, isExactDictionary: Bool = false, _ write: (inout PickleWriter, Items.Element) -> Void
    ) {
        var rest = items[...]
        while let first = rest.first {
            if rest.count == 1, !isExactDictionary || items.count == 1 {
                write(&self, first)
                return put(.setItem)
            }
            put(.mark)
            for item in rest.prefix(PickleWriter.batch) { write(&self, item) }
            rest = rest.dropFirst(PickleWriter.batch)
            put(.setItems)
        }
    }
}
