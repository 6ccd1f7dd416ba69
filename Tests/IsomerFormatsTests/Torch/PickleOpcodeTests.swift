import IsomerBytes
import Testing

@testable import IsomerFormats

/// A pickle from text: each scalar below 256 is a byte.
func pickle(_ text: String) -> [UInt8] { text.unicodeScalars.map { UInt8(truncatingIfNeeded: $0.value) } }

@Suite struct PickleOpcodeTests {
    /// One stream or more for every opcode, and what it builds, as Python would write it.
    static let cases: [(PickleOpcode, String, String)] = [
        (.mark, "(K\u{1}l.", "[1]"),
        (.emptyTuple, ").", "()"),
        (.stop, "N.", "None"),
        (.pop, "K\u{1}K\u{2}0.", "1"),
        (.pop, "K\u{1}(0.", "1"),
        (.popMark, "K\u{1}(K\u{2}K\u{3}1.", "1"),
        (.duplicate, "K\u{7}2\u{86}.", "(7, 7)"),
        (.binaryBytes, "B\u{2}\u{0}\u{0}\u{0}ab.", "2 bytes"),
        (.shortBinaryBytes, "C\u{3}abc.", "3 bytes"),
        (.float, "F1.5\n.", "1.5"),
        (.float, "F-1e-05\n.", "-1e-05"),
        (.float, "Finf\n.", "inf"),
        (.binaryFloat, "G\u{3F}\u{F8}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}.", "1.5"),
        (.integer, "I-42\n.", "-42"),
        (.integer, "I00\n.", "False"),
        (.integer, "I01\n.", "True"),
        (.integer, "I9223372036854775807\n.", "9223372036854775807"),
        (.binaryInteger, "J\u{FE}\u{FF}\u{FF}\u{FF}.", "-2"),
        (.binaryInteger1, "K\u{FF}.", "255"),
        (.long, "L-9223372036854775808L\n.", "-9223372036854775808"),
        (.long, "L9223372036854775808L\n.", "a large integer"),
        (.binaryInteger2, "M\u{E9}\u{3}.", "1001"),
        (.none, "N.", "None"),
        (.persistentText, "P7\n.", "persistent '7'"),
        (.persistent, "K\u{7}Q.", "persistent 7"),
        (.reduce, "cm\nf\nK\u{1}\u{85}R.", "m.f(1)"),
        (.string, "S'a\\'b\\x41\\101\\n'\n.", "'a'bAA\n'"),
        (.string, "S\"\\q\\\\\"\n.", "'\\q\\'"),
        (.binaryString, "T\u{2}\u{0}\u{0}\u{0}ab.", "'ab'"),
        (.shortBinaryString, "U\u{1}\u{FF}.", "1 bytes"),
        (.unicode, "V\u{E9}\\u20AC\\U0001F600\\n\n.", "'é€😀\\n'"),
        (.binaryUnicode, "X\u{2}\u{0}\u{0}\u{0}\u{C3}\u{A9}.", "'é'"),
        (.emptyList, "].", "[]"),
        (.append, "]K\u{1}a.", "[1]"),
        (.build, "cm\nC\n)\u{81}}b.", "m.C()"),
        (.global, "cmod.sub\nname\n.", "mod.sub.name"),
        (.global, "c__builtin__\nxrange\n.", "builtins.range"),
        (.global, "ccopy_reg\n_reconstructor\n.", "copyreg._reconstructor"),
        (.dictionary, "(K\u{1}K\u{2}d.", "{1, 2}"),
        (.appends, "](K\u{1}K\u{2}e.", "[1, 2]"),
        (.get, "K\u{5}p12\n0g12\n.", "5"),
        (.binaryGet, "K\u{5}q\u{C}0h\u{C}.", "5"),
        (.instance, "(K\u{1}im\nC\n.", "m.C(1)"),
        (.longBinaryGet, "K\u{5}r\u{0}\u{1}\u{0}\u{0}0j\u{0}\u{1}\u{0}\u{0}.", "5"),
        (.list, "(K\u{1}K\u{2}l.", "[1, 2]"),
        (.object, "(cm\nC\nK\u{1}o.", "m.C(1)"),
        (.put, "K\u{5}p3\n.", "5"),
        (.binaryPut, "K\u{5}q\u{3}.", "5"),
        (.longBinaryPut, "K\u{5}r\u{FF}\u{FF}\u{FF}\u{FF}.", "5"),
        (.setItem, "}K\u{1}K\u{2}s.", "{1, 2}"),
        (.tuple, "(K\u{1}K\u{2}K\u{3}K\u{4}t.", "(1, 2, 3, 4)"),
        (.setItems, "}(K\u{1}K\u{2}K\u{3}K\u{4}u.", "{1, 2, 3, 4}"),
        (.emptyDictionary, "}.", "{}"),
        (.protocolVersion, "\u{80}\u{5}N.", "None"),
        (.newObject, "cm\nC\nK\u{1}\u{85}\u{81}.", "m.C(1)"),
        (.extension1, "\u{82}\u{9}.", "copyreg.extension 9"),
        (.extension2, "\u{83}\u{9}\u{1}.", "copyreg.extension 265"),
        (.extension4, "\u{84}\u{9}\u{0}\u{1}\u{0}.", "copyreg.extension 65545"),
        (.tuple1, "K\u{1}\u{85}.", "(1)"),
        (.tuple2, "K\u{1}K\u{2}\u{86}.", "(1, 2)"),
        (.tuple3, "K\u{1}K\u{2}K\u{3}\u{87}.", "(1, 2, 3)"),
        (.newTrue, "\u{88}.", "True"),
        (.newFalse, "\u{89}.", "False"),
        (.long1, "\u{8A}\u{0}.", "0"),
        (.long1, "\u{8A}\u{1}\u{FF}.", "-1"),
        (.long1, "\u{8A}\u{9}\u{FF}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}.", "255"),
        (.long1, "\u{8A}\u{9}\u{FF}\u{FF}\u{FF}\u{FF}\u{FF}\u{FF}\u{FF}\u{FF}\u{0}.", "a large integer"),
        (.long4, "\u{8B}\u{2}\u{0}\u{0}\u{0}\u{0}\u{80}.", "-32768"),
        (.shortBinaryUnicode, "\u{8C}\u{2}ab.", "'ab'"),
        (.shortBinaryUnicode, "\u{8C}\u{3}\u{ED}\u{A0}\u{80}.", "'\u{FFFD}'"),
        (.binaryUnicode8, "\u{8D}\u{1}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}a.", "'a'"),
        (.binaryBytes8, "\u{8E}\u{1}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}a.", "1 bytes"),
        (.emptySet, "\u{8F}.", "{}"),
        (.addItems, "\u{8F}(K\u{1}K\u{2}\u{90}.", "{1, 2}"),
        (.frozenSet, "(K\u{1}\u{91}.", "{1}"),
        (.newObjectKeywords, "cm\nC\n)}\u{92}.", "m.C()"),
        (.stackGlobal, "\u{8C}\u{1}m\u{8C}\u{3}a.b\u{93}.", "m.a.b"),
        (.memoize, "K\u{5}\u{94}0h\u{0}.", "5"),
        (.frame, "\u{80}\u{4}\u{95}\u{2}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}N.", "None"),
        (.byteArray8, "\u{96}\u{1}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}a.", "bytearray of 1"),
        (.nextBuffer, "\u{97}.", "0 bytes"),
        (.readOnlyBuffer, "\u{97}\u{98}.", "0 bytes"),
    ]

