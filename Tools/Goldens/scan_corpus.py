"""Writes a corpus for `isomer scan`: payloads in every way a pickle can express them, in every wrapping, and honest files of every age.

    python Tools/Goldens/scan_corpus.py FOLDER       files, and index.tsv: name, what it must be judged (dangerous, notsafe, fine)
    python Tools/Goldens/scan_corpus.py --pack FOLDER Fixtures/scan/corpus.tar.gz

Nothing in it does harm if it is loaded: every payload is `echo`, but do not load it. Names and techniques: the published advisories of picklescan,
modelscan and fickling, and the tests of Fixtures' readers. Honest files need torch and numpy (requirements.txt); without them only the others
are written.
"""

import argparse
import bz2
import collections
import datetime
import decimal
import fractions
import gzip
import io
import lzma
import pathlib
import pickle
import struct
import sys
import tarfile
import types
import zipfile
import zlib

ECHO = b"echo"


def short(text):
    data = text.encode()
    return b"\x8c" + bytes([len(data)]) + data


def unicode(text):
    data = text.encode()
    return b"X" + struct.pack("<I", len(data)) + data


def long_unicode(text):
    data = text.encode()
    return b"\x8d" + struct.pack("<Q", len(data)) + data


def call(module, name, *arguments):
    """Protocol 2: GLOBAL, a tuple of texts, REDUCE."""
    return f"c{module}\n{name}\n".encode() + b"(" + b"".join(unicode(text) for text in arguments) + b"tR"


