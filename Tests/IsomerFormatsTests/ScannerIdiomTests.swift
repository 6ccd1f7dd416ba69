import IsomerBytes
import Testing

@testable import IsomerFormats

/// Pickles whose names are harmless, or unknown and never called by an opcode, and that run code all the same; and honest ones that call what
/// is dangerous elsewhere.
@Suite struct ScannerIdiomTests {
    private func scan(_ bytes: [UInt8], named name: String = "file") throws -> FileScan {
        let folder = try TemporaryFolder()
        return try Scanner().scan(file: folder.file(name, bytes))
    }

    /// Whether the reader of checkpoints lets the pickle pass.
    private func isRead(_ stream: String) -> Bool {
        (try? PickleMachine.load(pickle(stream), observer: TorchPicklePolicy())) != nil
    }

    private static func text(_ text: String) -> String { "\u{8C}\(Unicode.Scalar(UInt8(text.utf8.count)))\(text)" }

    private static func name(_ module: String, _ name: String) -> String { text(module) + text(name) + "\u{93}" }

    private static let namespace = name("argparse", "Namespace") + ")\u{81}"
    private static let unlisted = name("transformers.testing_utils", "run_command")

    /// An attribute takes the place of a method that the unpickler calls by name.
    @Test(arguments: ["__setstate__", "append", "extend", "add", "__class__"]) func anAttributeThatLoadingCalls(_ method: String) throws {
        let attributes = "}" + Self.text(method) + Self.unlisted + "s"
        let slots = "N" + attributes + "\u{86}"
        let ordered = Self.name("collections", "OrderedDict") + ")R" + Self.text(method) + Self.unlisted + "s"
        for state in [attributes, slots, ordered] {
            let stream = "\u{80}\u{4}" + Self.namespace + state + "b."
            let scan = try scan(pickle(stream))
            #expect(scan.verdict == .dangerous, "\(scan)")
            let finding = try #require(scan.streams.first?.findings.first { $0.act == .changed })
            #expect(finding.callable == "transformers.testing_utils.run_command")
            #expect(finding.opcode == "BUILD")
            #expect(finding.byteOffset == UInt64(stream.unicodeScalars.count - 2))
            #expect(!isRead(stream))
        }
        let honest = "\u{80}\u{4}" + Self.namespace + "}" + Self.text(method) + Self.text("a text") + "sb."
        #expect(try scan(pickle(honest)).verdict == .safe)
        #expect(isRead(honest))
    }

    /// A known constructor calls what it is given, or a method of it.
    @Test func anUnknownNameInWhatACallIsGiven() throws {
        let inList = Self.name("torch.optim.lr_scheduler", "LambdaLR") + "(" + Self.namespace + "]" + Self.unlisted + "atR."
        let inAttribute =
            Self.name("torch.utils.data.dataset", "TensorDataset") + Self.namespace + "}" + Self.text("size") + Self.unlisted + "sb\u{85}R."
        let inState =
            Self.name("torch.optim.adam", "Adam") + ")\u{81}}" + Self.text("state") + Self.namespace + "}" + Self.text("values")
            + Self.unlisted
            + "sbsb."
        for stream in [inList, inAttribute, inState] {
            let scan = try scan(pickle("\u{80}\u{4}" + stream))
            #expect(scan.verdict == .suspicious, "\(scan)")
            #expect(!isRead("\u{80}\u{4}" + stream))
        }
        let harmless = Self.name("collections", "OrderedDict") + "(]" + Self.name("torch.nn.functional", "relu") + "atR."
        #expect(try scan(pickle("\u{80}\u{4}" + harmless)).verdict == .safe)
    }

    @Test func anAttributeOfAModuleIsNotThatModulesOwn() throws {
        for (module, name, verdict) in [
            ("torch.storage", "io.open", ScanVerdict.dangerous), ("torch.nn.modules.module", "functools.partial", .dangerous),
            ("torch", "Tensor.register_hook", .suspicious), ("torch.nn.functional", "relu", .safe),
        ] {
            let scan = try scan(pickle("\u{80}\u{4}}" + Self.text("a") + Self.name(module, name) + "s."))
            #expect(scan.verdict == verdict, "\(scan)")
        }
        #expect(try scan(pickle("\u{80}\u{4}" + Self.name("torch.nn.functional", "relu") + "NR.")).verdict == .suspicious)
    }