    @Test func everyOpcodeHasACase() {
        #expect(Set(PickleOpcodeTests.cases.map(\.0)) == Set(PickleOpcode.allCases))
        #expect(PickleOpcode.allCases.count == 68)
    }

    @Test(arguments: cases) func builds(_ opcode: PickleOpcode, _ stream: String, _ expected: String) throws {
        let root = try PickleMachine.load(pickle(stream)).root
        #expect(root.document.graph.text(of: root.reference) == expected)
        #expect(pickle(stream).contains(opcode.rawValue))
    }

    /// A stream or more for every opcode that does something wrong, with what is said about it and where.
    static let malformed: [(String, String, UInt64)] = [
        ("(.", "the pickle ends with something other than one value on its stack", 1),
        (")(.", "the pickle ends with something other than one value on its stack", 2),
        (".", "the pickle ends with something other than one value on its stack", 0),
        ("NN.", "the pickle ends with something other than one value on its stack", 2),
        ("N", "the pickle ends inside its instructions, before STOP", 1),
        ("N.N", "there are bytes after the end of the pickle", 2),
        ("0.", "POP needs more values than there are on the stack", 0),
        ("1.", "POP_MARK needs a mark and there is none", 0),
        ("(2.", "DUP needs more values than there are on the stack", 1),
        ("B\u{FF}\u{FF}\u{FF}\u{FF}a.", "the pickle ends inside the argument of BINBYTES", 5),
        ("C\u{9}a.", "the pickle ends inside the argument of SHORT_BINBYTES", 2),
        ("F0x10\n.", "FLOAT has an argument that is not a number", 0),
        ("F\n.", "FLOAT has an argument that is not a number", 0),
        ("G\u{0}.", "the pickle ends inside the argument of BINFLOAT", 1),
        ("Ifour\n.", "INT has an argument that is not a number", 0),
        ("I1", "the pickle ends inside the argument of INT", 1),
        ("J\u{0}.", "the pickle ends inside the argument of BININT", 1),
        ("K", "the pickle ends inside the argument of BININT1", 1),
        ("L1_0L\n.", "LONG has an argument that is not a number", 0),
        ("M\u{0}", "the pickle ends inside the argument of BININT2", 1),
        ("P\u{FF}\n.", "PERSID has an argument that is not UTF-8", 0),
        ("Q.", "BINPERSID needs more values than there are on the stack", 0),
        ("cm\nf\nK\u{1}R.", "REDUCE needs its arguments in a tuple", 7),
        ("K\u{1})R.", "REDUCE calls something that is not callable", 3),
        ("Sabc\n.", "STRING has an argument that is not a quoted text", 0),
        ("S'abc\n.", "STRING has an argument that is not a quoted text", 0),
        ("S'\\x4'\n.", "STRING has an argument that is not a quoted text", 0),
        ("T\u{FF}\u{FF}\u{FF}\u{FF}.", "BINSTRING has a negative length", 1),
        ("U\u{5}a.", "the pickle ends inside the argument of SHORT_BINSTRING", 2),
        ("V\\u12\n.", "UNICODE has an argument that is not Unicode text", 0),
        ("X\u{1}\u{0}\u{0}\u{0}\u{FF}.", "BINUNICODE has an argument that is not Unicode text", 0),
        ("X\u{FF}\u{FF}\u{FF}\u{7F}a.", "the pickle ends inside the argument of BINUNICODE", 5),
        (")K\u{1}a.", "APPEND is applied to something that cannot take items", 3),
        ("}K\u{1}a.", "APPEND is applied to something that cannot take items", 3),
        ("K\u{1}}b.", "BUILD gives a state to something that has none", 3),
        ("]}b.", "BUILD gives a state to something that has none", 2),
        ("cm\n", "the pickle ends inside the argument of GLOBAL", 3),
        ("c\u{FF}\nx\n.", "GLOBAL has names that are not UTF-8", 0),
        ("(K\u{1}d.", "DICT has a key without a value", 3),
        ("d.", "DICT needs a mark and there is none", 0),
        (")(K\u{1}e.", "APPENDS is applied to something that cannot take items", 4),
        ("e.", "APPENDS needs a mark and there is none", 0),
        ("gx\n.", "GET has an argument that is not a memo number", 0),
        ("g-1\n.", "GET has an argument that is not a memo number", 0),
        ("g7\n.", "GET asks for a memo entry that was never made", 0),
        ("h\u{7}.", "BINGET asks for a memo entry that was never made", 0),
        ("im\nC\n.", "INST needs a mark and there is none", 0),
        ("j\u{7}\u{0}\u{0}\u{0}.", "LONG_BINGET asks for a memo entry that was never made", 0),
        ("l.", "LIST needs a mark and there is none", 0),
        ("(o.", "OBJ needs a class and there is none after its mark", 1),
        ("p0\n.", "PUT needs more values than there are on the stack", 0),
        ("q\u{0}.", "BINPUT needs more values than there are on the stack", 0),
        ("(r\u{0}\u{0}\u{0}\u{0}.", "LONG_BINPUT needs more values than there are on the stack", 1),
        ("]K\u{1}K\u{1}s.", "SETITEM is applied to something that cannot take items", 5),
        ("K\u{1}K\u{1}s.", "SETITEM needs more values than there are on the stack", 4),
        ("t.", "TUPLE needs a mark and there is none", 0),
        ("}(K\u{1}u.", "SETITEMS has a key without a value", 4),
        ("](K\u{1}K\u{1}u.", "SETITEMS is applied to something that cannot take items", 6),
        ("\u{80}\u{6}N.", "the pickle has an unknown protocol", 0),
        ("cm\nC\n]\u{81}.", "NEWOBJ needs its arguments in a tuple", 6),
        ("\u{82}\u{0}.", "EXT1 has a registry number that is not positive", 0),
        ("\u{83}\u{0}\u{0}.", "EXT2 has a registry number that is not positive", 0),
        ("\u{84}\u{FF}\u{FF}\u{FF}\u{FF}.", "EXT4 has a registry number that is not positive", 0),
        ("\u{85}.", "TUPLE1 needs more values than there are on the stack", 0),
        ("N(N\u{86}.", "TUPLE2 needs more values than there are on the stack", 3),
        ("NN\u{87}.", "TUPLE3 needs more values than there are on the stack", 2),
        ("\u{8A}\u{5}a.", "the pickle ends inside the argument of LONG1", 2),
        ("\u{8B}\u{FF}\u{FF}\u{FF}\u{FF}.", "LONG4 has a negative length", 1),
        ("\u{8C}\u{1}\u{80}.", "SHORT_BINUNICODE has an argument that is not Unicode text", 0),
        ("\u{8D}\u{FF}\u{FF}\u{FF}\u{FF}\u{FF}\u{FF}\u{FF}\u{FF}a.", "the pickle ends inside the argument of BINUNICODE8", 9),
        ("\u{8E}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{80}a.", "the pickle ends inside the argument of BINBYTES8", 9),
        ("](K\u{1}\u{90}.", "ADDITEMS is applied to something that cannot take items", 4),
        ("\u{91}.", "FROZENSET needs a mark and there is none", 0),
        ("cm\nC\n)]\u{92}.", "NEWOBJ_EX needs its named arguments in a dictionary", 7),
        ("K\u{1}\u{8C}\u{1}a\u{93}.", "STACK_GLOBAL needs two strings", 5),
        ("\u{94}.", "MEMOIZE needs more values than there are on the stack", 0),
        ("\u{95}\u{FF}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}N.", "the pickle ends inside a frame", 9),
        ("\u{95}\u{1}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}K\u{1}.", "BININT1 reaches over the end of its frame", 9),
        (
            "\u{95}\u{A}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{95}\u{1}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}N.",
            "a frame begins inside another", 9
        ),
        ("\u{96}\u{FF}\u{FF}\u{FF}\u{FF}\u{FF}\u{FF}\u{FF}\u{7F}a.", "the pickle ends inside the argument of BYTEARRAY8", 9),
        ("\u{98}.", "READONLY_BUFFER needs more values than there are on the stack", 0),
        ("\u{99}.", "this is not a pickle instruction", 0),
        ("", "the pickle ends inside its instructions, before STOP", 0),
    ]

