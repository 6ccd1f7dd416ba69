import IsomerBytes
import IsomerConversion
import IsomerFormats
import IsomerTensors
import Testing

/// Single networks between their library's folder and their original file, against what the library makes of that file.
@Suite struct ComponentConversionTests {
    private let folder: TemporaryFolder
    init() throws { folder = try TemporaryFolder() }

    /// Every folder of `Fixtures/components`.
    static let names: [String] = {
        let entries = (try? FileSystem.entries(of: Fixtures["components"])) ?? []
        return entries.map(\.string).filter { !$0.contains(".") }.sorted()
    }()

    private func weights(_ folder: FilePath) throws -> FilePath {
        let name = try #require(try FileSystem.entries(of: folder).first { $0.string.hasSuffix(".safetensors") })
        return folder.appending(name)
    }

    @Test func thereAreFixtures() { #expect(Self.names.count >= 15) }

    @Test(arguments: names) func foldersBecomeThePeersFile(name: String) throws {
        let source = Fixtures["components/\(name)"]
        let output = try folder.convert(ConversionRequest(source: source), to: .checkpoint(.safetensors), "out.safetensors")
        let expected = try golden(Fixtures["components/\(name).checkpoint.txt"])
        #expect(try sums(output).symmetricDifference(expected) == [])
    }

    @Test(arguments: names) func filesComeBackAsFolders(name: String) throws {
        let source = Fixtures["components/\(name)"]
        let there = try folder.convert(ConversionRequest(source: source), to: .checkpoint(.safetensors), "there.safetensors")
        var request = ConversionRequest(source: there)
        request.configuration = source
        let back = try folder.convert(request, to: .diffusers, "back")
        #expect(try sums(weights(back)).symmetricDifference(sums(weights(source))) == [])
    }

    @Test(arguments: names) func shapesTellTheSameTensorsAsTheConfiguration(name: String) throws {
        let source = Fixtures["components/\(name)"]
        let there = try folder.convert(ConversionRequest(source: source), to: .checkpoint(.safetensors), "there.safetensors")
        let again = try folder.convert(ConversionRequest(source: there), to: .checkpoint(.safetensors), "again.safetensors")
        #expect(try sums(again) == sums(there))
    }
}
