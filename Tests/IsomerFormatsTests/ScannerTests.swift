import Foundation
import IsomerBytes
import Testing

@testable import IsomerFormats

/// What the scanner says of pickles that run code, wherever they hide, and of honest files.
@Suite struct ScannerTests {
    private static let payload = "cos\nsystem\n(S'echo'\ntR."
    private static let protocol4 = "\u{80}\u{4}\u{8C}\u{2}os\u{8C}\u{6}system\u{93}\u{8C}\u{4}echo\u{85}R."

    private func scan(_ bytes: [UInt8], named name: String = "file", limits: Limits = Limits()) throws -> FileScan {
        let folder = try TemporaryFolder()
        return try Scanner(limits: limits).scan(file: folder.file(name, bytes))
    }

    private func called(_ scan: FileScan) -> [String] {
        scan.streams.flatMap(\.findings).filter { $0.act == .called && $0.verdict == .dangerous }.map(\.callable)
    }

    /// Everything that the readers refuse is at least suspicious here, unless nothing can be seen of it.
    @Test(arguments: HostilePickleTests.cases) func whatReadersRefuseIsNeverSafe(_ stream: String, _ name: String) throws {
        let scan = try scan(pickle(stream), named: "x.pkl")
        let isBroken = ["ends inside"].contains { name.hasPrefix($0) }
        #expect(isBroken || scan.verdict >= .suspicious, "\(scan)")
    }

    /// Callables that block lists of other scanners name, or that were published because one of them did not.
    @Test(arguments: [
        "os system", "posix popen", "nt system", "builtins eval", "builtins exec", "builtins compile", "builtins open", "builtins getattr",
        "builtins __import__", "builtins breakpoint", "__builtin__ apply", "subprocess Popen", "commands getoutput", "pty spawn",
        "sys exit",
        "socket create_connection", "ssl get_server_certificate", "shutil rmtree", "runpy run_path", "webbrowser open",
        "httplib HTTPSConnection",
        "requests.api get", "aiohttp.client ClientSession", "asyncio.unix_events _UnixSubprocessTransport._start", "bdb Bdb.run", "pdb run",
        "code InteractiveInterpreter.runcode", "cProfile runctx", "profile Profile.runctx", "trace Trace.run", "timeit timeit",
        "doctest debug_script", "ensurepip _run_pip", "pip main", "pip._internal.cli.main main", "venv create", "pydoc pipepager",
        "idlelib.run Executive.runcode", "idlelib.pyshell ModifiedInterpreter.runcommand", "idlelib.debugobj ObjectTreeItem.SetText",
        "lib2to3.pgen2.grammar Grammar.loads", "lib2to3.pgen2.pgen ParserGenerator.make_label", "distutils.file_util write_file",
        "numpy.testing._private.utils runstring", "numpy.f2py.crackfortran getlincoef", "numpy.f2py.crackfortran _eval_length",
        "operator attrgetter", "_operator methodcaller", "functools partial", "functools reduce", "pickle loads", "_pickle Unpickler",
        "torch load", "torch.serialization load", "torch.storage _load_from_bytes", "torch.hub load", "torch.utils.collect_env run",
        "torch._inductor.codecache compile_file", "torch._dynamo.guards GuardBuilder.get", "torch.jit.unsupported_tensor_ops execWrapper",
        "torch.fx.experimental.symbolic_shapes ShapeEnv.evaluate_guards_expression", "torch.utils._config_module ConfigModule.load_config",
        "torch.utils.bottleneck.__main__ run_cprofile", "torch.utils.data.datapipes.utils.decoder basichandlers",
        "pkgutil resolve_name", "importlib import_module", "imp load_source", "zipimport zipimporter", "marshal loads",
        "types FunctionType",
        "types CodeType", "inspect getattr_static", "unittest.mock _importer", "logging FileHandler", "logging.config fileConfig",
        "sqlite3 connect",
        "tarfile open", "zipfile ZipFile", "tempfile mktemp", "ctypes CDLL", "_posixsubprocess fork_exec",
        "multiprocessing.util spawnv_passfds",
        "uuid _get_command_stdout", "_osx_support _read_output", "_aix_support _read_cmd_output", "platform popen", "gc get_objects",
        "smtplib SMTP", "xmlrpc.client ServerProxy", "_io FileIO", "codecs open", "typing get_type_hints", "copyreg add_extension",
        "_interpreters exec", "_xxsubinterpreters run_string", "atexit register", "signal signal", "threading Thread", "numpy load",
        "numpy.ctypeslib load_library", "pandas read_pickle", "joblib load", "dill loads", "cloudpickle loads", "yaml load",
        "torch.package PackageImporter",
        // Through attributes of something harmless.
        "torch os.system", "torch.serialization os.system", "collections abc.sys.modules", "my.module os.system", "argparse _os.system",
        "collections OrderedDict.__init__.__globals__",
    ]) func namesWhatRunsCode(_ global: String) throws {
        let words = global.split(separator: " ").map(String.init)
        let stream = "\u{80}\u{4}c\(words[0])\n\(words[1])\n\u{8C}\u{1}x\u{85}R."
        let scan = try scan(pickle(stream))
        #expect(scan.verdict == .dangerous)
        let name = PythonTwoNames.modern(PickleGraph.Global(module: words[0], name: words[1]))
        #expect(called(scan) == [name.module + "." + name.name])
        let finding = try #require(scan.streams.first?.findings.first { $0.act == .called })
        #expect(finding.arguments == "('x')")
        #expect(finding.opcode == "REDUCE")
        #expect(finding.byteOffset == UInt64(stream.unicodeScalars.count - 2))
    }

