import IsomerBytes
import IsomerFormats
import IsomerMapping
import IsomerTensors
import Testing

@testable import IsomerConversion

/// Networks whose original form no table of names describes: in two files, or with two tables for one tensor.
@Suite struct PublishedFormTests {
    static let components = Fixtures["components"]
    private let folder: TemporaryFolder
    init() throws { folder = try TemporaryFolder() }

    // MARK: Two files

    @Test(arguments: ["safetensors", "pth"], ["encoder", "decoder"])
    func tinyAutoencodersAreTwoFiles(_ ending: String, _ named: String) throws {
        let source = Self.components.appending("taesd")
        let container = ending == "pth" ? Container.torch() : .safetensors
        try folder.convert(source, to: .checkpoint(container), "my.taesd_\(named).\(ending)")
        let halves = try ["encoder", "decoder"].map { try openWeights(folder["my.taesd_\($0).\(ending)"]) }
        #expect(halves[0].tensors.contains { $0.name == "0.weight" } && !halves[1].tensors.contains { $0.name == "0.weight" })
        // Together they are what the peer's golden lists, under the prefixes of one file.
        let found = try Set(
            zip(["taesd_encoder.", "taesd_decoder."], ["encoder", "decoder"]).flatMap { prefix, half in
                try sums(folder["my.taesd_\(half).\(ending)"]).map { sum in
                    TensorSum(name: prefix + sum.name, type: sum.type, shape: sum.shape, sum: sum.sum)
                }
            })
        #expect(found.symmetricDifference(try golden(Self.components.appending("taesd.checkpoint.txt"))) == [])
        // Either of them leads to the whole.
        for half in ["encoder", "decoder"] {
            let back = try folder.convert(folder["my.taesd_\(half).\(ending)"], to: .diffusers, "back") { $0.configuration = source }
            #expect(back.decisions.contains { $0.subject == "other parts" })
            #expect(
                try sums(folder["back"].appending("diffusion_pytorch_model.safetensors"))
                    == sums(source.appending("diffusion_pytorch_model.safetensors")))
        }
        let summary = try ModelSummary(of: folder["my.taesd_encoder.\(ending)"])
        #expect(summary.family?.identifier == "taesd" && summary.components.allSatisfy(\.missing.isEmpty))
    }

    @Test func ofAnyOtherNameItIsOneFile() throws {
        try folder.convert(Self.components.appending("taesd"), to: .checkpoint(.safetensors), "taesd.safetensors")
        #expect(try openWeights(folder["taesd.safetensors"]).tensors.count == 134)
        #expect(try FileSystem.entries(of: folder.path).count == 1)
    }

    @Test func oneHalfAloneIsNotEnough() throws {
        try folder.convert(Self.components.appending("taesd"), to: .checkpoint(.safetensors), "taesd_encoder.safetensors")
        let bytes = try ReadableFile(folder["taesd_encoder.safetensors"]).contents(limit: 1 << 24)
        let elsewhere = try TemporaryFolder()
        let lone = try elsewhere.file("taesd_encoder.safetensors", bytes)
        let missing = error { _ = try Model(ConversionRequest(source: lone)) }
        #expect(missing?.code == .mismatch && missing?.location.path == lone)
        #expect(missing?.what == "this is only the encoder of a tiny VAE, and its decoder does not lie beside it")
        #expect(missing?.expected == "taesd_decoder.safetensors")
        #expect(try ModelSummary(of: lone).recognised?.title == "the encoder of a tiny VAE")
        try folder.convert(Self.components.appending("vae-4"), to: .checkpoint(.safetensors), "taesd_decoder.safetensors")
        let other = error { _ = try Model(ConversionRequest(source: folder["taesd_encoder.safetensors"])) }
        #expect(other?.what == "this is not the decoder that belongs to taesd_encoder.safetensors")
    }

    // MARK: Two tables

    @Test func theOriginalOfLongCLIPIsReadAndRestored() throws {
        let original = Self.components.appending("long-clip.original.safetensors")
        let expected = Self.components.appending("long-clip")
        func ask(_ request: inout ConversionRequest) {
            request.configuration = expected
            request.keepsExtras = true
        }
        let there = try folder.convert(original, to: .diffusers, "folder", ask)
        #expect(try sums(folder["folder"].appending("model.safetensors")) == sums(expected.appending("model.safetensors")))
        // Rows of both tables have no place there, and are kept.
        #expect(there.setAside.filter { $0.fate == .kept }.map(\.name).contains("positional_embedding_res"))
        try folder.convert(folder["folder"], to: .checkpoint(.safetensors), "back.safetensors")
        #expect(try sums(folder["back.safetensors"]) == sums(original))

        // Without them both tables are the whole.
        try folder.convert(original, to: .diffusers, "bare") { $0.configuration = expected }
        try folder.convert(folder["bare"], to: .checkpoint(.safetensors), "bare.safetensors")
        #expect(try sums(folder["bare.safetensors"]) == golden(Self.components.appending("long-clip.checkpoint.txt")))
    }

    @Test func whatWasTrainedOnStaysTrained() throws {
        // Other positions in the folder win over the tables that were kept.
        let original = Self.components.appending("long-clip.original.safetensors")
        try folder.convert(original, to: .diffusers, "folder") {
            $0.configuration = Self.components.appending("long-clip")
            $0.keepsExtras = true
            $0.scalarType = .f32
        }
        let back = try folder.convert(folder["folder"], to: .checkpoint(.safetensors), "back.safetensors") { $0.scalarType = .f16 }
        // The kept tables have another type than the folder's, so they are not mixed in.
        let names = try openWeights(folder["back.safetensors"]).tensors.map(\.name)
        #expect(names.contains("positional_embedding_res") && back.files[0].tensors.allSatisfy { $0.descriptor.scalarType == .f16 })
        let table = try numbers(openWeights(folder["back.safetensors"]))
        #expect(table["positional_embedding"] == table["positional_embedding_res"])
    }
}
