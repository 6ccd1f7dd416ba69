import Testing

@testable import IsomerBytes

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// A set of files whose replacement stopped between any two renames, as a killed run leaves it.
@Suite struct SetJournalTests {
    let folder: TemporaryFolder
    init() throws {
        // Where inodes are not used again: a process looks for leftovers once in each folder.
        folder = try TemporaryFolder(in: (try? FileSystem.kind(of: "/dev/shm")) == .folder ? "/dev/shm" : "/tmp")
    }

    /// No process has this number.
    private static let dead = 4_194_305
    private static let files = ["a", "b", "index"]

    /// New files staged for "a", "b" and "index" by a process that is no more, and its journal. `replaced` says which have old ones.
    private func journal(_ replaced: [Bool]) throws -> SetJournal {
        var steps: [SetJournal.Step] = []
        var targets = zip(Self.files, replaced).map { (name: $0, replaces: $1, content: "new \($0)") }
        if replaced[2] { targets.insert(("index", true, ""), at: 0) }
        for (number, target) in targets.enumerated() {
            let staged = ".isomer-\(Self.dead)-1-\(number).partial"
            if target.replaces { try folder.file(target.name, Array("old \(target.name)".utf8)) }
            let identity = try FileSystem.identity(of: folder.file(staged, Array(target.content.utf8)))
            steps.append(
                SetJournal.Step(
                    name: try #require(.init(target.name)), staged: try #require(.init(staged)),
                    aside: try #require(.init(".isomer-\(Self.dead)-1-\(number + 100).partial")), replaces: target.replaces,
                    inode: identity.inode, modified: identity.modified))
        }
        let journal = SetJournal(folder: folder.path, steps: steps)
        try folder.file(SetJournal.name.string, journal.encoded)
        return journal
    }

    /// Every rename that a run does, one by one, with and without exchanges.
    private func renames(_ journal: SetJournal, exchanges: Bool) -> [() -> Void] {
        let folder = folder
        func move(_ from: FilePath.Component, _ to: FilePath.Component) { rename(folder[from.string].string, folder[to.string].string) }
        return journal.steps.flatMap { step -> [() -> Void] in
            let away = { move(step.name, step.aside) }
            let publish = { move(step.staged, step.name) }
            if !step.replaces { return [publish] }
            if !exchanges { return [away, publish] }
            return [
                {
                    away()
                    publish()
                    move(step.aside, step.staged)
                }
            ]
        }
    }