    @Test func everythingThatHides() throws {
        let payload = pickle(ScannerTests.payload)
        let late = pickle(ScannerTests.protocol4)
        let nested = pickle("\u{80}\u{3}C") + [UInt8(late.count)] + late + pickle(".")
        let array =
            [0x93] + Array("NUMPY".utf8) + [1, 0, 60, 0]
            + Array("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }".utf8) + Array(repeating: 0x20, count: 3) + [0x0A]
        let archive = zipArchive([("a/data.pkl", payload), ("a/data/0", [1, 2, 3])])
        var encrypted = archive
        for start in archive.indices where archive[start...].starts(with: [0x50, 0x4B, 1, 2]) { encrypted[start + 8] |= 1 }
        var tar = [UInt8](repeating: 0, count: 512)
        tar.replaceSubrange(0..<5, with: Array("dir/x".utf8))
        tar.replaceSubrange(124..<135, with: Array(("00000000000" + String(payload.count, radix: 8)).suffix(11).utf8))
        tar[156] = 0x30
        tar.replaceSubrange(257..<262, with: Array("ustar".utf8))
        tar += payload + Array(repeating: 0, count: 512 - payload.count + 1024)
        let cases: [(String, [UInt8])] = [
            ("plain", payload), ("a second stream", pickle("}.") + payload), ("a third stream", pickle("}.N.") + late),
            ("in bytes", nested),
            ("an array of objects", array + payload), ("in a zip archive", archive),
            ("under another name", zipArchive([("notes.txt", late)])),
            ("zip in zip", zipArchive([("x", archive)])), ("array in zip", zipArchive([("x.npy", array + late)])),
            ("bytes before the zip archive", [0, 1] + archive), ("bytes after the zip archive", archive + [0]),
            ("a pickle before the zip archive", pickle("}.") + archive),
            ("two members of one name", zipArchive([("a/data.pkl", pickle("}.")), ("a/data.pkl", payload)])),
            ("a member said to be encrypted", encrypted), ("in a tar archive", tar), ("tar in zip", zipArchive([("x", tar)])),
            ("broken afterwards", Array(late.dropLast()) + [0xFF]), ("cut short afterwards", Array(payload.dropLast())),
            ("a number that only Python reads", pickle("(I0x10\n") + Array(payload.dropLast()) + pickle("l.")),
            ("a lone surrogate", pickle("(\u{8C}\u{3}\u{ED}\u{A0}\u{80}") + Array(payload.dropLast()) + pickle("l.")),
            ("a memo number with a sign", pickle("Np+1\n0") + payload),
            ("more than one value at the end", pickle("N") + payload),
            ("a state for a list", pickle("]Nb0") + payload),
            ("an item for a class", pickle("cx\ny\nNa0") + payload),
            ("a frame that ends too early", pickle("\u{80}\u{4}\u{95}\u{4}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}") + Array(late.dropFirst(2))),
            ("arguments out of a call", pickle("cos\nsystem\nc__builtin__\ntuple\n(]S'echo'\natRR.")),
        ]
        for (name, bytes) in cases {
            let scan = try scan(bytes)
            #expect(scan.verdict == .dangerous, "\(name): \(scan)")
            #expect(called(scan).contains("os.system"), "\(name): \(scan)")
        }
    }