    /// NumPy takes a type's flags as they come: one that denies its objects lays them over bytes.
    @Test func aTypeThatHidesItsObjects() throws {
        func type(_ code: String, _ fields: String, size: UInt8, flags: UInt8) -> String {
            Self.name("numpy", "dtype") + Self.text(code) + "\u{89}\u{88}\u{87}R(K\u{3}" + Self.text("|") + "N" + fields
                + "K\(Unicode.Scalar(size))K\u{1}K\(Unicode.Scalar(flags))tb"
        }
        let objects = type("O8", "NN", size: 8, flags: 63)
        func field(_ type: String) -> String { Self.text("a") + "\u{85}}" + Self.text("a") + type + "K\u{0}\u{86}s" }
        for (stream, verdict) in [
            (objects, ScanVerdict.safe), (type("O8", "NN", size: 8, flags: 0), .dangerous),
            (type("V8", field(objects), size: 8, flags: 27), .safe), (type("V8", field(objects), size: 8, flags: 0), .dangerous),
            // A part that gets its objects when the whole has been looked at.
            (
                type("V8", field(Self.name("numpy", "dtype") + Self.text("V8") + "\u{89}\u{88}\u{87}Rq\u{1}"), size: 8, flags: 0)
                    + "0h\u{1}(K\u{3}" + Self.text("|") + "N" + field(objects) + "K\u{8}K\u{1}K\u{1B}tb", .dangerous
            ),
        ] {
            let scan = try scan(pickle("\u{80}\u{4}" + stream + "."))
            #expect(scan.verdict == verdict, "\(scan)")
        }
        let laid = Self.name("numpy", "ndarray") + "K\u{1}\u{85}" + objects + "C\u{8}AAAAAAAA\u{87}R."
        #expect(try scan(pickle("\u{80}\u{4}" + laid)).verdict == .suspicious)
        #expect(!isRead("\u{80}\u{4}" + laid))
        let given = "K\u{1}\u{85}" + objects + "C\u{8}AAAAAAAAt"
        let named = "}(" + Self.text("dtype") + objects + Self.text("buffer") + "C\u{8}AAAAAAAAu"
        for stream in [
            Self.name("copyreg", "__newobj__") + "(" + Self.name("numpy", "ndarray") + given + "R",
            Self.name("numpy", "ndarray") + "K\u{1}\u{85}\u{85}" + named + "\u{92}",
            Self.name("numpy.rec", "recarray") + "(" + given + "\u{81}",
        ] {
            #expect(try scan(pickle("\u{80}\u{4}" + stream + ".")).verdict == .suspicious)
            #expect(!isRead("\u{80}\u{4}" + stream + "."))
        }
    }

    /// `type(None)`, and time zones, as Python writes them.
    @Test func dangerousNamesThatMakeData() throws {
        for stream in [
            "cbuiltins\ntype\nN\u{85}R", "cbuiltins\ntype\ncbuiltins\nEllipsis\n\u{85}R",
            "cbuiltins\ngetattr\nczoneinfo\nZoneInfo\n\u{8C}\u{9}_unpickle\u{86}R\u{8C}\u{3}UTCK\u{1}\u{86}R",
        ] {
            let scan = try scan(pickle("\u{80}\u{4}" + stream + "."))
            #expect(scan.verdict == .safe, "\(scan)")
            #expect(isRead("\u{80}\u{4}" + stream + "."))
        }
        for stream in [
            "cbuiltins\ntype\n\u{8C}\u{1}X)}\u{87}R", "cbuiltins\ntype\n)R",
            "cbuiltins\ngetattr\nczoneinfo\nZoneInfo\n\u{8C}\u{8}__init__\u{86}R",
            "cbuiltins\ngetattr\ncos\nZoneInfo\n\u{8C}\u{9}_unpickle\u{86}R",
        ] {
            #expect(try scan(pickle("\u{80}\u{4}" + stream + ".")).verdict == .dangerous)
            #expect(!isRead("\u{80}\u{4}" + stream + "."))
        }
    }

    /// A loader has imported an unknown module before it finds that the rest is broken.
    @Test func aBrokenPickleByNameOrHeaderIsNotSafe() throws {
        #expect(try scan(pickle("X\u{3}\u{0}\u{0}\u{0}fooX\u{3}\u{0}\u{0}\u{0}bar\u{93}R\u{FF}"), named: "a.pkl").verdict == .suspicious)
        #expect(try scan(pickle("\u{80}\u{1}cfoo.bar\nbaz\n(((g0\n")).verdict == .suspicious)
        #expect(try scan(pickle("\u{80}\u{4}N.\u{80}\u{4}cfoo.bar\nbaz\n\u{FF}")).verdict == .suspicious)
    }

    @Test func compressionByOtherWindowsAndOldJoblib() throws {
        let payload = pickle("cos\nsystem\n(S'echo'\ntR.")
        let count = UInt8(payload.count)
        let block: [UInt8] = [1, count, 0, ~count, 0xFF] + payload + [7, 7, 7, 7]
        for header: [UInt8] in [[0x18, 0x19], [0x48, 0x0D], [0x78, 0x9C]] { #expect(try scan(header + block).verdict == .dangerous) }
        let length = Array("ZF0x20".utf8) + [UInt8](repeating: 0x20, count: 15)
        #expect(try scan(length + [0x78, 0x9C] + block).verdict == .dangerous)
        #expect(try scan(length + [0x4C, 0x78, 0x9C] + block).verdict == .dangerous)
    }

    @Test func whatFollowsAnArray() throws {
        func array(_ type: String, _ data: [UInt8]) -> [UInt8] {
            let header = Array("{'descr': '\(type)', 'fortran_order': False, 'shape': (2,), }".utf8)
            let blanks = [UInt8](repeating: 0x20, count: 117 - header.count) + [0x0A]
            return [0x93] + Array("NUMPY".utf8) + [1, 0, 118, 0] + header + blanks + data
        }
        let payload = pickle("\u{80}\u{2}cos\nsystem\n(S'echo'\ntR.")
        let numbers = array("<f4", [UInt8](repeating: 1, count: 8))
        #expect(try scan(numbers + numbers + numbers).verdict == .safe)
        #expect(try scan(numbers + payload).verdict == .dangerous)
        #expect(try scan(numbers + numbers + array("|O", payload)).verdict == .dangerous)
    }
}
