import Foundation
import IsomerBytes
import Testing

@testable import IsomerFormats

/// Pickles that run code when Python loads them. All are refused, and what they would run is named.
@Suite struct HostilePickleTests {
    static let cases: [(String, String)] = [
        ("cos\nsystem\n(S'touch owned'\ntR.", "os.system"),
        ("cposix\nsystem\n(S'touch owned'\ntR.", "posix.system"),
        ("cnt\nsystem\n(S'touch owned'\ntR.", "nt.system"),
        ("c__builtin__\neval\n(S'1'\ntR.", "builtins.eval"),
        ("(S'touch owned'\nios\nsystem\n.", "os.system"),
        ("(cos\nsystem\nS'touch owned'\no.", "os.system"),
        ("\u{80}\u{4}\u{8C}\u{8}builtins\u{8C}\u{4}exec\u{93}\u{8C}\u{4}pass\u{85}R.", "builtins.exec"),
        ("\u{80}\u{2}csubprocess\nPopen\n)\u{81}.", "subprocess.Popen"),
        ("\u{80}\u{4}csubprocess\nPopen\n)}\u{92}.", "subprocess.Popen"),
        ("c__builtin__\ngetattr\n(cos\nsystem\nS'x'\ntR.", "os.system"),
        ("c__builtin__\ngetattr\n(cargparse\nNamespace\nS'x'\ntR.", "builtins.getattr"),
        ("\u{80}\u{4}\u{8C}\u{5}torch\u{8C}\u{9}os.system\u{93}\u{8C}\u{1}a\u{85}R.", "torch.os.system"),
        ("ctorch.serialization\nload\n(S'other.pt'\ntR.", "torch.serialization.load"),
        ("ctorch\nload\n(S'other.pt'\ntR.", "torch.load"),
        ("ctorch.storage\n_load_from_bytes\n(S'x'\ntR.", "torch.storage._load_from_bytes"),
        ("ctorch.hub\nload\n(S'x'\ntR.", "torch.hub.load"),
        ("ctorch.utils.collect_env\nrun\n(S'x'\ntR.", "torch.utils.collect_env.run"),
        ("cpip\nmain\n(](S'install'\nS'evil'\netR.", "pip.main"),
        ("crunpy\n_run_code\n(S'x'\ntR.", "runpy._run_code"),
        ("cwebbrowser\nopen\n(S'http://x'\ntR.", "webbrowser.open"),
        ("cnumpy.testing._private.utils\nrunstring\n(S'x'\n}tR.", "numpy.testing._private.utils.runstring"),
        ("cpkgutil\nresolve_name\n(S'os:system'\ntR.", "pkgutil.resolve_name"),
        ("ctimeit\nmain\n(]tR.", "timeit.main"),
        ("clogging\nFileHandler\n(S'owned'\ntR.", "logging.FileHandler"),
        ("coperator\nattrgetter\n(S'system'\ntR.", "operator.attrgetter"),
        ("cfunctools\npartial\n(cos\nsystem\ntR.", "functools.partial"),
        ("c_codecs\nencode\n(S'x'\nS'uu'\ntR.", "_codecs.encode"),
        ("c_codecs\ndecode\n(S'x'\nS'latin1'\ntR.", "_codecs.decode"),
        ("ccollections\ndefaultdict\n(cos\nsystem\ntR.", "os.system"),
        ("ccollections\ndefaultdict\n(cevil\nfactory\ntR.", "collections.defaultdict"),
        ("ccopy_reg\n_reconstructor\n(cevil\nClass\nc__builtin__\nobject\nNtR.", "copyreg._reconstructor"),
        ("ctorch._tensor\n_rebuild_from_type_v2\n(cevil\nfunction\nctorch\nTensor\n)}tR.", "torch._tensor._rebuild_from_type_v2"),
        ("ctorch._tensor\n_rebuild_from_type_v2\n(ctorch\nSize\nctorch\nTensor\n)}tR.", "torch._tensor._rebuild_from_type_v2"),
        ("cnumpy.core.multiarray\n_reconstruct\n(cevil\nArray\n(K\u{0}tS'b'\ntR.", "numpy.core.multiarray._reconstruct"),
        ("cevil\nClass\n)\u{81}}b.", "evil.Class"),
        ("cevil\nClass\n}b.", "something that is not an object"),
        ("cargparse\nNamespace\n)R)R.", "the result of another call"),
        // Thrown away at once, or after an honest beginning: it would still have run.
        ("}cos\nsystem\n(S'touch owned'\ntR0.", "os.system"),
        ("cos\nsystem\n(S'touch owned'\ntR", "os.system"),
        ("cos\n", "ends inside the argument of GLOBAL"),
        ("\u{82}\u{1}.", "a registry that only the writer knows"),
        ("Ppersistent\n.", "a persistent identifier in text form"),
        ("\u{97}.", "bytes outside the file"),
        // Only named: importing it is enough.
        ("cantigravity\nx\n.", "antigravity.x"),
        ("cOS\nsystem\n(tR.", "OS.system"),
        ("cos.path\njoin\n(tR.", "os.path.join"),
        ("ctorch.nn.modules.linear\nLinear.forward\n)R.", "Linear.forward"),
    ]

    @Test(arguments: cases) func isRefused(_ stream: String, _ name: String) throws {
        let policy = TorchPicklePolicy()
        let clock = ContinuousClock()
        var failure: IsomerError?
        let time = clock.measure {
            do throws(IsomerError) {
                _ = try PickleMachine.load(pickle(stream), observer: policy)
            } catch {
                failure = error
            }
        }
        let refusal = try #require(failure)
        #expect(refusal.what.contains(name), "\(refusal)")
        if !name.hasPrefix("ends") {
            #expect(refusal.code == .unsafe)
            #expect(refusal.remedy?.contains("isomer scan") == true)
            #expect(refusal.location.byteOffset != nil)
        }
        #expect(time < .milliseconds(100))
        #expect(!FileManager.default.fileExists(atPath: "owned"))
    }

    /// The same things in a file, whichever container.
    @Test func filesAreRefusedToo() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "isomer-hostile-\(UInt64.random(in: 0 ... .max))")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        for (number, (stream, _)) in HostilePickleTests.cases.enumerated() {
            let plain = folder.appending(path: "\(number).pkl")
            try Data(pickle(stream)).write(to: plain)
            #expect(throws: IsomerError.self) { try TorchArchive(ReadableFile(FilePath(plain.path()))) }
            let zipped = folder.appending(path: "\(number).ckpt")
            try Data(zipArchive([("archive/data.pkl", pickle(stream)), ("archive/version", pickle("3\n"))])).write(to: zipped)
            #expect(throws: IsomerError.self) { try TorchArchive(ReadableFile(FilePath(zipped.path()))) }
        }
    }
}

/// A stored zip archive.
func zipArchive(_ members: [(String, [UInt8])]) -> [UInt8] {
    var layout = ZipRecordLayout()
    for (name, bytes) in members { layout.add(name, size: UInt64(bytes.count)) }
    var result: [UInt8] = []
    var sums: [UInt32] = []
    for (index, (_, bytes)) in members.enumerated() {
        sums.append(checksum(bytes))
        result += layout.records[index].header + bytes + layout.descriptor(of: index, crc32: sums[index])
    }
    return result + layout.directory(sums)
}