def techniques():
    """The same call in every way the opcodes allow: name -> the stream without header and STOP."""
    text = unicode("echo")
    result = collections.OrderedDict()
    result["global-reduce"] = b"cos\nsystem\n(S'echo'\ntR"
    result["global-tuple1"] = b"cos\nsystem\n" + text + b"\x85R"
    result["posix"] = b"cposix\nsystem\n" + text + b"\x85R"
    result["nt"] = b"cnt\nsystem\n" + text + b"\x85R"
    result["stack-global"] = short("os") + short("system") + b"\x93" + text + b"\x85R"
    result["stack-global-unicode"] = unicode("os") + unicode("system") + b"\x93" + text + b"\x85R"
    result["stack-global-long"] = long_unicode("os") + long_unicode("system") + b"\x93" + text + b"\x85R"
    result["stack-global-lines"] = b"Vos\nVsystem\n\x93" + text + b"\x85R"
    result["stack-global-escapes"] = b"V\\u006fs\nV\\u0073ystem\n\x93" + text + b"\x85R"
    result["stack-global-string"] = b"S'os'\nS'system'\n\x93" + text + b"\x85R"
    result["stack-global-string-escapes"] = b"S'\\x6fs'\nS'sys\\x74em'\n\x93" + text + b"\x85R"
    result["stack-global-binstring"] = b"U\x02osU\x06system\x93" + text + b"\x85R"
    result["stack-global-memo"] = short("os") + b"\x940" + short("system") + b"\x940h\x00h\x01\x93" + text + b"\x85R"
    result["stack-global-long-memo"] = short("os") + b"r\xe8\x03\x00\x000" + short("system") + b"q\x070j\xe8\x03\x00\x00h\x07\x93" + text + b"\x85R"
    result["stack-global-text-memo"] = b"Vos\np1000\n0Vsystem\np-1\n0g1000\ng-1\n\x93" + text + b"\x85R"
    result["stack-global-memo-replaced"] = short("json") + b"q\x000" + short("os") + b"q\x00" + short("system") + b"\x93" + text + b"\x85R"
    result["stack-global-popped-between"] = short("os") + short("json") + b"0" + short("system") + short("loads") + b"0\x93" + text + b"\x85R"
    result["stack-global-from-tuple-pop"] = b"(" + short("x") + b"1" + short("os") + short("system") + b"\x93" + text + b"\x85R"
    result["stack-global-dup"] = short("os") + b"20" + short("system") + b"\x93" + text + b"\x85R"
    result["inst"] = b"(S'echo'\nios\nsystem\n"
    result["obj"] = b"(cos\nsystem\nS'echo'\no"
    result["newobj"] = b"csubprocess\nPopen\n" + text + b"\x85\x81"
    result["newobj-ex"] = b"csubprocess\nPopen\n)}" + unicode("args") + text + b"s\x92"
    result["build-class"] = b"c__main__\nAnything\n)\x81}" + unicode("__setstate__") + b"cos\nsystem\nsb" + text + b"b"
    # Loading calls these methods by name, and an attribute may stand for one.
    changed = b"cargparse\nNamespace\n)\x81"
    result["attribute-append"] = changed + b"}" + unicode("append") + b"cos\nsystem\nsb" + text + b"a"
    result["attribute-appends"] = changed + b"}" + unicode("append") + b"cos\nsystem\nsb(" + text + b"e"
    result["attribute-add"] = changed + b"}" + unicode("add") + b"cos\nsystem\nsb(" + text + b"\x90"
    result["attribute-setstate"] = changed + b"}" + unicode("__setstate__") + b"cos\nsystem\nsb" + text + b"b"
    result["attribute-in-slots"] = changed + b"N}" + unicode("append") + b"cos\nsystem\ns\x86b" + text + b"a"
    result["attribute-later"] = changed + b"q\x00}" + unicode("append") + b"cos\nsystem\nsb0h\x00" + text + b"a"
    result["computed-name"] = b"cbuiltins\nstr\n" + unicode("os") + b"\x85R" + unicode("system") + b"\x93" + text + b"\x85R"
    inner = b"\x80\x02cos\nsystem\n" + text + b"\x85R."
    result["bytes-loaded"] = b"ctorch.storage\n_load_from_bytes\nB" + struct.pack("<I", len(inner)) + inner + b"\x85R"
    result["global-set"] = b"cargparse\nNamespace\n)\x81}" + unicode("run") + b"cos\nsystem\nsb0cos\nsystem\n" + text + b"\x85R"
    result["getattr"] = b"cbuiltins\ngetattr\ncos\nenviron\n" + unicode("system") + b"\x86R0cbuiltins\ngetattr\ncbuiltins\n__import__\n" + unicode("os") + b"\x85R" + unicode("system") + b"\x86R" + text + b"\x85R"
    result["import"] = b"cbuiltins\n__import__\n" + unicode("os") + b"\x85R"
    result["python-2-builtins"] = b"c__builtin__\neval\n" + unicode("1+1") + b"\x85R"
    result["python-2-apply"] = b"c__builtin__\napply\ncos\nsystem\n(" + text + b"t\x86R"
    result["eval"] = call("builtins", "eval", "__import__('os').system('echo')")
    result["exec"] = call("builtins", "exec", "pass")
    result["nested-loads"] = b"cpickle\nloads\nC\x15" + b"cos\nsystem\n(S'echo'\ntR."[:21] + b"\x85R"
    result["dotted-name"] = b"ctorch\nos.system\n" + text + b"\x85R"
    result["dotted-stack-global"] = short("torch.serialization") + short("os.system") + b"\x93" + text + b"\x85R"
    result["extension"] = b"ccopyreg\nadd_extension\n" + unicode("os") + unicode("system") + b"K\xf0\x87R0\x82\xf0" + text + b"\x85R"
    result["thrown-away"] = b"cos\nsystem\n" + text + b"\x85R0}"
    result["thrown-away-marks"] = b"(cos\nsystem\n" + text + b"\x85R1}"
    result["as-key"] = b"}cos\nsystem\n" + text + b"\x85RNs"
    result["as-value"] = b"}" + unicode("a") + b"cos\nsystem\n" + text + b"\x85Rs"
    result["in-memo-only"] = b"cos\nsystem\nq\x050h\x05" + text + b"\x85R"
    result["as-argument"] = b"ccollections\nOrderedDict\n(cos\nsystem\n" + text + b"\x85RtR"
    result["callable-from-call"] = b"cfunctools\npartial\ncos\nsystem\n" + text + b"\x86R)R"
    result["persistent-id"] = b"(cos\nsystem\n" + text + b"\x85RtQ"
    result["after-a-model"] = b"}" + unicode("state_dict") + b"}" + unicode("a") + b"K\x01ss0cos\nsystem\n" + text + b"\x85R"
    result["many-frames"] = b"\x95\x04\x00\x00\x00\x00\x00\x00\x00cos\nsystem\n" + text + b"\x85R"
    result["frame-too-long"] = b"\x95\xff\x00\x00\x00\x00\x00\x00\x00cos\nsystem\n" + text + b"\x85R"
    result["frame-straddled"] = b"\x95\x05\x00\x00\x00\x00\x00\x00\x00" + short("os") + short("system") + b"\x93" + text + b"\x85R"
    result["second-header"] = b"\x80\x04\x80\x02cos\nsystem\n" + text + b"\x85R"
    result["header-of-5-text-inside"] = b"\x80\x05(S'echo'\nios\nsystem\n"
    result["odd-number-before"] = b"I0x10\n0cos\nsystem\n" + text + b"\x85R"
    result["huge-number-before"] = b"I" + b"9" * 300 + b"\n0cos\nsystem\n" + text + b"\x85R"
    result["surrogate-before"] = b"\x8c\x03\xed\xa0\x800cos\nsystem\n" + text + b"\x85R"
    result["carriage-return"] = b"cos\nsystem\n(S'echo'\r\ntR"
    result["leading-blank-name"] = short("os") + short("system") + b"\x93" + short(" echo") + b"\x85R"
    return result


