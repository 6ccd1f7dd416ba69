public import SystemPackage

extension IsomerError {
    /// What a failed open or read means, in words.
    public static func reading(_ path: FilePath, _ error: any Error) -> IsomerError {
        failure(.cannotRead, path, error, verb: "read")
    }

    /// What a failed create, write, sync or rename means, in words.
    public static func writing(_ path: FilePath, _ error: any Error) -> IsomerError {
        failure(.cannotWrite, path, error, verb: "written")
    }

    private static func failure(_ code: Code, _ path: FilePath, _ error: any Error, verb: String) -> IsomerError {
        guard let number = error as? Errno else { return IsomerError(code, "the file cannot be \(verb): \(error)", path: path) }
        let (what, remedy) = explanation(of: number, verb: verb)
        return IsomerError(code, what, path: path, remedy: remedy)
    }

    /// One sentence for each error the system gives in practice; the system's own words for the rest.
    private static func explanation(of error: Errno, verb: String) -> (what: String, remedy: String?) {
        switch error {
        case .noSuchFileOrDirectory: ("there is no such file or folder", "check the path")
        case .permissionDenied, .notPermitted: ("this user may not have it \(verb)", "change its permissions or its owner")
        case .isDirectory: ("this is a folder, not a file", nil)
        case .notDirectory: ("a part of the path is a file, not a folder", "check the path")
        case .noSpace: ("the disk is full", "free some space or choose another place")
        case .quotaExceeded: ("the disk quota is used up", "free some space or choose another place")
        case .fileTooLarge: ("the file is larger than this disk or this process may write", "choose another place or raise the limit")
        case .readOnlyFileSystem: ("the file system is mounted read-only", "choose another place")
        case .tooManyOpenFiles, .tooManyOpenFilesInSystem: ("too many files are open", "raise the limit with `ulimit -n`")
        case .tooManySymbolicLinkLevels: ("its symbolic links lead in a circle", "mend the links")
        case .fileNameTooLong: ("the name is too long for this file system", "choose a shorter name")
        case .ioError: ("the disk reported an error", "check the disk and try again")
        case .fileExists: ("there is something with this name already", "choose another name or allow overwriting")
        case .directoryNotEmpty: ("the folder is not empty", "choose another name or allow overwriting")
        case .noMemory: ("the system has no memory left", "close other programs and try again")
        default: ("the file cannot be \(verb): \(error)", nil)
        }
    }
}

extension Errno {
    /// EDQUOT, which the imported constants lack on Linux.
    #if os(Linux)
        public static var quotaExceeded: Errno { Errno(rawValue: 122) }
    #else
        public static var quotaExceeded: Errno { .diskQuotaExceeded }
    #endif
}
