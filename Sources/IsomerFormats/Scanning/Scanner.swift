public import IsomerBytes
internal import Synchronization

/// Finds out what files would do to somebody who loads them with Python, without loading them.
///
/// Files are known by their bytes. Archives are looked into, archives within them too. Memory stays within what `limits` allow one pickle,
/// for each worker.
public struct Scanner: Sendable {
    public let limits: Limits
    public let workers: Workers

    public init(limits: Limits = Limits(), workers: Workers = Workers()) {
        self.limits = limits
        self.workers = workers
    }

    /// Looks at files and at everything in folders. Results come in the order of the paths, those of a folder in the order of names.
    ///
    /// What cannot be read is a result too. Throws only if stopped by request.
    /// - Parameter progress: gets the files done and the files there are, from any thread.
    public func scan(_ paths: [FilePath], progress: @escaping @Sendable (Int, Int) -> Void = { _, _ in }) throws(IsomerError) -> [FileScan]
    {
        let items = try Scanner.files(paths)
        let results = Mutex<(scans: [FileScan?], done: Int)>((Array(repeating: nil, count: items.count), 0))
        try workers.run(items.count) { (item, _) throws(IsomerError) in
            let scan =
                switch items[item] {
                case .file(let path): try self.scan(file: path)
                case .problem(let path, let error): FileScan(path, problem: error)
                }
            let done = results.withLock { results in
                results.scans[item] = scan
                results.done += 1
                return results.done
            }
            progress(done, items.count)
        }
        return results.withLock { $0.scans.compactMap(\.self) }
    }

    /// Looks at one file. Throws only if stopped by request.
    public func scan(file path: FilePath) throws(IsomerError) -> FileScan {
        let name = path.lastComponent?.string ?? ""
        var scanner = FileScanner(limits: limits, fileName: name)
        let file: ReadableFile
        do throws(IsomerError) { file = try ReadableFile(path) } catch { return FileScan(path, problem: error) }
        var format: FileFormat?
        do throws(IsomerError) {
            format = try FileFormat(of: file)
            try scanner.scan(ScanSource(file), [], FileScanner.role(ofFile: name))
            return FileScan(path, file.size, format, scanner, problem: nil)
        } catch {
            if error.code == .interrupted { throw error }
            return FileScan(path, file.size, format, scanner, problem: error.inFile(path))
        }
    }

    private enum Item: Sendable {
        case file(FilePath)
        case problem(FilePath, IsomerError)
    }

    /// The files at and below the paths. Nobody loads a model from a device; one that was asked for is told of.
    private static func files(_ paths: [FilePath]) throws(IsomerError) -> [Item] {
        var items: [Item] = []
        try FileSystem.forEachFile(below: paths) {
            items.append(.problem($0, $1))
        } _: {
            items.append(.file($0))
        }
        return items
    }
}

extension FileScan {
    fileprivate init(_ path: FilePath, problem: IsomerError) {
        self.init(path: path, byteCount: 0, format: nil, verdict: .unreadable, streams: [], remarks: [], problem: problem)
    }

    fileprivate init(_ path: FilePath, _ byteCount: UInt64, _ format: FileFormat?, _ scanner: FileScanner, problem: IsomerError?) {
        let verdicts =
            scanner.streams.map(\.verdict) + scanner.remarks.map(\.verdict)
            + (problem.map { [$0.code == .limitExceeded ? .suspicious : .unreadable] } ?? [])
        self.init(
            path: path, byteCount: byteCount, format: format, verdict: verdicts.max() ?? .safe, streams: scanner.streams,
            remarks: scanner.remarks, problem: problem)
    }
}