GADGETS = """
os.popen os.execv os.spawnl os.remove os.rename os.unlink os.kill os.putenv posix.popen nt.popen subprocess.run subprocess.call subprocess.check_output
subprocess.getoutput _posixsubprocess.fork_exec pty.spawn commands.getoutput popen2.popen2 platform.popen webbrowser.open uuid._get_command_stdout
_osx_support._read_output _aix_support._read_cmd_output asyncio.unix_events._UnixSubprocessTransport._start multiprocessing.util.spawnv_passfds
builtins.compile builtins.open builtins.getattr builtins.breakpoint builtins.delattr builtins.setattr builtins.globals builtins.input builtins.vars
__builtin__.file __builtin__.execfile __builtin__.reduce code.interact code.InteractiveInterpreter.runcode codeop.compile_command bdb.Bdb.run pdb.run
pdb.set_trace cProfile.run cProfile.runctx profile.run profile.Profile.runctx trace.Trace.run trace.Trace.runctx timeit.timeit timeit.repeat doctest.debug_script
doctest.testsource runpy.run_path runpy.run_module runpy._run_code pydoc.pipepager pydoc.locate importlib.import_module importlib.reload imp.load_source imp.load_dynamic
zipimport.zipimporter pkgutil.resolve_name pkgutil.get_data marshal.loads types.FunctionType types.CodeType types.ModuleType inspect.getmodule unittest.mock._importer
functools.partial functools.reduce operator.attrgetter operator.methodcaller operator.itemgetter _operator.attrgetter pickle.loads pickle.load pickle.Unpickler _pickle.loads
cPickle.loads dill.loads dill._dill._create_function cloudpickle.loads cloudpickle.cloudpickle._make_function joblib.load shelve.open yaml.load yaml.unsafe_load jsonpickle.decode
pandas.read_pickle pandas.eval numpy.load numpy.fromfile numpy.memmap numpy.testing._private.utils.runstring numpy.f2py.crackfortran.getlincoef numpy.f2py.crackfortran._eval_length
numpy.ctypeslib.load_library numpy.lib._utils_impl.safe_eval torch.load torch.hub.load torch.hub.load_state_dict_from_url torch.serialization.load torch.storage._load_from_bytes
torch.jit.load torch.package.PackageImporter torch.utils.collect_env.run torch.utils.model_zoo.load_url torch._inductor.codecache.compile_file torch._dynamo.guards.GuardBuilder.get
torch.jit.unsupported_tensor_ops.execWrapper torch.fx.experimental.symbolic_shapes.ShapeEnv.evaluate_guards_expression torch.utils._config_module.ConfigModule.load_config
torch.utils.bottleneck.__main__.run_cprofile torch.utils.data.datapipes.utils.decoder.basichandlers torch.utils.cpp_extension.load torch.distributed.rpc.rpc_sync
torch.ops.load_library torch.classes.load_library torch.multiprocessing.spawn torch.cuda._lazy_call shutil.rmtree shutil.copyfile shutil.move tempfile.mktemp
tarfile.open zipfile.ZipFile fileinput.FileInput linecache.getline distutils.file_util.write_file distutils.spawn.spawn io.open _io.FileIO _io.open codecs.open mmap.mmap
logging.FileHandler logging.config.fileConfig logging.config.listen logging.handlers.SocketHandler sqlite3.connect socket.create_connection socket.socket ssl.get_server_certificate
http.client.HTTPConnection httplib.HTTPSConnection urllib.request.urlopen urllib2.urlopen requests.get requests.api.request aiohttp.ClientSession ftplib.FTP smtplib.SMTP
telnetlib.Telnet xmlrpc.client.ServerProxy ensurepip._run_pip pip.main pip._internal.cli.main.main pip._internal.main venv.create setuptools.setup idlelib.run.Executive.runcode
idlelib.pyshell.ModifiedInterpreter.runcommand idlelib.autocomplete.AutoComplete.get_entity idlelib.calltip.get_entity idlelib.debugobj.ObjectTreeItem.SetText lib2to3.pgen2.grammar.Grammar.loads
lib2to3.pgen2.pgen.ParserGenerator.make_label ctypes.CDLL ctypes.pythonapi ctypes.cdll.LoadLibrary gc.get_objects sys.exit sys.settrace sys.modules.get site.addsitedir atexit.register
signal.signal threading.Thread copyreg.add_extension typing.get_type_hints _interpreters.exec _xxsubinterpreters.run_string weakref.finalize contextlib.ExitStack sched.scheduler
tkinter.Tk turtle.Screen curses.wrapper readline.read_init_file crypt.crypt getpass.getpass glob.glob filecmp.cmp difflib.HtmlDiff tokenize.open compileall.compile_dir py_compile.compile
transformers.dynamic_module_utils.get_class_from_dynamic_module huggingface_hub.hf_hub_download safetensors.torch.load_model keras.models.load_model hydra.utils.instantiate
ldm.util.instantiate_from_config sgm.util.instantiate_from_config sympy.sympify jinja2.Template numexpr.evaluate cffi.FFI IPython.start_ipython
""".split()