    /// Python has run the payload before it finds that a sum at the end is wrong, and does not look at a header's at all.
    @Test func damagedCompressionHidesNothing() throws {
        let payload = pickle(ScannerTests.payload)
        // One block that is stored as it is; sums are wrong throughout.
        let count = UInt8(payload.count)
        let block: [UInt8] = [1, count, 0, ~count, 0xFF] + payload
        let gzip: [UInt8] = [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 0xFF]
        let named: [UInt8] = [0x1F, 0x8B, 8, 0x1E, 0, 0, 0, 0, 0, 0xFF, 2, 0, 1, 2, 0x61, 0, 0x62, 0, 7, 7]
        let trailer = [UInt8](repeating: 7, count: 8)
        for bytes in [
            gzip + block + trailer, gzip + block, named + block + trailer, [0x78, 0x01] + block + trailer, [0x78, 0x01] + block,
        ] {
            let scan = try scan(bytes)
            #expect(scan.verdict == .dangerous, "\(scan)")
            #expect(called(scan) == ["os.system"])
        }
        #expect(try scan(gzip + block.prefix(12)).verdict == .unreadable)
    }

    /// PyTorch goes by the directory: what a local header says of method and size is no reason to look away.
    @Test func localHeadersThatLieHideNothing() throws {
        let payload = pickle(ScannerTests.payload)
        let count = UInt8(payload.count)
        // A stored block of deflate; the archive's writer says that it is stored itself.
        let packed: [UInt8] = [1, count, 0, ~count, 0xFF] + payload
        for change: (inout [UInt8]) -> Void in [
            { $0[6] = 1 },
            {
                $0[8] = 8; $0[18] = 3; $0[22] = 3
            },
            {
                $0[8] = 0; $0[14] ^= 1
            },
            {
                $0[8] = 8; $0[14] ^= 1
            },
        ] {
            var archive = zipArchive([("a/data.pkl", packed), ("a/version", [0x33, 0x0A])])
            change(&archive)
            let scan = try scan(archive)
            #expect(scan.verdict == .dangerous, "\(scan)")
            #expect(called(scan).contains("os.system"))
        }
    }

    /// `pickle.dump` of a tensor loads a checkpoint that stands in it. What that one does decides, and only if it is certain to be seen.
    @Test func aFileWithinAPickleIsLookedAtByItself() throws {
        func loads(_ bytes: [UInt8]) -> [UInt8] {
            let length = withUnsafeBytes(of: UInt32(bytes.count).littleEndian) { Array($0) }
            return pickle("\u{80}\u{4}ctorch.storage\n_load_from_bytes\nB") + length + bytes + pickle("\u{85}R.")
        }
        let safe = zipArchive([("a/data.pkl", pickle("}."))])
        #expect(try scan(loads(safe)).verdict == .safe)
        #expect(try scan(loads(zipArchive([("a/data.pkl", pickle(ScannerTests.payload))]))).verdict == .dangerous)
        #expect(try scan(loads(pickle("}."))).verdict == .dangerous)
        let text = String(String.UnicodeScalarView(safe.map { Unicode.Scalar($0) }))
        let old = "ctorch.storage\n_load_from_bytes\n(c_codecs\nencode\n(X"
        let length = withUnsafeBytes(of: UInt32(text.utf8.count).littleEndian) { Array($0) }
        let bytes = pickle(old) + length + Array(text.utf8)
        #expect(try scan(bytes + pickle("X\u{6}\u{0}\u{0}\u{0}latin1tRtR.")).verdict == .safe)
        #expect(try scan(bytes + pickle("X\u{3}\u{0}\u{0}\u{0}hextRtR.")).verdict == .dangerous)
    }

    @Test func aComputedNameIsDangerous() throws {
        let scan = try scan(pickle("\u{80}\u{4}cbuiltins\nstr\n\u{8C}\u{2}os\u{85}R\u{8C}\u{6}system\u{93}\u{8C}\u{1}x\u{85}R."))
        #expect(scan.verdict == .dangerous)
        #expect(scan.streams.first?.findings.contains { $0.callable == "a computed name" } == true)
    }

    @Test func changingAClassIsDangerous() throws {
        #expect(try scan(pickle("\u{80}\u{4}cargparse\nNamespace\n}\u{8C}\u{1}a\u{8C}\u{1}bsb.")).verdict == .dangerous)
    }