    private func expect(_ word: String, _ present: [Bool], _ comment: Comment? = nil) throws {
        let kept = zip(Self.files, present).filter(\.1).map(\.0)
        #expect(try folder.names == kept, comment)
        for file in kept { #expect(try folder.bytes(file) == Array("\(word) \(file)".utf8), comment) }
    }

    @Test(arguments: [[true, true, true], [false, false, false], [false, true, true], [true, true, false]], [true, false])
    func whereverItStoppedTheOldSetComesBack(replaced: [Bool], exchanges: Bool) throws {
        let count = renames(try journal(replaced), exchanges: exchanges).count
        for stop in 0...count {
            for file in Self.files { unlink(folder[file].string) }
            for step in renames(try journal(replaced), exchanges: exchanges).prefix(stop) { step() }
            #expect(SetJournal.recover(folder.path))
            try expect("old", replaced, "after \(stop) of \(count)")
        }
    }

    @Test func aReaderOfTheEmptyIndexTakesTheStepsBack() throws {
        for step in renames(try journal([true, true, true]), exchanges: true).prefix(2) { step() }
        #expect(try ReadableFile(folder["index"]).contents(limit: 100) == Array("old index".utf8))
        try expect("old", [true, true, true])
    }

    @Test func theNextWriterTakesTheStepsBack() throws {
        for step in renames(try journal([true, true, true]), exchanges: true).prefix(3) { step() }
        _ = try AtomicFile(path: folder["another"], byteCount: nil, overwrite: false)
        try expect("old", [true, true, true])
    }

    /// A power cut after the journal's removal may bring it back, and the old files not.
    @Test func aCompleteSetStays() throws {
        let journal = try journal([true, true, true])
        for step in renames(journal, exchanges: true) { step() }
        unlink(folder[journal.steps[1].staged.string].string)
        #expect(SetJournal.recover(folder.path))
        try expect("new", [true, true, true])
    }

    @Test func whatSomebodyElsePutThereStays() throws {
        for step in renames(try journal([false, false, false]), exchanges: true).prefix(2) { step() }
        unlink(folder["a"].string)
        try folder.file("a", Array("old a".utf8))
        #expect(SetJournal.recover(folder.path))
        try expect("old", [true, false, false])
    }

    @Test func aRunThatLivesIsLeftAlone() throws {
        for step in renames(try journal([true, true, true]), exchanges: true).prefix(2) { step() }
        let held = try FileDescriptor.open(folder[SetJournal.name.string], .readOnly)
        defer { try? held.close() }
        #expect(flock(held.rawValue, LOCK_EX) == 0)
        let before = try FileSystem.names(in: folder.path)
        #expect(!SetJournal.recover(folder.path))
        #expect(try FileSystem.names(in: folder.path) == before)
    }

    /// An empty file staged for a name that is given up, and the step.
    private func givingUp(_ name: String, _ number: Int) throws -> SetJournal.Step {
        func hidden(_ number: Int) throws -> FilePath.Component { try #require(.init(".isomer-\(Self.dead)-1-\(number).partial")) }
        try folder.file(name, Array("old \(name)".utf8))
        let staged = try hidden(number)
        let identity = try FileSystem.identity(of: folder.file(staged.string, []))
        return SetJournal.Step(
            name: try #require(.init(name)), staged: staged, aside: try hidden(number + 100), replaces: true, removes: true,
            inode: identity.inode, modified: identity.modified)
    }

    /// Names that are given up come back with the others, and stay away once all of them count: killed anywhere, with an old index that is
    /// replaced or without one.
    @Test(arguments: [true, false], [true, false]) func namesThatAreGivenUp(isReplaced: Bool, exchanges: Bool) throws {
        let kept = isReplaced ? Self.files : []
        let gone = ["gone", "part"]
        func prepare() throws -> [() -> Void] {
            for file in Self.files + gone { unlink(folder[file].string) }
            let journal = try journal([isReplaced, isReplaced, isReplaced])
            let steps = try gone.enumerated().map { try givingUp($1, 50 + $0) }
            let all = SetJournal(folder: folder.path, steps: Array(journal.steps.prefix(1)) + steps + journal.steps.dropFirst())
            try folder.file(SetJournal.name.string, all.encoded)
            let paths = gone.map { folder[$0].string }
            return renames(all, exchanges: exchanges) + paths.map { path in { unlink(path) } }
        }
        let count = try prepare().count
        for stop in 0...count {
            for move in try prepare().prefix(stop) { move() }
            #expect(SetJournal.recover(folder.path))
            #expect(try folder.names == (kept + gone).sorted(), "after \(stop) of \(count)")
            for file in kept + gone { #expect(try folder.bytes(file) == Array("old \(file)".utf8)) }
        }
        // After a power cut that brought the journal back, when some of what was old is gone.
        for move in try prepare() { move() }
        unlink(folder[".isomer-\(Self.dead)-1-\(exchanges ? 50 : 150).partial"].string)
        #expect(SetJournal.recover(folder.path))
        #expect(try folder.names == Self.files)
        #expect(try folder.bytes("index") == Array("new index".utf8))
    }

    /// A file is without its name for a moment where files cannot be exchanged, and in the end if the name is given up, as an index is where one
    /// file takes the place of its set. Who opens it or asks for it by that name finds it.
    @Test(arguments: [true, false]) func whoNamesAMissingFileTakesTheStepsBack(isGivenUp: Bool) throws {
        let name = isGivenUp ? "gone" : "index"
        func prepare() throws {
            for file in Self.files + [name] { unlink(folder[file].string) }
            let journal = try journal([true, true, true])
            guard isGivenUp else { return renames(journal, exchanges: false)[0]() }
            let all = SetJournal(
                folder: folder.path, steps: journal.steps.prefix(1) + [try givingUp(name, 50)] + journal.steps.dropFirst())
            try folder.file(SetJournal.name.string, all.encoded)
            for step in renames(all, exchanges: true) { step() }
            unlink(folder[name].string)
        }
        try prepare()
        #expect(!FileSystem.exists(folder[name]))
        #expect(try ReadableFile(folder[name]).contents(limit: 100) == Array("old \(name)".utf8))
        #expect(try folder.names == Set(Self.files + [name]).sorted())
        try prepare()
        #expect(try FileSystem.kind(of: folder[name]) == .file)
        #expect(try folder.names == Set(Self.files + [name]).sorted())
        #expect(try FileSystem.kind(of: folder["another"]) == nil)
        #expect(throws: IsomerError.self) { try ReadableFile(folder["another"]) }
    }

    @Test func whatIsObsoleteGoesWithTheOldSet() throws {
        for name in ["a", "index", "old", "other"] { try folder.file(name, Array("old \(name)".utf8)) }
        symlink("other", folder["link"].string)
        func write(_ names: [String], _ obsolete: [FilePath]) throws {
            let files = try names.map { try AtomicFile(path: folder[$0], byteCount: nil, overwrite: true) }
            for file in files { try file.file.write(Array("new".utf8), at: 0) }
            try AtomicFile.commitTogether(files, removing: obsolete)
        }
        #expect(throws: IsomerError.self) { try write(["a", "b", "index"], [folder["further/old"]]) }
        #expect(try folder.names == ["a", "index", "link", "old", "other"])
        // Of a link the name goes, and what it leads to stays.
        try write(["a", "b", "index"], [folder["old"], folder["never"], folder["link"]])
        #expect(try folder.names == ["a", "b", "index", "other"])
        #expect(try folder.bytes("index") == Array("new".utf8) && folder.bytes("other") == Array("old other".utf8))
        try write(["one"], ["a", "b", "index"].map { folder[$0] })
        #expect(try folder.names == ["one", "other"])
    }

    /// What is no journal of ours moves nothing: names that lead elsewhere, hidden ones of another kind, cut short, not a file.
    @Test func whatIsNoJournalIsLeftAlone() throws {
        let good = try journal([true, false, false]).encoded
        let texts = [
            "", "isomer set 1", "isomer set 1\0end\0x", String(decoding: good.dropLast(5), as: UTF8.self),
            "isomer set 1\0../a\0.isomer-4194305-1-0.partial\0.isomer-4194305-1-1.partial\01\01\01\0end\0",
            "isomer set 1\0b\0a\0.isomer-4194305-1-1.partial\01\01\01\0end\0",
            "isomer set 1\0b\0.isomer-4194305-1-0.partial\0a\01\01\01\0end\0",
            "isomer set 1\0b\0.isomer-4194305-1-0.partial\0.isomer-4194305-1-1.partial\01\0-1\01\0end\0",
        ]
        for text in texts {
            try folder.file(SetJournal.name.string, Array(text.utf8))
            let before = try FileSystem.names(in: folder.path)
            #expect(!SetJournal.recover(folder.path))
            #expect(try FileSystem.names(in: folder.path) == before)
        }
        unlink(folder[SetJournal.name.string].string)
        try folder.link(SetJournal.name.string, to: "a")
        #expect(!SetJournal.recover(folder.path))
    }
}