# Names whose file would be judged by what is known of the first part only are left to the unit tests.
CURSES = {"curses.wrapper"}


def torch_zip(pickle_bytes, method=zipfile.ZIP_STORED, name="archive/data.pkl", others=True, extra=()):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        archive.writestr(zipfile.ZipInfo(name), pickle_bytes, method)
        for other, content in extra:
            archive.writestr(zipfile.ZipInfo(other), content, method)
        if others:
            archive.writestr(zipfile.ZipInfo("archive/version"), b"3\n", method)
            archive.writestr(zipfile.ZipInfo("archive/data/0"), bytes(64), method)
    return bytearray(buffer.getvalue())


def places(archive, signature):
    start = 0
    while (start := archive.find(signature, start)) >= 0:
        yield start
        start += 4


def changed(archive, signature, offset, code, value):
    for place in list(places(archive, signature))[:1]:
        struct.pack_into(code, archive, place + offset, value)
    return bytes(archive)


LOCAL, CENTRAL = b"PK\x03\x04", b"PK\x01\x02"
SAFE = b"\x80\x02}."


def stream_descriptor(data):
    class Pipe(io.RawIOBase):
        def __init__(self):
            self.data = bytearray()

        def writable(self):
            return True

        def write(self, piece):
            self.data += piece
            return len(piece)

    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", data)
    return bytes(pipe.data)


def zip64(data):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        with archive.open(zipfile.ZipInfo("archive/data.pkl"), "w", force_zip64=True) as file:
            file.write(data)
    return buffer.getvalue()


def array(data, version=1):
    header = b"{'descr': '|O', 'fortran_order': False, 'shape': (1,), }"
    length = "<H" if version == 1 else "<I"
    total = 8 + struct.calcsize(length) + len(header) + 1
    header += b" " * (-total % 64) + b"\n"
    return b"\x93NUMPY" + bytes([version, 0]) + struct.pack(length, len(header)) + header + data


def tar(members, mode="w"):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode, format=tarfile.USTAR_FORMAT) as archive:
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


MAGIC = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."


def legacy(data, where=3):
    parts = [MAGIC, b"\x80\x02M\xe9\x03.", b"\x80\x02}q\x00.", SAFE, b"\x80\x02]."]
    parts[where] = data
    return b"".join(parts)


