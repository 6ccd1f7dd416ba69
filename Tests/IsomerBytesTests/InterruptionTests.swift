import IsomerTestSupport
import Testing

@testable import IsomerBytes

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// What a second signal removes.
@Suite struct InterruptionTests {
    private static let status = 128 + SIGTERM

    /// Whatever the test's process does with signals otherwise.
    private static func stopTwice() {
        var none = sigset_t()
        sigemptyset(&none)
        pthread_sigmask(SIG_SETMASK, &none, nil)
        signal(SIGTERM, SIG_DFL)
        Interruption.install()
        raise(SIGTERM)
        raise(SIGTERM)
    }

    @Test func aSecondSignalRemovesTemporaries() async throws {
        let folder = try TemporaryFolder()
        let path: String = try folder.file("temporary", [1, 2, 3]).string
        await #expect(processExitsWith: .exitCode(Self.status)) { [path = path as String] in
            let temporary = RegisteredTemporary(file: FilePath(path))
            Self.stopTwice()
            _ = consume temporary
        }
        #expect(!FileSystem.exists(FilePath(path)))
    }

    /// Where names are exchanged, a temporary may be all that is left of a file that was there before.
    @Test func aSecondSignalLeavesTemporariesThatAreHeld() async throws {
        let folder = try TemporaryFolder()
        let path: String = try folder.file("temporary", [1, 2, 3]).string
        await #expect(processExitsWith: .exitCode(Self.status)) { [path = path as String] in
            let temporary = RegisteredTemporary(file: FilePath(path))
            // Held twice and let go once.
            Interruption.holdTemporaries()
            Interruption.holdTemporaries()
            Interruption.letTemporariesGo()
            Self.stopTwice()
            _ = consume temporary
        }
        #expect(FileSystem.exists(FilePath(path)))
    }
}
