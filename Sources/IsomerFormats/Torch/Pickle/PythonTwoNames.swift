/// What modules and names of Python 2 are called in Python 3, so that a pickle of either is judged by one list.
///
/// Reference: CPython 3.13 `Lib/_compat_pickle.py`, which the unpickler applies to protocols below 3. Here it applies to every protocol: a name
/// that only Python 2 had can mean nothing else.
enum PythonTwoNames {
    static func modern(_ global: PickleGraph.Global) -> PickleGraph.Global {
        if let renamed = names[global] { return renamed }
        if let module = modules[global.module] { return PickleGraph.Global(module: module, name: global.name) }
        return global
    }

    private static let modules: [String: String] = parse(moduleTable).reduce(into: [:]) { table, row in
        if row.count == 2 { table[row[0]] = row[1] }
    }

    private static let names: [PickleGraph.Global: PickleGraph.Global] = parse(nameTable).reduce(into: [:]) { table, row in
        guard row.count == 4 else { return }
        table[PickleGraph.Global(module: row[0], name: row[1])] = PickleGraph.Global(module: row[2], name: row[3])
    }

    private static func parse(_ table: String) -> [[String]] {
        table.split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
    }

    /// Old module, new module.
    private static let moduleTable = """
        BaseHTTPServer http.server
        CGIHTTPServer http.server
        ConfigParser configparser
        Cookie http.cookies
        Dialog tkinter.dialog
        DocXMLRPCServer xmlrpc.server
        FileDialog tkinter.filedialog
        HTMLParser html.parser
        Queue queue
        ScrolledText tkinter.scrolledtext
        SimpleDialog tkinter.simpledialog
        SimpleHTTPServer http.server
        SimpleXMLRPCServer xmlrpc.server
        SocketServer socketserver
        StringIO io
        Tix tkinter.tix
        Tkconstants tkinter.constants
        Tkdnd tkinter.dnd
        Tkinter tkinter
        UserDict collections
        UserList collections
        UserString collections
        __builtin__ builtins
        _abcoll collections.abc
        _elementtree xml.etree.ElementTree
        _winreg winreg
        anydbm dbm
        cPickle pickle
        cStringIO io
        commands subprocess
        cookielib http.cookiejar
        copy_reg copyreg
        dbhash dbm.bsd
        dbm dbm.ndbm
        dumbdbm dbm.dumb
        dummy_thread _dummy_thread
        exceptions builtins
        gdbm dbm.gnu
        htmlentitydefs html.entities
        httplib http.client
        markupbase _markupbase
        repr reprlib
        robotparser urllib.robotparser
        test.test_support test.support
        thread _thread
        tkColorChooser tkinter.colorchooser
        tkCommonDialog tkinter.commondialog
        tkFileDialog tkinter.filedialog
        tkFont tkinter.font
        tkMessageBox tkinter.messagebox
        tkSimpleDialog tkinter.simpledialog
        ttk tkinter.ttk
        urllib2 urllib.request
        urlparse urllib.parse
        whichdb dbm
        xmlrpclib xmlrpc.client
        """

    /// Old module and name, new module and name.
    private static let nameTable = """
        UserDict IterableUserDict collections UserDict
        UserDict UserDict collections UserDict
        UserList UserList collections UserList
        UserString UserString collections UserString
        __builtin__ basestring builtins str
        __builtin__ intern sys intern
        __builtin__ long builtins int
        __builtin__ reduce functools reduce
        __builtin__ unichr builtins chr
        __builtin__ unicode builtins str
        __builtin__ xrange builtins range
        _multiprocessing Connection multiprocessing.connection Connection
        _socket fromfd socket fromfd
        exceptions StandardError builtins Exception
        itertools ifilter builtins filter
        itertools ifilterfalse itertools filterfalse
        itertools imap builtins map
        itertools izip builtins zip
        itertools izip_longest itertools zip_longest
        multiprocessing AuthenticationError multiprocessing.context AuthenticationError
        multiprocessing BufferTooShort multiprocessing.context BufferTooShort
        multiprocessing ProcessError multiprocessing.context ProcessError
        multiprocessing TimeoutError multiprocessing.context TimeoutError
        multiprocessing.forking Popen multiprocessing.popen_fork Popen
        multiprocessing.process Process multiprocessing.context Process
        socket _socketobject socket SocketType
        urllib ContentTooShortError urllib.error ContentTooShortError
        urllib getproxies urllib.request getproxies
        urllib pathname2url urllib.request pathname2url
        urllib quote urllib.parse quote
        urllib quote_plus urllib.parse quote_plus
        urllib unquote urllib.parse unquote
        urllib unquote_plus urllib.parse unquote_plus
        urllib url2pathname urllib.request url2pathname
        urllib urlcleanup urllib.request urlcleanup
        urllib urlencode urllib.parse urlencode
        urllib urlopen urllib.request urlopen
        urllib urlretrieve urllib.request urlretrieve
        urllib2 HTTPError urllib.error HTTPError
        urllib2 URLError urllib.error URLError
        whichdb whichdb dbm whichdb
        """
}
