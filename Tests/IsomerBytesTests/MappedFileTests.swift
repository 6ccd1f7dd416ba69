import IsomerBytes
import Testing

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

@Suite struct MappedFileTests {
    let folder: TemporaryFolder
    init() throws { folder = try TemporaryFolder() }

    @Test func lendsTheWholeFile() throws {
        let bytes = (0..<10_000).map { UInt8(truncatingIfNeeded: $0) }
        let mapped = try MappedFile(ReadableFile(folder.file("file", bytes)))
        #expect(try mapped.withBytes { Array($0) } == bytes)
    }

    @Test func anEmptyFileIsEmptyMemory() throws {
        let mapped = try MappedFile(ReadableFile(folder.file("file", [])))
        #expect(try mapped.withBytes { $0.count } == 0)
    }

    @Test func aFileCutShortIsAnErrorAndNoSignal() throws {
        let path = try folder.file("file", [UInt8](repeating: 7, count: 100_000))
        let other = try MappedFile(ReadableFile(folder.file("other", [UInt8](repeating: 5, count: 100_000))))
        let mapped = try MappedFile(ReadableFile(path))
        let failure = error {
            _ = try mapped.withBytes { bytes in
                #expect(truncate(path.string, 5000) == 0)
                // Every page of it: those that are gone read as zeros.
                return bytes.reduce(0) { $0 &+ Int($1) }
            }
        }
        #expect(
            failure
                == IsomerError(
                    .cannotRead, "the file became shorter while it was being read", path: path, byteOffset: 5000,
                    expected: "100000 bytes in all", remedy: "wait until it is written, then run again"))
        #expect(try other.withBytes { $0.allSatisfy { $0 == 5 } })
    }

    @Test func damageIsToldEvenIfTheFileGrewBack() throws {
        let path = try folder.file("file", [UInt8](repeating: 7, count: 100_000))
        let mapped = try MappedFile(ReadableFile(path))
        let failure = error {
            _ = try mapped.withBytes { bytes in
                #expect(truncate(path.string, 0) == 0)
                let sum = bytes.reduce(0) { $0 &+ Int($1) }
                #expect(truncate(path.string, 100_000) == 0)
                return sum
            }
        }
        #expect(failure?.what == "a part of the file could not be read")
    }

    #if os(Linux)
        @Test func anySigbusElsewhereStillEndsTheProcess() async throws {
            await #expect(processExitsWith: .signal(SIGBUS)) {
                let folder = try TemporaryFolder()
                let path = try folder.file("file", [UInt8](repeating: 7, count: 100_000))
                let mapped = try MappedFile(ReadableFile(path))
                let file = try FileDescriptor.open(path, .readOnly)
                guard let foreign = mmap(nil, 100_000, PROT_READ, MAP_PRIVATE, file.rawValue, 0), foreign != MAP_FAILED else { return }
                truncate(path.string, 0)
                // The folder would stay: this process does not come to its end.
                unlink(path.string)
                rmdir(folder.path.string)
                let value = foreign.load(fromByteOffset: 50_000, as: UInt8.self)
                print(value, mapped)
            }
        }
    #endif
}
