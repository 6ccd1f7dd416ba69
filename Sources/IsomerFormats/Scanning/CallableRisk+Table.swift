/// The list that `CallableRisk` decides by. A heading gives a verdict and the reason that reports show; under it stand dotted paths, each
/// with everything below it. The longest path that fits decides. A line that begins with `#` says where what follows comes from.
///
/// Names are Python 3's; `PythonTwoNames` translates older ones first. What `TorchGlobals+Table` knows as data is exempt by exact name.
extension CallableRisk {
    static let riskTable = """
        [dangerous: runs programs]
        # picklescan 1.0.5, modelscan 0.8.8 and fickling 0.1.12 name os, posix, nt, subprocess, pty, commands, multiprocessing, pexpect, pipes.
        # asyncio: CVE-2025-10157. _osx_support and _aix_support: fickling. torch.utils.collect_env, torch._inductor: picklescan.
        os posix nt subprocess _posixsubprocess _winapi msvcrt pty commands popen2 multiprocessing _multiprocessing pexpect pipes sh plumbum
        asyncio concurrent _osx_support _aix_support platform ntpath posixpath genericpath antigravity webbrowser sched
        torch.utils.collect_env torch._inductor torch.utils.bottleneck torch.utils.cpp_extension torch.utils.hipify torch.distributed.run
        torch.distributed.launcher torch.distributed.elastic torch.multiprocessing torch.utils._cpp_extension_versioner
        torch._appdirs torch.testing numpy.testing numpy.distutils numpy.f2py.compile numpy.f2py scipy._lib._testutils sysconfig._run
        lib2to3 idlelib distutils setuptools pkg_resources pip ensurepip venv virtualenv conda uuid ctypes _ctypes cffi _cffi_backend
        numpy.ctypeslib ipykernel IPython jupyter_client fabric paramiko invoke GitPython git psutil.Popen gevent.subprocess eventlet

        [dangerous: runs code that it is given]
        # picklescan: builtins, code, bdb, pdb, cProfile, profile, trace, timeit, doctest, runpy, pydoc, functools.partial, operator.
        # fickling: codeop, marshal, types, unittest, test, _interpreters, _xxsubinterpreters. modelscan: __import__ and apply.
        # numpy.f2py.crackfortran, torch.jit.unsupported_tensor_ops, torch._dynamo.guards, torch.fx, lib2to3, idlelib: picklescan's advisories.
        builtins __builtins__ __builtin__ eval exec compile apply code codeop bdb pdb cProfile profile _lsprof trace timeit doctest runpy
        pydoc pydoc_data unittest test nose pytest _pytest py _interpreters _xxsubinterpreters interpreters _testcapi _testinternalcapi
        types functools _functools operator _operator toolz cytoolz funcy cmd rlcompleter readline tkinter _tkinter turtle turtledemo
        typing.get_type_hints typing.ForwardRef typing._eval_type annotationlib inspect dis ast symtable tokenize
        collections.namedtuple dataclasses.make_dataclass string.Formatter string.Template xml.sax.make_parser xml.sax.expatreader
        numpy.f2py.crackfortran numpy.ma.core._convert2ma numpy.lib.utils.safe_eval numpy.lib._utils_impl.safe_eval numpy.safe_eval
        numpy.core.tests numpy.core._internal.eval numpy.vectorize numpy.frompyfunc numpy.apply_along_axis numpy.apply_over_axes
        numpy.piecewise numpy.fromfunction numexpr pandas.eval pandas.core.computation pandas.DataFrame.eval pandas.DataFrame.query
        sympy.sympify sympy.parsing sympy.lambdify sympy.utilities.lambdify jinja2 mako tornado.template
        torch._dynamo torch.fx torch.jit torch._jit_internal torch.package torch._C torch._ops torch.ops torch.classes torch._classes
        torch.compile torch.compiler torch._functorch.compile_utils torch.onnx torch.export torch._export torch.utils._config_module
        torch.utils.checkpoint torch.cuda._lazy_call torch.overrides torch.autograd.function torch.nn.utils.parametrize.register_parametrization
        torch.utils.data torch.distributed.rpc torch.utils.benchmark torch.utils._pytree torch.library torch.nn.modules.module.register_module_forward_hook
        tensorflow.keras.layers.Lambda keras.layers.Lambda keras.layers.core.Lambda keras.src.layers tensorflow.raw_ops tensorflow.py_function
        cloudpickle.cloudpickle._make_function cloudpickle.cloudpickle._builtin_type dill._dill._create_function dill._dill._create_code
        logging.config logging.handlers optparse plac fire click atexit signal _signal threading _thread weakref.finalize contextlib.ExitStack
        copyreg contextvars.Context ptpython bpython pywintypes win32com win32api

        [dangerous: imports modules by name]
        # pkgutil.resolve_name: GHSA-vvpj-8cmc-gx39. importlib, imp, zipimport, _frozen_importlib: fickling.
        importlib _frozen_importlib _frozen_importlib_external _imp imp imputil ihooks pkgutil zipimport modulefinder site sitecustomize
        usercustomize pyclbr sys sysconfig gc this __main__.__builtins__ xmlrpc.server.resolve_dotted_attribute xmlrpc encodings
        torch._utils_internal.get_file_path torch._sources torch._lazy torch.utils._import_utils torch.torch_version._import transformers.dynamic_module_utils
        transformers.utils.import_utils diffusers.utils.dynamic_modules_utils hydra.utils hydra._internal omegaconf.OmegaConf.register_new_resolver
        unittest.mock zope.dottedname django.utils.module_loading werkzeug.utils.import_string six.moves pydantic.utils.import_string
        ldm.util.instantiate_from_config ldm.util.get_obj_from_str sgm.util.instantiate_from_config sgm.util.get_obj_from_str

        [dangerous: loads another pickle or program code]
        # picklescan: pickle, _pickle, torch.serialization.load; fickling: dill, cloudpickle, joblib, shelve, marshal. torch: CVE-2025-32434.
        pickle _pickle cPickle pickletools marshal shelve dill cloudpickle joblib jsonpickle yaml ruamel msgpack_numpy klepto hickle.load
        pandas.read_pickle pandas.io.pickle pandas.compat.pickle_compat numpy.load numpy.lib.npyio numpy.lib._npyio_impl numpy.lib.format
        numpy.core.multiarray._load_from_filelike numpy._core.multiarray._load_from_filelike numpy.core._methods._load numpy.core.records
        torch.load torch.serialization torch.storage._load_from_bytes torch.hub torch.utils.model_zoo torch.utils.serialization
        torch.distributed torch.utils.data.datapipes torch.legacy skops sklearn.externals.joblib keras.models.load_model
        tensorflow.keras.models.load_model tensorflow.saved_model mlflow safetensors.torch.load_model huggingface_hub transformers.pipeline
        multiprocessing.reduction _codecs_pickle dbm anydbm sqlite3 _sqlite3 py_compile compileall

        [dangerous: reads, writes or removes files]
        # picklescan: shutil, distutils.file_util; fickling: tempfile, filecmp, glob, fileinput, linecache, tarfile, zipfile, mmap, difflib.
        # logging.FileHandler: CVE-2026-56304.
        shutil tempfile filecmp glob fnmatch fileinput linecache tarfile zipfile mmap io _io _pyio codecs.open codecs.StreamReaderWriter
        codecs.EncodedFile logging nturl2path pathlib gzip bz2 _bz2 lzma _lzma zlib.open difflib stat fcntl termios resource syslog cgitb cgi uu
        binhex aifc wave sunau sndhdr chunk csv configparser plistlib netrc mailbox mailcap mimetypes crypt getpass grp pwd spwd nis
        trace.CoverageResults torch.save torch.from_file torch.storage.UntypedStorage.from_file torch.storage.TypedStorage.from_file
        torch.UntypedStorage.from_file torch.FloatStorage.from_file torch.utils.tensorboard torch.profiler torch.autograd.profiler
        torch.cuda.memory torch.monitor numpy.fromfile numpy.memmap numpy.core.memmap numpy._core.memmap numpy.save numpy.savez numpy.savetxt
        numpy.loadtxt numpy.genfromtxt numpy.fromregex numpy.DataSource numpy.lib._datasource numpy.ndarray.tofile numpy.ndarray.dump
        pandas.io pandas.read_csv pandas.read_hdf PIL.Image.open PIL.ImageShow PIL.ImageGrab PIL.ImageMath cv2 h5py zoneinfo.ZoneInfo.from_file
        dbm.dumb dbm.gnu dbm.ndbm dbm.sqlite3 dircache statvfs macpath

        [dangerous: uses the network]
        # picklescan: socket, ssl, requests, aiohttp, httplib; fickling: http, urllib, smtplib, imaplib, ftplib, poplib, telnetlib, nntplib, select.
        socket _socket ssl _ssl socketserver select selectors http httplib httplib2 urllib urllib2 urllib3 requests aiohttp httpx ftplib
        smtplib smtpd imaplib poplib nntplib telnetlib asyncore asynchat wsgiref xml.dom xml.etree xml.sax torch.distributed.TCPStore
        torch.distributed.rendezvous tornado twisted flask django fastapi uvicorn boto3 botocore fsspec s3fs gcsfs websocket websockets
        nntplib.NNTP dns curl pycurl

        [suspicious: is no part of any data]
        # Pure functions: harmless alone, but no pickler writes calls of them. fickling's list of safe built-in names.
        builtins.print builtins.len builtins.abs builtins.sum builtins.min builtins.max builtins.round builtins.pow builtins.divmod
        builtins.sorted builtins.reversed builtins.enumerate builtins.zip builtins.iter builtins.next builtins.all builtins.any builtins.hash
        builtins.id builtins.repr builtins.ascii builtins.bin builtins.hex builtins.oct builtins.ord builtins.chr builtins.isinstance
        builtins.issubclass builtins.callable builtins.format builtins.memoryview builtins.property builtins.staticmethod
        builtins.classmethod builtins.super builtins.Exception builtins.BaseException builtins.ValueError builtins.KeyError
        builtins.NotImplemented builtins.Ellipsis builtins.NotImplementedError builtins.LookupError builtins.ArithmeticError
        builtins.ZeroDivisionError builtins.AssertionError builtins.ImportError builtins.FileNotFoundError builtins.Warning
        builtins.UserWarning builtins.KeyboardInterrupt builtins.TypeError builtins.RuntimeError builtins.StopIteration builtins.OSError builtins.IndexError builtins.AttributeError
        http.HTTPStatus http.HTTPMethod types.SimpleNamespace types.MappingProxyType types.GenericAlias functools.cmp_to_key operator.index
        torch.utils.data.sampler torch.utils.data.dataset torch.utils.data.dataloader torch.utils.data.distributed
        torch.fx.immutable_collections torch.jit._script.RecursiveScriptModule __torch__ _codecs codecs
        joblib.numpy_pickle.NumpyArrayWrapper itertools random secrets copy string re _sre weakref traceback
        # TorchScript's lists of numbers and tensors: torch/jit/_pickle.py.
        torch.jit._pickle
        # How loggers pickle.
        logging.getLogger logging.Logger logging.RootLogger logging.root torch._C._TensorBase torch._C.Generator
        torch.distributed._shard torch.distributed.tensor torch.distributed._tensor torch.distributed.fsdp

        [safe: computes with tensors when the model is used]
        # PyTorch 2.13: the functions that layers keep as attributes (`TransformerEncoderLayer.activation`). Called by a pickle they are not safe.
        torch.nn.functional torch.nn.init torch._C._nn
        """