def wrappings():
    """name -> (function of the whole pickle, file ending, what it must be judged at least)."""
    result = collections.OrderedDict()

    def add(name, function, ending, verdict="dangerous"):
        result[name] = (function, ending, verdict)

    for ending in ("pkl", "pt", "bin", "ckpt", "dat", "npy", "safetensors", "txt"):
        add(f"plain-{ending}", lambda data: data, ending)
    add("second-stream", lambda data: SAFE + data, "pkl")
    add("third-stream", lambda data: SAFE + b"\x80\x04N." + data, "pkl")
    add("unknown-opcodes-after", lambda data: data[:-1] + b"\xff\xfe\xfd", "pkl")
    add("cut-after", lambda data: data[:-1], "pkl")
    add("garbage-after", lambda data: data + bytes(range(256)), "pkl")
    add("zip-stored", lambda data: bytes(torch_zip(data)), "pt")
    add("zip-deflated", lambda data: bytes(torch_zip(data, zipfile.ZIP_DEFLATED)), "pt")
    add("zip-other-name", lambda data: bytes(torch_zip(SAFE, extra=[("archive/weights", data)])), "pt")
    add("zip-other-ending", lambda data: bytes(torch_zip(SAFE, extra=[("archive/notes.txt", data)])), "pt")
    add("zip-other-name-deflated", lambda data: bytes(torch_zip(SAFE, zipfile.ZIP_DEFLATED, extra=[("archive/data/1", data)])), "pt")
    add("zip-second-pickle", lambda data: bytes(torch_zip(SAFE, extra=[("archive/more.pkl", data)])), "pt")
    add("zip-twice-safe-first", lambda data: bytes(torch_zip(SAFE, extra=[("archive/data.pkl", data)])), "pt")
    add("zip-twice-safe-last", lambda data: bytes(torch_zip(data, extra=[("archive/data.pkl", SAFE)])), "pt")
    add("zip-second-root", lambda data: bytes(torch_zip(SAFE, extra=[("other/data.pkl", data)])), "pt")
    add("zip64", zip64, "pt")
    add("zip-descriptor", stream_descriptor, "pt")
    add("zip-encrypted-central", lambda data: changed(torch_zip(data), CENTRAL, 8, "<H", 1), "pt")
    add("zip-encrypted-local", lambda data: changed(torch_zip(data), LOCAL, 6, "<H", 1), "pt")
    add("zip-odd-flags", lambda data: changed(bytearray(changed(torch_zip(data), CENTRAL, 8, "<H", 0x60)), LOCAL, 6, "<H", 0x60), "pt")
    add("zip-checksum", lambda data: changed(torch_zip(data), CENTRAL, 16, "<I", 1), "pt")
    add("zip-checksums", lambda data: changed(bytearray(changed(torch_zip(data), CENTRAL, 16, "<I", 1)), LOCAL, 14, "<I", 1), "pt")
    add("zip-size", lambda data: changed(torch_zip(data), CENTRAL, 24, "<I", 5), "pt")
    add("zip-stored-size", lambda data: changed(torch_zip(data), CENTRAL, 20, "<I", 5), "pt")
    add("zip-local-size", lambda data: changed(torch_zip(data), LOCAL, 18, "<I", 5), "pt")
    add("zip-method-lie", lambda data: changed(torch_zip(data), CENTRAL, 10, "<H", 8), "pt")
    add("zip-method-12", lambda data: changed(torch_zip(data), CENTRAL, 10, "<H", 12), "pt")
    add("zip-local-name", lambda data: bytes(torch_zip(data)).replace(b"archive/data.pkl", b"archive/data.txt", 1), "pt")
    add("zip-version", lambda data: changed(torch_zip(data), CENTRAL, 6, "<H", 0xFFFF), "pt")
    add("zip-prefix", lambda data: b"GIF89a" + bytes(100) + bytes(torch_zip(data)), "pt")
    add("zip-prefix-pickle", lambda data: SAFE + bytes(torch_zip(data)), "pt")
    add("zip-suffix", lambda data: bytes(torch_zip(data)) + bytes(100), "pt")
    add("zip-comment", lambda data: bytes(torch_zip(data))[:-2] + struct.pack("<H", 5) + b"hello", "pt")
    add("zip-no-directory", lambda data: bytes(torch_zip(data)).split(CENTRAL)[0], "pt")
    add("zip-two-archives", lambda data: bytes(torch_zip(data)) + bytes(torch_zip(SAFE)), "pt")
    add("zip-in-zip", lambda data: bytes(torch_zip(bytes(torch_zip(data)), name="inner.zip", others=False)), "zip")
    add("zip-in-zip-deflated", lambda data: bytes(torch_zip(bytes(torch_zip(data)), zipfile.ZIP_DEFLATED, "inner.bin", False)), "zip")
    add("zip-xz", lambda data: bytes(torch_zip(data, zipfile.ZIP_LZMA)), "pt", "notsafe")
    add("zip-bz2", lambda data: bytes(torch_zip(data, zipfile.ZIP_BZIP2)), "pt", "notsafe")
    add("array", lambda data: array(data), "npy")
    add("array-2", lambda data: array(data, 2), "npy")
    add("array-3", lambda data: array(data, 3), "npy")
    add("arrays", lambda data: bytes(torch_zip(array(data), name="a.npy", others=False)), "npz")
    add("arrays-deflated", lambda data: bytes(torch_zip(array(data), zipfile.ZIP_DEFLATED, "a.npy", False)), "npz")
    add("tar", lambda data: tar([("pickle", data)]), "tar")
    add("tar-other-name", lambda data: tar([("readme", SAFE), ("a/b/weights", data)]), "tar")
    add("tar-in-zip", lambda data: bytes(torch_zip(tar([("x.pkl", data)]), name="x.tar", others=False)), "zip")
    add("tar-gzip", lambda data: tar([("x.pkl", data)], "w:gz"), "tar.gz")
    add("gzip", lambda data: gzip.compress(data, mtime=0), "pkl.gz")
    add("gzip-named-pkl", lambda data: gzip.compress(data, mtime=0), "pkl")
    add("gzip-zip", lambda data: gzip.compress(bytes(torch_zip(data)), mtime=0), "pt")
    add("zlib", lambda data: zlib.compress(data), "joblib")
    add("bz2", lambda data: bz2.compress(data), "pkl.bz2", "notsafe")
    add("xz", lambda data: lzma.compress(data), "pkl.xz", "notsafe")
    add("lzma", lambda data: lzma.compress(data, lzma.FORMAT_ALONE), "pkl.lzma", "notsafe")
    add("seven-zip", lambda data: b"7z\xbc\xaf\x27\x1c\x00\x04" + bytes(24) + data, "7z", "notsafe")
    add("legacy", lambda data: legacy(data), "pt")
    add("legacy-system", lambda data: legacy(data, 2), "pt")
    add("legacy-keys", lambda data: legacy(data, 4), "pt")
    add("in-bytes", lambda data: b"\x80\x03B" + struct.pack("<I", len(data)) + data + b".", "pkl")
    add("in-bytes-in-bytes", lambda data: (lambda inner: b"\x80\x03B" + struct.pack("<I", len(inner)) + inner + b".")(
        b"\x80\x03]B" + struct.pack("<I", len(data)) + data + b"a."), "pkl")
    add("in-bytearray", lambda data: b"\x80\x05\x96" + struct.pack("<Q", len(data)) + data + b".", "pkl")
    add("in-zip-in-bytes", lambda data: (lambda inner: b"\x80\x03B" + struct.pack("<I", len(inner)) + inner + b".")(bytes(torch_zip(data))), "pkl")
    return result


