// `FilePath` is part of every signature that names a file, so whoever imports this module can use it.
@_exported public import SystemPackage