    /// What the callables of a configuration may not be: `_target_` of Hydra, `target` of latent diffusion, `module` and `class_name` of Keras,
    /// the pairs in `model_index.json`. Unlike pickles, configurations name classes that nobody lists, so only these count. A path stands for
    /// everything below it.
    ///
    /// References: CVE-2025-23304 (NeMo, Hydra's `_target_`), CVE-2025-1550 (Keras), the severe list of modelscan 0.8.8.
    static let launcherTable = """
        os posix nt subprocess pty popen2 shutil runpy ctypes importlib imp pkgutil pickle _pickle marshal dill cloudpickle joblib.load
        code.interact code.InteractiveInterpreter code.InteractiveConsole codeop socket webbrowser pip ensurepip pdb.run bdb.Bdb timeit.timeit
        cProfile.run multiprocessing.Process asyncio.create_subprocess_shell asyncio.create_subprocess_exec sys.modules sys.settrace
        builtins.eval builtins.exec builtins.compile builtins.open builtins.getattr builtins.setattr builtins.__import__ builtins.breakpoint
        builtins.input builtins.globals eval exec __import__ torch.load torch.hub torch.utils.cpp_extension numpy.load
        """

    /// What a chat template does not need: Jinja hands its values to the template, and these lead from any of them to the system.
    ///
    /// References: CVE-2024-34359 (llama-cpp-python), CVE-2025-27516 (Jinja's `attr`).
    static let templateTable = """
        __class__ __bases__ __base__ __mro__ __subclasses__ __globals__ __builtins__ __import__ __getattribute__ __init__ __code__ __dict__
        func_globals gi_frame f_globals \\x5f \\u005f \\137 |attr(
        """

    /// Names that lead from any module or object to the system when they stand behind a dot.
    ///
    /// Reference: fickling's GHSA-5j3x-jp52-966f, picklescan's CVE-2025-10157; Python data model for the names in underscores.
    static let passageTable = """
        os _os posix nt sys _sys subprocess builtins __builtins__ __builtin__ importlib imp ctypes socket shutil pickle _pickle runpy pty commands
        multiprocessing marshal pkgutil webbrowser asyncio tempfile urllib requests system popen eval exec execfile __import__ __globals__
        __code__ __class__ __bases__ __base__ __mro__ __subclasses__ __dict__ __getattribute__ __getattr__ __loader__ __spec__ __call__ __func__
        __self__ __init_subclass__ __set_name__ __reduce__ __reduce_ex__ __setstate__ __init__ __new__ __del__ __class_getitem__ func_globals func_code gi_frame f_globals f_builtins
        """
}
