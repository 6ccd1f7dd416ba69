/// The opcodes of pickle protocols 0 to 5.
///
/// Reference: CPython 3.13 `Lib/pickletools.py` and `Modules/_pickle.c` for names, arguments and effects.
public enum PickleOpcode: UInt8, Hashable, Sendable, CaseIterable {
    case mark = 0x28, emptyTuple = 0x29, stop = 0x2E
    case pop = 0x30, popMark = 0x31, duplicate = 0x32
    case binaryBytes = 0x42, shortBinaryBytes = 0x43
    case float = 0x46, binaryFloat = 0x47
    case integer = 0x49, binaryInteger = 0x4A, binaryInteger1 = 0x4B, long = 0x4C, binaryInteger2 = 0x4D, none = 0x4E
    case persistentText = 0x50, persistent = 0x51, reduce = 0x52
    case string = 0x53, binaryString = 0x54, shortBinaryString = 0x55, unicode = 0x56, binaryUnicode = 0x58
    case emptyList = 0x5D
    case append = 0x61, build = 0x62, global = 0x63, dictionary = 0x64, appends = 0x65
    case get = 0x67, binaryGet = 0x68, instance = 0x69, longBinaryGet = 0x6A
    case list = 0x6C, object = 0x6F, put = 0x70, binaryPut = 0x71, longBinaryPut = 0x72
    case setItem = 0x73, tuple = 0x74, setItems = 0x75, emptyDictionary = 0x7D
    case protocolVersion = 0x80, newObject = 0x81, extension1 = 0x82, extension2 = 0x83, extension4 = 0x84
    case tuple1 = 0x85, tuple2 = 0x86, tuple3 = 0x87, newTrue = 0x88, newFalse = 0x89
    case long1 = 0x8A, long4 = 0x8B
    case shortBinaryUnicode = 0x8C, binaryUnicode8 = 0x8D, binaryBytes8 = 0x8E
    case emptySet = 0x8F, addItems = 0x90, frozenSet = 0x91, newObjectKeywords = 0x92, stackGlobal = 0x93
    case memoize = 0x94, frame = 0x95
    case byteArray8 = 0x96, nextBuffer = 0x97, readOnlyBuffer = 0x98
}

extension PickleOpcode {
    /// How the argument that follows an opcode is written.
    enum ArgumentForm: Hashable, Sendable {
        case nothing
        /// An unsigned little-endian number of so many bytes.
        case unsigned(bytes: Int)
        /// A signed little-endian number of four bytes.
        case signed4
        /// A big-endian binary64.
        case float8
        /// A length of so many bytes, little-endian, then that many bytes. The four-byte lengths of `LONG4` and `BINSTRING` are signed.
        case counted(bytes: Int, signed: Bool)
        /// Text up to a line feed.
        case line
        /// Two lines.
        case twoLines
    }

    var argumentForm: ArgumentForm {
        switch self {
        case .protocolVersion, .binaryInteger1, .binaryGet, .binaryPut, .extension1: .unsigned(bytes: 1)
        case .binaryInteger2, .extension2: .unsigned(bytes: 2)
        case .longBinaryGet, .longBinaryPut: .unsigned(bytes: 4)
        case .binaryInteger, .extension4: .signed4
        case .frame: .unsigned(bytes: 8)
        case .binaryFloat: .float8
        case .shortBinaryBytes, .shortBinaryString, .shortBinaryUnicode, .long1: .counted(bytes: 1, signed: false)
        case .binaryBytes, .binaryUnicode: .counted(bytes: 4, signed: false)
        case .binaryString, .long4: .counted(bytes: 4, signed: true)
        case .binaryBytes8, .binaryUnicode8, .byteArray8: .counted(bytes: 8, signed: false)
        case .float, .integer, .long, .string, .unicode, .persistentText, .get, .put: .line
        case .global, .instance: .twoLines
        default: .nothing
        }
    }

    /// The name Python's `pickletools` gives it.
    public var name: String {
        switch self {
        case .mark: "MARK"
        case .emptyTuple: "EMPTY_TUPLE"
        case .stop: "STOP"
        case .pop: "POP"
        case .popMark: "POP_MARK"
        case .duplicate: "DUP"
        case .binaryBytes: "BINBYTES"
        case .shortBinaryBytes: "SHORT_BINBYTES"
        case .float: "FLOAT"
        case .binaryFloat: "BINFLOAT"
        case .integer: "INT"
        case .binaryInteger: "BININT"
        case .binaryInteger1: "BININT1"
        case .long: "LONG"
        case .binaryInteger2: "BININT2"
        case .none: "NONE"
        case .persistentText: "PERSID"
        case .persistent: "BINPERSID"
        case .reduce: "REDUCE"
        case .string: "STRING"
        case .binaryString: "BINSTRING"
        case .shortBinaryString: "SHORT_BINSTRING"
        case .unicode: "UNICODE"
        case .binaryUnicode: "BINUNICODE"
        case .emptyList: "EMPTY_LIST"
        case .append: "APPEND"
        case .build: "BUILD"
        case .global: "GLOBAL"
        case .dictionary: "DICT"
        case .appends: "APPENDS"
        case .get: "GET"
        case .binaryGet: "BINGET"
        case .instance: "INST"
        case .longBinaryGet: "LONG_BINGET"
        case .list: "LIST"
        case .object: "OBJ"
        case .put: "PUT"
        case .binaryPut: "BINPUT"
        case .longBinaryPut: "LONG_BINPUT"
        case .setItem: "SETITEM"
        case .tuple: "TUPLE"
        case .setItems: "SETITEMS"
        case .emptyDictionary: "EMPTY_DICT"
        case .protocolVersion: "PROTO"
        case .newObject: "NEWOBJ"
        case .extension1: "EXT1"
        case .extension2: "EXT2"
        case .extension4: "EXT4"
        case .tuple1: "TUPLE1"
        case .tuple2: "TUPLE2"
        case .tuple3: "TUPLE3"
        case .newTrue: "NEWTRUE"
        case .newFalse: "NEWFALSE"
        case .long1: "LONG1"
        case .long4: "LONG4"
        case .shortBinaryUnicode: "SHORT_BINUNICODE"
        case .binaryUnicode8: "BINUNICODE8"
        case .binaryBytes8: "BINBYTES8"
        case .emptySet: "EMPTY_SET"
        case .addItems: "ADDITEMS"
        case .frozenSet: "FROZENSET"
        case .newObjectKeywords: "NEWOBJ_EX"
        case .stackGlobal: "STACK_GLOBAL"
        case .memoize: "MEMOIZE"
        case .frame: "FRAME"
        case .byteArray8: "BYTEARRAY8"
        case .nextBuffer: "NEXT_BUFFER"
        case .readOnlyBuffer: "READONLY_BUFFER"
        }
    }
}