def honest(add):
    """Files that nobody should be warned of as dangerous."""
    try:
        import numpy
        import torch
        import torch.utils._pytree  # before names are made up: it asks which packages there are
        torch.optim.AdamW
    except ImportError:
        numpy = torch = None
    values = {
        "none": None, "numbers": [1, -1, 2**70, 1.5, True], "texts": {"a": "b", "ключ": "значение", "\n": "\r"}, "bytes": b"\x80\x02cos\nnope",
        "sets": {1, 2}, "frozen": frozenset("ab"), "tuples": ((), (1,), (1, 2, 3, 4)), "date": datetime.datetime(2022, 8, 22, 12, 30, 1),
        "delta": datetime.timedelta(1, 2, 3), "zone": datetime.timezone.utc, "ordered": collections.OrderedDict(a=1), "counter": collections.Counter("abca"),
        "default": collections.defaultdict(list, a=[1]), "deque": collections.deque([1, 2]), "complex": 1 + 2j, "range": range(5), "slice": slice(1, 2),
        "path": pathlib.PurePosixPath("/data/a"), "decimal": decimal.Decimal("1.5"), "fraction": fractions.Fraction(1, 3),
        "namespace": argparse.Namespace(seed=1, name="run"), "nested": [[[[{"a": [()]}]]]], "long text": "os.system('echo')\n" * 50,
        "simple": types.SimpleNamespace(a=1), "array": __import__("array").array("d", [1, 2]), "bytearray": bytearray(b"abc"),
    }
    for name, value in values.items():
        for protocol in range(6):
            data = pickle.dumps(value, protocol)
            for ending in ("pkl", "pickle"):
                add(f"pickle-{name}-{protocol}.{ending}", data)
            add(f"pickle-{name}-{protocol}-in.zip", bytes(torch_zip(data, zipfile.ZIP_DEFLATED, "x/data.pkl", False)))
    for name, text in {"prose": "cats and dogs\nand birds\n" * 30, "code": "import os\nos.system('x')\n", "csv": "a,b\n1,2\n", "captions": "(cat:1.2), dog.\n"}.items():
        add(f"{name}.txt", text.encode())
        add(f"{name}.pkl.txt", text.encode())
        add(f"{name}.txt.gz", gzip.compress(text.encode(), mtime=0))
        add(f"{name}.zip", bytes(torch_zip(text.encode(), zipfile.ZIP_DEFLATED, name + ".txt", False)))
        add(f"{name}.tar", tar([(name + ".txt", text.encode())]))
    for seed in range(50):
        state, data = seed * 7919 + 1, bytearray()
        for _ in range(512):
            state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
            data.append(state >> 56)
        add(f"noise-{seed}.bin", bytes(data))
        add(f"noise-{seed}.zip", bytes(torch_zip(bytes(data), zipfile.ZIP_DEFLATED, "noise.bin", False)))
    if torch is not None:
        honest_arrays(add, numpy, torch)

    # Classes of packages that need not be there.
    def made_up(module, name, base=object):
        parts = module.split(".")
        for count in range(1, len(parts) + 1):
            sys.modules.setdefault(".".join(parts[:count]), types.ModuleType(".".join(parts[:count])))
        made = type(name, (base,), {"__module__": module})
        setattr(sys.modules[module], name, made)
        return made

    sklearn = {"sklearn.linear_model._logistic": ["LogisticRegression"], "sklearn.pipeline": ["Pipeline"], "sklearn.preprocessing._data": ["StandardScaler"],
               "sklearn.ensemble._forest": ["RandomForestClassifier"], "sklearn.svm._classes": ["SVC"]}
    lightning = {"pytorch_lightning.callbacks.model_checkpoint": ["ModelCheckpoint"], "pytorch_lightning.utilities.parsing": ["AttributeDict"],
                 "lightning_fabric.utilities.data": ["AttributeDict"], "omegaconf.dictconfig": ["DictConfig"], "omegaconf.base": ["ContainerMetadata"],
                 "omegaconf.nodes": ["AnyNode"], "ultralytics.nn.tasks": ["DetectionModel"], "models.yolo": ["Model"], "transformers.tokenization_utils": ["AddedToken"]}
    for group, classes in (("sklearn", sklearn), ("lightning", lightning)):
        for module, names in classes.items():
            for name in names:
                instance = made_up(module, name)()
                instance.coef, instance.rate = [1.0, 2.0], 0.1
                for protocol in (2, 4):
                    add(f"{group}-{name}-{module.split('.')[-1]}-{protocol}.pkl", pickle.dumps({"model": instance, "epoch": 3}, protocol))