    @Test(arguments: malformed) func refuses(_ stream: String, _ what: String, _ offset: UInt64) throws {
        let failure = #expect(throws: IsomerError.self) { try PickleMachine.load(pickle(stream)) }
        #expect(failure?.what == what)
        #expect(failure?.location.byteOffset == offset)
    }

    @Test func limitsHold() throws {
        var limits = Limits()
        limits.pickleDepth = 20
        let nested = String(repeating: "(", count: 1_000_000) + "N" + String(repeating: "t", count: 1_000_000) + "."
        #expect(throws: IsomerError.self) { try PickleMachine.load(pickle(nested), limits: limits) }
        let appended = String(repeating: "]", count: 30) + String(repeating: "a", count: 29) + "."
        #expect(throws: IsomerError.self) { try PickleMachine.load(pickle(appended), limits: limits) }
        #expect(try PickleMachine.load(pickle(appended)).root.document.graph.lists.count == 30)
        limits = Limits()
        limits.pickleOperations = 10
        #expect(throws: IsomerError.self) { try PickleMachine.load(pickle("N" + String(repeating: "N0", count: 20) + "."), limits: limits) }
        limits = Limits()
        limits.pickleValues = 10
        #expect(throws: IsomerError.self) { try PickleMachine.load(pickle("(" + String(repeating: "]", count: 20) + "t."), limits: limits) }
        limits = Limits()
        limits.pickleBytes = 3
        #expect(throws: IsomerError.self) { try PickleMachine.load(pickle("NNNN"), limits: limits) }
    }

    /// Ten lists, each of ten references to the one before: ten thousand million values if anyone copied.
    @Test func sharingCostsNothing() throws {
        var stream = "K\u{1}q\u{0}0"
        for level in 1...10 {
            stream += "](" + String(repeating: "h\(Character(UnicodeScalar(UInt8(level - 1))))", count: 10)
            stream += "eq\(Character(UnicodeScalar(UInt8(level))))0"
        }
        let document = try PickleMachine.load(pickle(stream + "h\u{A}."))
        #expect(document.graph.size < 200)
        #expect(document.graph.text(of: document.root.reference).utf8.count < 200)
    }

    @Test func cyclesAreJustLinks() throws {
        let document = try PickleMachine.load(pickle("]q\u{0}h\u{0}a."))
        #expect(document.graph.lists.first?.count == 1)
    }
}
