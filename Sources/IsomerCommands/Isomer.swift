public import ArgumentParser

/// The command `isomer`.
public struct Isomer: ParsableCommand {
    public static let configuration = CommandConfiguration(
        commandName: "isomer",
        abstract: "Read, check and convert every file a diffusion model is published in."
    )

    public init() {}
}