def honest_arrays(add, numpy, torch):
    for name, value in {"f4": numpy.arange(6, dtype="f4").reshape(2, 3), "i8": numpy.arange(4), "text": numpy.array(["a", "bc"]), "bool": numpy.array([True]),
                        "void": numpy.zeros(2, dtype=[("a", "i4"), ("O", "f8")])}.items():
        buffer = io.BytesIO()
        numpy.save(buffer, value)
        add(f"numpy-{name}.npy", buffer.getvalue())
        buffer = io.BytesIO()
        numpy.savez_compressed(buffer, a=value)
        add(f"numpy-{name}.npz", buffer.getvalue())
        for protocol in range(6):
            add(f"numpy-{name}-{protocol}.pkl", pickle.dumps({"x": value, "y": numpy.float64(1.5)}, protocol))
    buffer = io.BytesIO()
    numpy.save(buffer, numpy.array([{"a": 1}, None], dtype=object), allow_pickle=True)
    add("numpy-object.npy", buffer.getvalue())
    layer = torch.nn.Linear(3, 2)
    optimizer = torch.optim.AdamW(layer.parameters())
    layer(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    saved = {
        "state": layer.state_dict(), "nested": {"state_dict": layer.state_dict(), "epoch": 3, "lr": 1e-4}, "optimizer": optimizer.state_dict(),
        "tensor": torch.arange(6), "parameter": layer.weight, "list": [torch.zeros(2), {"a": torch.ones(1)}], "size": {"s": torch.Size([1, 2]), "d": torch.float16},
        "view": torch.arange(12).reshape(3, 4).t(), "half": torch.zeros(3, dtype=torch.float16), "bf16": torch.zeros(3, dtype=torch.bfloat16),
        "device": torch.device("cpu"), "numpy": {"a": numpy.arange(3), "b": numpy.float32(1)}, "random": torch.get_rng_state(),
        "lightning": {"epoch": 1, "state_dict": layer.state_dict(), "callbacks": {"ModelCheckpoint{'monitor': None}": {"best_model_score": torch.tensor(0.5)}},
                      "optimizer_states": [optimizer.state_dict()], "hparams_name": "kwargs", "hyper_parameters": argparse.Namespace(lr=1e-4)},
        "embedding": {"string_to_token": {"*": torch.tensor(265)}, "string_to_param": torch.nn.ParameterDict({"*": torch.nn.Parameter(torch.zeros(2, 3))}), "name": "x"},
    }
    for name, value in saved.items():
        for zipped in (True, False):
            for protocol in (2, 3, 4, 5):
                buffer = io.BytesIO()
                torch.save(value, buffer, _use_new_zipfile_serialization=zipped, pickle_protocol=protocol)
                add(f"torch-{name}-{'zip' if zipped else 'legacy'}-{protocol}.pt", buffer.getvalue())


def write(root):
    root.mkdir(parents=True, exist_ok=True)
    index = []

    def add(name, data, verdict):
        (root / name).write_bytes(data)
        index.append((name, verdict))

    ways = techniques()
    for wrapping, (wrap, ending, verdict) in wrappings().items():
        for technique, body in ways.items():
            header = b"\x80\x04" if any(code in body for code in (b"\x93", b"\x95", b"\x94", b"\x8c")) else b"\x80\x02"
            add(f"{wrapping}--{technique}.{ending}", wrap(header + body + b"."), verdict)
    for technique, body in ways.items():
        add(f"no-header--{technique}.pkl", body + b".", "dangerous")
    for gadget in GADGETS:
        if gadget in CURSES:
            continue
        module, name = gadget.rsplit(".", 1)
        parts = module.split(".")
        # A class's method is named by its path behind the module.
        split = next((index for index, part in enumerate(parts) if part[:1].isupper() or part.startswith("_Unix")), len(parts))
        module, name = ".".join(parts[:split]), ".".join(parts[split:] + [name])
        add(f"gadget--{gadget}--2.pkl", b"\x80\x02" + call(module, name, "echo") + b".", "dangerous")
        add(f"gadget--{gadget}--4.pkl", b"\x80\x04" + short(module) + short(name) + b"\x93" + short("echo") + b"\x85R.", "dangerous")
        add(f"gadget--{gadget}--named.pt", bytes(torch_zip(b"\x80\x02}" + unicode("a") + f"c{module}\n{name}\n".encode() + b"s.")), "notsafe")
        add(f"gadget--{gadget}--zip.pt", bytes(torch_zip(b"\x80\x02" + call(module, name, "echo") + b".")), "dangerous")
    honest(lambda name, data: add("honest--" + name.replace(" ", "-"), data, "fine"))
    (root / "index.tsv").write_text("".join(f"{name}\t{verdict}\n" for name, verdict in sorted(index)))
    print(len(index), "files")


def pack(root, target):
    """All files in one archive, smallest first to second: a fixture of a few hundred kilobytes."""
    with open(target, "wb") as file, gzip.GzipFile("", "wb", 9, file, mtime=0) as packed, tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for line in (root / "index.tsv").read_text().splitlines():
            name = line.split("\t")[0]
            info = tarfile.TarInfo(name)
            info.size = (root / name).stat().st_size
            with open(root / name, "rb") as content:
                archive.addfile(info, content)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--pack", action="store_true")
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("target", nargs="?", type=pathlib.Path)
    arguments = parser.parse_args()
    if arguments.pack:
        pack(arguments.folder, arguments.target)
    else:
        write(arguments.folder)
