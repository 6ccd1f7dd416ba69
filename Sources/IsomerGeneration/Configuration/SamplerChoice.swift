public import IsomerBytes

/// A sampler by name, and what the name says beyond the method.
public struct SamplerChoice: Hashable, Sendable {
    /// What it is called on the command line: `dpmpp-2m-sde`.
    public let name: String
    /// What it is called in A1111's web interface and in the texts that it writes into images, if it has that sampler: `DPM++ 2M SDE`.
    public let title: String?
    public let method: SamplerMethod
    /// Fields of diffusers' `scheduler_config.json` that stand for what is in the model's.
    public let settings: JSONObject
    /// How the levels of noise are spread, where that is said.
    public var distribution: SigmaSpacing?
    /// Which training steps are taken, where that is said.
    public var spacing: TimestepSpacing?

    private init(_ name: String, _ title: String?, _ method: SamplerMethod, _ settings: JSONObject = [:]) {
        self.name = name
        self.title = title
        self.method = method
        self.settings = settings
    }

    /// All of them, without levels.
    ///
    /// Reference: diffusers 0.42's documentation, "Schedulers", for the settings that A1111's names stand for.
    public static let all: [SamplerChoice] = [
        SamplerChoice("ddim", "DDIM", .ddim),
        SamplerChoice("ddpm", nil, .ddpm),
        SamplerChoice("pndm", nil, .pndm, ["skip_prk_steps": false]),
        SamplerChoice("plms", "PLMS", .pndm, ["skip_prk_steps": true]),
        SamplerChoice("lms", "LMS", .lms),
        SamplerChoice("euler", "Euler", .euler),
        SamplerChoice("euler-a", "Euler a", .eulerAncestral),
        SamplerChoice("heun", "Heun", .heun),
        SamplerChoice("dpm2", "DPM2", .dpm2),
        SamplerChoice("dpm2-a", "DPM2 a", .dpm2Ancestral),
        SamplerChoice("dpmpp-2m", "DPM++ 2M", .dpmSolver, solver()),
        SamplerChoice("dpmpp-2m-sde", "DPM++ 2M SDE", .dpmSolver, solver("sde-dpmsolver++")),
        SamplerChoice("dpmpp-2m-sde-heun", "DPM++ 2M SDE Heun", .dpmSolver, solver("sde-dpmsolver++", way: "heun")),
        SamplerChoice("dpmpp-3m-sde", "DPM++ 3M SDE", .dpmSolver, solver("sde-dpmsolver++", order: 3)),
        SamplerChoice("dpmpp-2s", nil, .dpmSolverSingle, solver()),
        SamplerChoice("dpmpp-sde", "DPM++ SDE", .dpmSolverSDE),
        SamplerChoice("unipc", "UniPC", .uniPC),
        SamplerChoice("lcm", "LCM", .lcm),
        SamplerChoice("tcd", nil, .tcd),
        SamplerChoice("flow-euler", nil, .flowEuler),
    ]

    private static func solver(_ algorithm: String = "dpmsolver++", order: Int = 2, way: String = "midpoint") -> JSONObject {
        [
            "algorithm_type": .string(algorithm), "solver_order": .number(JSONNumber(order)), "solver_type": .string(way),
            "final_sigmas_type": "zero",
        ]
    }

    /// Words after a name that say how the levels are spread.
    private static let endings: [(String, SigmaSpacing)] = [
        ("karras", .karras), ("exponential", .exponential), ("beta", .beta), ("uniform", .schedule), ("ays", .alignYourSteps),
        ("align your steps", .alignYourSteps),
    ]

    /// The sampler of a name: one of `all`, A1111's title with or without a word for the levels ("DPM++ 2M Karras", also
    /// "dpmpp-2m-karras"), or a class of diffusers. Upper and lower case, and `-`, `_` and spaces, are alike.
    ///
    /// - Throws: `usage` with all names that there are.
    public init(named text: String) throws(IsomerError) {
        let wanted = Self.folded(text)
        if let found = Self.find(wanted) {
            self = found
            return
        }
        for (word, distribution) in Self.endings {
            guard wanted.hasSuffix(" " + word), var found = Self.find(String(wanted.dropLast(word.utf8.count + 1))), found.method.hasLevels
            else { continue }
            found.distribution = distribution
            self = found
            return
        }
        throw IsomerError(
            .usage, "there is no such sampler",
            expected: Self.all.map(\.name).joined(separator: ", ") + ", followed by -karras, -exponential, -beta or -ays where the sampler "
                + "has levels of noise, A1111's name, or the name of a class of diffusers", found: text)
    }

    private static func find(_ wanted: String) -> SamplerChoice? {
        all.first { folded($0.name) == wanted || $0.title.map(folded) == wanted }
            ?? SamplerMethod.allCases.first { folded($0.rawValue) == wanted }.map { SamplerChoice($0.rawValue, nil, $0) }
    }

    private static func folded(_ text: String) -> String {
        String(text.lowercased().map { $0 == "-" || $0 == "_" ? " " : $0 }).split(separator: " ").joined(separator: " ")
    }
}
