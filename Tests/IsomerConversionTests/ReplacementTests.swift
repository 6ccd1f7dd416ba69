import IsomerBytes
import IsomerFormats
import IsomerTensors
import Testing

@testable import IsomerConversion

/// Components taken from other files.
@Suite struct ReplacementTests {
    private func request(_ model: String, _ replacements: [String: String]) -> ConversionRequest {
        var request = ConversionRequest(source: Fixtures["models/" + model])
        request.replacements = replacements.mapValues { Fixtures["models/" + $0] }
        return request
    }

    @Test func anotherModelsUNetGoesIn() throws {
        let model = try Model(request("sd15-tiny", ["unet": "sd15-inpaint-tiny"]))
        let (own, other) = (try Model(request("sd15-tiny", [:])), try Model(request("sd15-inpaint-tiny", [:])))
        func bytes(_ model: Model, _ slot: String) throws -> [String: [UInt8]] {
            let source = try model.canonicalTensors()
            return try source.tensors.enumerated().reduce(into: [:]) { all, entry in
                guard entry.element.name.hasPrefix(slot + "/") else { return }
                all[entry.element.name] = try source.bytes(of: entry.offset)
            }
        }
        #expect(try bytes(model, "unet") == bytes(other, "unet") && bytes(model, "unet") != bytes(own, "unet"))
        for slot in ["vae", "text_encoder"] { #expect(try bytes(model, slot) == bytes(own, slot)) }
    }

    /// What makes no model of the family is refused, and why.
    @Test(arguments: [
        ("sd15-tiny", "unet", "sdxl-tiny", "not true that the UNet has no size input"),
        ("sd15-tiny", "vae", "flux-dev-tiny", "it has other latent channels"),
        ("sd15-tiny", "text_encoder", "sd21-tiny", "it has other numbers for a token"),
        ("sdxl-tiny", "unet", "sd15-tiny", "not true that the UNet has a size input"),
        ("flux-dev-tiny", "vae", "sd15-tiny", "it has other latent channels"),
        ("sd15-tiny", "unet", "flux-dev-tiny", "there is no UNet in it"),
    ])
    func strangersAreRefused(_ model: String, _ slot: String, _ other: String, _ reason: String) throws {
        let error = try #require(throws: IsomerError.self) { try Model(request(model, [slot: other])) }
        #expect(error.code == .mismatch && error.what.contains(reason), "\(error)")
        #expect(error.location.path == Fixtures["models/" + other])
    }
}
