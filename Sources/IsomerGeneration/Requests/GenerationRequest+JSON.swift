public import IsomerBytes

extension GenerationRequest {
    /// The request as JSON; what stands as it stands by default is left away.
    public var json: JSONValue {
        let usual = GenerationRequest()
        var object: JSONObject = [:]
        func put(_ key: String, _ value: String?) { object[key] = value.map { .string($0) } }
        func put(_ key: String, _ value: Int?) { object[key] = value.map { .number(JSONNumber($0)) } }
        func put(_ key: String, _ value: Double?, unless usual: Double? = nil) {
            if let value, value != usual { object[key] = .number(JSONNumber(value)) }
        }
        put("prompt", prompt)
        put("negativePrompt", negativePrompt)
        if syntax != usual.syntax { put("syntax", syntax.rawValue) }
        if clipSkip != usual.clipSkip { put("clipSkip", clipSkip) }
        put("textTokens", textTokens)
        put("width", width)
        put("height", height)
        put("steps", steps)
        put("sampler", sampler)
        put("schedule", schedule)
        put("spacing", spacing)
        put("samplerCompatibility", samplerCompatibility)
        put("eta", eta)
        put("guidanceScale", guidanceScale)
        put("guidanceRescale", guidanceRescale, unless: usual.guidanceRescale)
        put("guidanceStart", guidanceStart, unless: usual.guidanceStart)
        put("guidanceEnd", guidanceEnd, unless: usual.guidanceEnd)
        put("imageGuidanceScale", imageGuidanceScale, unless: usual.imageGuidanceScale)
        object["seed"] = .number(JSONNumber(seed))
        if randomness != usual.randomness { put("noise", randomness.rawValue) }
        if samplerSeedOffset != 0 { object["samplerSeedOffset"] = .number(JSONNumber(samplerSeedOffset)) }
        object["variation"] = variation?.json
        put("picture", picture?.string)
        put("strength", strength)
        put("mask", mask?.string)
        if !controls.isEmpty { object["controls"] = .array(controls.map(\.json)) }
        if !adapters.isEmpty { object["adapters"] = .array(adapters.map(\.json)) }
        if !embeddings.isEmpty { object["embeddings"] = .array(embeddings.map { .string($0.string) }) }
        object["refiner"] = refiner?.json
        object["enlargement"] = enlargement?.json
        return .object(object)
    }

    /// Reads what `json` wrote.
    ///
    /// Throws `malformed` for anything else, and `usage` for numbers that make no sense.
    public init(_ json: JSONCursor) throws(IsomerError) {
        self.init()
        func text(_ key: String) throws(IsomerError) -> String? { try json.optional(key)?.string() }
        func path(_ key: String) throws(IsomerError) -> FilePath? { try text(key).map { FilePath($0) } }
        func number(_ key: String) throws(IsomerError) -> Double? { try json.optional(key)?.double() }
        func integer(_ key: String) throws(IsomerError) -> Int? { try json.optional(key)?.integer(in: 0...1 << 20) }
        func word<Value: RawRepresentable<String>>(_ key: String, or usual: Value) throws(IsomerError) -> Value {
            guard let field = try json.optional(key) else { return usual }
            guard let value = Value(rawValue: try field.string()) else { throw field.failure("the word is not known") }
            return value
        }
        prompt = try text("prompt") ?? ""
        negativePrompt = try text("negativePrompt")
        syntax = try word("syntax", or: syntax)
        clipSkip = try integer("clipSkip") ?? clipSkip
        textTokens = try integer("textTokens")
        (width, height, steps) = (try integer("width"), try integer("height"), try integer("steps"))
        (sampler, schedule, spacing) = (try text("sampler"), try text("schedule"), try text("spacing"))
        samplerCompatibility = try text("samplerCompatibility")
        eta = try number("eta")
        guidanceScale = try number("guidanceScale")
        guidanceRescale = try number("guidanceRescale") ?? guidanceRescale
        guidanceStart = try number("guidanceStart") ?? guidanceStart
        guidanceEnd = try number("guidanceEnd") ?? guidanceEnd
        imageGuidanceScale = try number("imageGuidanceScale") ?? imageGuidanceScale
        seed = try json.required("seed").unsigned()
        randomness = try word("noise", or: randomness)
        samplerSeedOffset = try json.optional("samplerSeedOffset")?.unsigned() ?? 0
        if let inner = try json.optional("variation") { variation = try InitialNoise.Variation(inner) }
        (picture, mask) = (try path("picture"), try path("mask"))
        strength = try number("strength")
        for inner in try json.optional("controls")?.elements() ?? [] { controls.append(try Control(inner)) }
        for inner in try json.optional("adapters")?.elements() ?? [] { adapters.append(try AddedFile(inner)) }
        for inner in try json.optional("embeddings")?.elements() ?? [] { embeddings.append(FilePath(try inner.string())) }
        if let inner = try json.optional("refiner") { refiner = try Refiner(inner) }
        if let inner = try json.optional("enlargement") { enlargement = try Enlargement(inner) }
        try check()
    }
}
