public import IsomerBytes

extension ModelFamily {
    /// Every family that is known.
    public static let all: [ModelFamily] = [
        stableDiffusion1, stableDiffusion2, stableDiffusionXL, stableDiffusionXLRefiner, stableDiffusion3, flux, pixArt, auraFlow,
        controlNet, fluxControlNet, sd3ControlNet, t2iAdapter, vae, tinyVAE, clip, t5,
    ]

    /// The family called `identifier`.
    public static func named(_ identifier: String) -> ModelFamily? {
        all.first { $0.identifier == identifier }
    }

    /// The member called `identifier`, with its family.
    public static func member(_ identifier: String) -> (family: ModelFamily, member: ModelMember)? {
        for family in all {
            if let member = family.members.first(where: { $0.identifier == identifier }) { return (family, member) }
        }
        return nil
    }

    /// The family that a user means by `name`: the family's own name or a member's. Throws `usage` if there is none.
    public static func meant(by name: String) throws(IsomerError) -> ModelFamily {
        if let family = named(name) ?? member(name)?.family { return family }
        throw IsomerError(
            .usage, "there is no architecture of this name", found: name,
            remedy: "choose one of \(all.map(\.identifier).joined(separator: ", "))")
    }
}