    @Test func unknownCallsAndExtensionsAreSuspicious() throws {
        #expect(try scan(pickle("cevil\nfactory\n)R.")).verdict == .suspicious)
        #expect(try scan(pickle("\u{80}\u{2}cevil\nfactory\n.")).verdict == .suspicious)
        #expect(try scan(pickle("\u{80}\u{2}\u{82}\u{1}.")).verdict == .suspicious)
        #expect(try scan(pickle("\u{80}\u{2}ctorch.jit._pickle\nbuild_intlist\n]\u{85}R.")).verdict == .suspicious)
        #expect(try scan(pickle("\u{80}\u{2}\u{82}\u{1})R.")).verdict == .dangerous)
    }

    @Test func whatCannotBeReadIsSaid() throws {
        #expect(try scan([0x37, 0x7A, 0xBC, 0xAF, 0x27, 0x1C, 0, 4]).verdict == .unreadable)
        #expect(try scan(Array("Rar!\u{1A}\u{7}\u{1}".utf8)).verdict == .unreadable)
        #expect(try scan(zipArchive([("x.pt", [0x37, 0x7A, 0xBC, 0xAF, 0x27, 0x1C, 0, 4])])).verdict == .unreadable)
        #expect(try scan(pickle("\u{80}\u{4}]K"), named: "x.pkl").verdict == .unreadable)
        var few = Limits()
        few.pickleOperations = 10
        // A payload behind more than is looked at must not pass for harmless.
        #expect(
            try scan(pickle("\u{80}\u{4}" + String(repeating: "N0", count: 20) + ScannerTests.payload), limits: few).verdict == .suspicious)
        let missing = try #require(try Scanner().scan(["/nowhere"]).first)
        #expect(missing.problem?.code == .cannotRead)
    }

    @Test func honestFilesAreSafe() throws {
        let scans = try Scanner().scan(["torch", "checkpoints", "models"].map { Fixtures.root.appending($0) })
        #expect(scans.count > 100)
        for scan in scans where scan.verdict > .safe { Issue.record("\(scan)") }
        #expect(scans.filter { $0.streams.contains { $0.kind == "pickle" } }.count > 30)
    }

    @Test func ordinaryBytesAreNoPickles() throws {
        for text in ["cats and dogs\nand birds\n", "import os\nos.system('x')\n", "cat\ndog\nRabbit.", "(.)", "# heading\n", "{\"a\": 1}"] {
            let scan = try scan(Array(text.utf8))
            #expect(scan.verdict == .safe, "\(scan)")
        }
        // A multiplicative generator: the same bytes every time.
        var state: UInt64 = 1
        for _ in 0..<2_000 {
            let bytes = (0..<64).map { _ in
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                return UInt8(truncatingIfNeeded: state >> 56)
            }
            // What begins like a pickle may be taken for a broken one.
            let scan = try scan(bytes)
            #expect(scan.verdict <= .unreadable, "\(scan)")
        }
    }

    @Test func foldersAreLookedThroughOnce() throws {
        let folder = try TemporaryFolder()
        try folder.folder("deep")
        try folder.file("deep/a", pickle(ScannerTests.payload))
        try folder.file("b", pickle("}."))
        try folder.link("deep/loop", to: "..")
        try folder.link("nowhere", to: "missing")
        let scans = try Scanner(workers: Workers(count: 3)).scan([folder.path])
        #expect(scans.map { $0.path.lastComponent?.string } == ["b", "a", "nowhere"])
        #expect(scans.map(\.verdict) == [.safe, .dangerous, .unreadable])
    }

    @Test func bombsEndSoon() throws {
        let clock = ContinuousClock()
        let laughs = "\u{80}\u{4}]\u{94}" + (0..<200).map { _ in "(" + String(repeating: "h\u{0}", count: 100) + "t0" }.joined() + "."
        // A hundred thousand streams in what was unpacked, each a few bytes long.
        let many = zipArchive([("x.zip", zipArchive([("x.pkl", pickle(String(repeating: "N.", count: 2 << 20)))]))])
        let time = try clock.measure {
            _ = try scan(many)
            _ = try scan(pickle(laughs))
            let deep = try scan(
                pickle("\u{80}\u{2}" + String(repeating: "]", count: 1 << 20) + String(repeating: "a", count: 1 << 20) + "."),
                named: "x.pkl")
            #expect(deep.verdict == .suspicious)
            #expect(deep.streams.first?.problem?.code == .limitExceeded)
            _ = try scan(pickle(String(repeating: "(", count: 1 << 20)))
            _ = try scan(pickle("\u{80}\u{4}\u{8E}\u{FF}\u{FF}\u{FF}\u{FF}\u{FF}\u{FF}\u{FF}\u{7F}."))
        }
        // A debug build on a busy machine; a release build takes a twentieth of a second.
        #expect(time < .seconds(120))
    }
}
