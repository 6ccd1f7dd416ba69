// Makes an output as the command does, for tests that kill it, fill its disk or fail its system calls.
//
//   writer-probe file TARGET SEED BYTES      writes a file from two threads
//   writer-probe copy TARGET SOURCE          copies a file
//   writer-probe folder TARGET SEED BYTES    writes a folder of three files
//   writer-probe set TARGET SEED BYTES       writes TARGET-1, TARGET-2 and TARGET, which belong together
//
// Options before the first word: --hold waits for a signal before the commit, --limit BYTES sets RLIMIT_FSIZE, --user NUMBER becomes that
// user, --keep does not overwrite.
// Exit status: 0, 2 with a sentence on standard error, 128 + signal.

import IsomerBytes

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

func say(_ line: String, _ stream: FileDescriptor) {
    _ = try? stream.writeAll((line + "\n").utf8)
}

struct Probe {
    var holds = false
    var overwrites = true

    static let piece = 16 << 10

    func hold() throws(IsomerError) {
        guard holds else { return }
        say("holding", .standardOutput)
        // Half a minute, so that a test that forgets this process does not leave it behind.
        for _ in 0..<30_000 {
            try Interruption.check()
            usleep(1000)
        }
    }

    private func write(_ file: WritableFile, _ seed: Int, _ count: Int) throws(IsomerError) {
        try Workers(count: 2).run((count + Probe.piece - 1) / Probe.piece) { (item, _) throws(IsomerError) in
            let range = item * Probe.piece..<min(count, (item + 1) * Probe.piece)
            // Every piece differs from its neighbours and from those of other seeds.
            let content = [UInt8](repeating: UInt8(truncatingIfNeeded: seed &* 31 &+ item), count: range.count)
            try file.write(content, at: UInt64(range.lowerBound))
        }
    }

    func file(_ target: FilePath, _ seed: Int, _ count: Int) throws(IsomerError) {
        let output = try AtomicFile(path: target, byteCount: UInt64(count), overwrite: overwrites)
        try write(output.file, seed, count)
        try hold()
        try output.commit()
    }

    func copy(_ target: FilePath, _ source: FilePath) throws(IsomerError) {
        let source = try ReadableFile(source)
        let output = try AtomicFile(path: target, byteCount: source.size, overwrite: overwrites, inputs: [source.identity])
        try output.file.copyRange(from: source, at: 0, to: 0, count: source.size)
        try hold()
        try source.checkUnchanged()
        try output.commit()
    }

    func set(_ target: FilePath, _ seed: Int, _ count: Int) throws(IsomerError) {
        var outputs: [AtomicFile] = []
        for suffix in ["-1", "-2", ""] {
            let output = try AtomicFile(path: FilePath(target.string + suffix), byteCount: UInt64(count), overwrite: overwrites)
            try write(output.file, seed, count)
            outputs.append(output)
        }
        try hold()
        try AtomicFile.commitTogether(outputs)
    }

    func folder(_ target: FilePath, _ seed: Int, _ count: Int) throws(IsomerError) {
        let output = try StagedFolder(path: target, byteCount: UInt64(count) * 3, overwrite: overwrites, recognizedBy: ["index"])
        for name in ["a/b/weights", "a/weights", "index"] {
            try write(output.createFile(name, byteCount: UInt64(count)), seed, count)
        }
        try hold()
        try output.commit()
    }
}

Interruption.install()
var probe = Probe()
var arguments = CommandLine.arguments.dropFirst()
while let option = arguments.first, option.hasPrefix("--") {
    arguments.removeFirst()
    switch option {
    case "--hold": probe.holds = true
    case "--keep": probe.overwrites = false
    case "--user": guard setuid(uid_t(arguments.popFirst() ?? "") ?? 65534) == 0 else { exit(64) }
    case "--limit":
        let bytes = rlim_t(arguments.popFirst() ?? "") ?? 0
        var limit = rlimit(rlim_cur: bytes, rlim_max: bytes)
        #if canImport(Glibc)
            setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit)
        #else
            setrlimit(RLIMIT_FSIZE, &limit)
        #endif
    default: exit(64)
    }
}
let words = Array(arguments)
do throws(IsomerError) {
    switch (words.first, words.count) {
    case ("file", 4): try probe.file(FilePath(words[1]), Int(words[2]) ?? 0, Int(words[3]) ?? 0)
    case ("copy", 3): try probe.copy(FilePath(words[1]), FilePath(words[2]))
    case ("set", 4): try probe.set(FilePath(words[1]), Int(words[2]) ?? 0, Int(words[3]) ?? 0)
    case ("folder", 4): try probe.folder(FilePath(words[1]), Int(words[2]) ?? 0, Int(words[3]) ?? 0)
    default: exit(64)
    }
} catch {
    say("\(error)", .standardError)
    exit(error.code == .interrupted ? 128 + (Interruption.signal ?? 0) : 2)
}
