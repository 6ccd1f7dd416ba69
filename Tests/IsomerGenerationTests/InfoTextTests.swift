import IsomerBytes
import IsomerGeneration
import Testing

@Suite struct InfoTextTests {
    @Test func aTextOfAnImageIsRead() {
        let info = InfoText(
            parsing: """
                a castle, (stone:1.2), <lora:x:0.8>
                at night: blue
                Negative prompt: blurry, low quality
                second line
                Steps: 20, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 7, Seed: 965400086, Size: 512x768, Model hash: 6ce0161689, \
                Model: v1-5, Lora hashes: "x: 1234, y: 5678", Version: v1.10.1
                """)
        #expect(info.prompt == "a castle, (stone:1.2), <lora:x:0.8>\nat night: blue")
        #expect(info.negativePrompt == "blurry, low quality\nsecond line")
        #expect(info["Lora hashes"] == "x: 1234, y: 5678")
        #expect(info["Size"] == "512x768")
        #expect(
            info.fields.map(\.name) == [
                "Steps", "Sampler", "Schedule type", "CFG scale", "Seed", "Size", "Model hash", "Model", "Lora hashes", "Version",
            ])
    }

    @Test(arguments: [
        ("", "", ""), ("just words", "just words", ""), ("a: 1, b: 2", "a: 1, b: 2", ""), ("Negative prompt: x", "", "x"),
        ("Negative prompt:", "", ""), ("\n\n a \n\n", "a", ""), ("a\nNegative prompt: b\nNegative prompt: c", "a", "b\nc"),
        ("steps: 20, seed: 4", "steps: 20, seed: 4", ""),
    ])
    func whatIsNoFieldIsThePrompt(text: String, prompt: String, negative: String) {
        #expect(InfoText(parsing: text) == InfoText(prompt: prompt, negativePrompt: negative))
    }

    /// As Python's `re.findall` with A1111's expression finds them.
    @Test(arguments: [
        ("Steps: 1, Seed: 2, X: 3, Size: 8x8", ["Steps=1", "Seed=2", "Size=8x8"]),
        (#"Aa: "x, y", Bb: "q"r, Cc: , Dd:z"#, ["Aa=x, y", #"Bb="q"r"#, "Cc=", "Dd=z"]),
        (#"Aa: "\"in\" \\ \u00e9", Bb: ", Cc: 1"#, [#"Aa="in" \ é"#, #"Bb=""#, "Cc=1"]),
        (#"Aa: "broken \q", Bb: 1, Cc: 2"#, [#"Aa="broken \q""#, "Bb=1", "Cc=2"]),
        ("!! Aa/b-c d: 1, ?Bb: 2, ünï: 3", ["Aa/b-c d=1", "Bb=2", "ünï=3"]), (#"Aa: "", Bb: 1, Cc: 2"#, ["Aa=", "Bb=1", "Cc=2"]),
    ])
    func fieldsAreFoundAsA1111FindsThem(line: String, fields: [String]) {
        #expect(InfoText(parsing: "p\n" + line).fields.map { "\($0.name)=\($0.value)" } == fields)
    }

    @Test func whatIsWrittenReadsBack() {
        var info = InfoText(prompt: "a cat, \"quoted\"\nsecond: line", negativePrompt: "bad\nworse")
        info.fields = [
            .init("Steps", "20"), .init("Odd", "a, b: \"c\"\n\\d"), .init("Unicode", "é: 漢字"), .init("Plain \"quotes\"", "x"),
            .init("Seed", "1"),
        ]
        info.fields.remove(at: 3)
        #expect(InfoText(parsing: info.text) == info)
    }

    /// Without a limit on the time a long run of letters would take, a picture could stop its reader.
    @Test func timeGrowsWithTheTextsLength() {
        let clock = ContinuousClock()
        let text = String(repeating: "word ", count: 400_000)
        #expect(clock.measure { _ = InfoText(parsing: text) } < .seconds(20))
        #expect(clock.measure { _ = InfoText(parsing: String(repeating: "a: \"", count: 20_000)) } < .seconds(20))
    }

    @Test func aRequestGoesThereAndBack() throws {
        var request = GenerationRequest()
        request.prompt = "a lighthouse, (storm:1.3)"
        request.negativePrompt = "people"
        request.sampler = "dpmpp-2m-sde"
        request.schedule = "karras"
        request.seed = .max
        request.clipSkip = 2
        request.samplerSeedOffset = 31_337
        request.variation = .init(seed: 7, strength: 0.25)
        request.randomness = .cuda
        var made = InfoText.Circumstances(steps: 25, sampler: "euler", guidanceScale: 7.5, width: 640, height: 512)
        made.model = "my: model"
        let text = InfoText(request, made).text
        #expect(
            text == """
                a lighthouse, (storm:1.3)
                Negative prompt: people
                Steps: 25, Sampler: DPM++ 2M SDE, Schedule type: Karras, CFG scale: 7.5, Seed: 18446744073709551615, Size: 640x512, \
                Model: "my: model", Variation seed: 7, Variation seed strength: 0.25, Clip skip: 2, ENSD: 31337
                """)
        let (back, unknown) = try InfoText(parsing: text).request()
        request.steps = 25
        request.guidanceScale = 7.5
        (request.width, request.height) = (640, 512)
        request.sampler = "DPM++ 2M SDE"
        #expect(back == request)
        #expect(unknown == [])
    }

    @Test func whatIsNotDoneIsNamed() throws {
        let info = InfoText(
            parsing: "x\nSteps: 8, Sampler: Euler a, Seed: 3, Face restoration: GFPGAN, Hires upscale: 1.5, Denoising strength: 0.4")
        let (request, unknown) = try info.request()
        #expect(unknown == ["Face restoration"])
        #expect(request.enlargement == .init(factor: 1.5, strength: 0.4))
        #expect(request.strength == nil && request.randomness == .cuda)
    }

    @Test(arguments: ["Steps: many", "Seed: -1", "Size: 512", "CFG scale: nan", "Sampler: Magic", "Steps: 0", "Eta: 7"])
    func nonsenseIsRefused(
        field: String
    ) {
        #expect(throws: IsomerError.self) { _ = try InfoText(parsing: "p\n\(field), Aa: 1, Bb: 2").request() }
    }
}
