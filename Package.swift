// swift-tools-version: 6.2
import PackageDescription

// Only continuous integration turns warnings into errors, so that a newer compiler's new warning never breaks a user's build.
let isStrict = Context.environment["ISOMER_WARNINGS_AS_ERRORS"] != nil

let swiftSettings: [SwiftSetting] =
    [
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("InternalImportsByDefault"),
        .enableUpcomingFeature("MemberImportVisibility"),
    ] + (isStrict ? [.treatAllWarnings(as: .error)] : [])

let cSettings: [CSetting] = isStrict ? [.treatAllWarnings(as: .error)] : []

/// One of the house's own Swift modules. Its tests are in `Tests/<name>Tests`.
func module(_ name: String, _ dependencies: [Target.Dependency], exclude: [String] = []) -> Target {
    .target(name: name, dependencies: dependencies, exclude: exclude, swiftSettings: swiftSettings)
}

func tests(of name: String, _ dependencies: [Target.Dependency] = [], exclude: [String] = []) -> Target {
    .testTarget(
        name: "\(name)Tests", dependencies: [.byName(name: name), "IsomerTestSupport"] + dependencies, exclude: exclude,
        swiftSettings: swiftSettings)
}

let argumentParser: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")
let crypto: Target.Dependency = .product(name: "Crypto", package: "swift-crypto")
let yams: Target.Dependency = .product(name: "Yams", package: "Yams")
let system: Target.Dependency = .product(name: "SystemPackage", package: "swift-system")

let package = Package(
    name: "isomer",
    platforms: [.macOS(.v26)],
    products: [
        .library(name: "IsomerKit", targets: ["IsomerKit"]),
        .executable(name: "isomer", targets: ["isomer-cli"]),
    ],
    traits: [
        // libwebp is not everywhere that libjpeg and libpng are.
        .trait(name: "WebP", description: "Read WebP pictures, by libwebp.")
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        // SHA-256 with the CPU's own instructions.
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        // The original repositories describe their models in YAML.
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
        // File paths that are not assumed to be Unicode, and errno as typed errors.
        .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
    ],
    targets: [
        // Arrows point down only: a target depends on targets above it in this list.
        .target(name: "CKernels", cSettings: cSettings),
        .target(name: "CBytes", cSettings: cSettings),
        // Compressed tables in the binary, by way of `#embed`.
        .target(name: "CEmbedded", exclude: ["Data"], cSettings: cSettings),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"]), .brew(["zlib"])]),
        // libjpeg and libpng leave a failed call by longjmp, which must not cross Swift frames: these targets turn it into returned values.
        .target(name: "CJPEG", cSettings: cSettings, linkerSettings: [.linkedLibrary("jpeg")]),
        .target(name: "CPNG", cSettings: cSettings, linkerSettings: [.linkedLibrary("png")]),

        // Only built with the trait.
        .systemLibrary(name: "CWebP", providers: [.apt(["libwebp-dev"]), .brew(["webp"])]),

        module("IsomerBytes", ["CBytes", "CZlib", system]),
        module("IsomerTensors", ["IsomerBytes", "CKernels"]),
        module("IsomerFormats", ["IsomerTensors", "IsomerBytes"]),
        module("IsomerTokenizers", ["IsomerBytes", "CEmbedded"]),
        module("IsomerArchitectures", ["IsomerBytes", "IsomerTensors"]),
        module("IsomerMapping", ["IsomerArchitectures", "IsomerBytes", "IsomerTensors"]),
        module(
            "IsomerImages",
            [
                "IsomerBytes", "CEmbedded", "CKernels", "CJPEG", "CPNG", "CZlib", crypto,
                .target(name: "CWebP", condition: .when(traits: ["WebP"])),
            ]),
        module(
            "IsomerConversion",
            ["IsomerFormats", "IsomerTokenizers", "IsomerMapping", "IsomerArchitectures", "IsomerTensors", "IsomerBytes", crypto, yams]),
        module("IsomerCompute", ["IsomerTensors", "IsomerBytes", "CKernels"]),
        module("IsomerNetworks", ["IsomerCompute", "IsomerArchitectures", "IsomerTensors", "IsomerBytes"]),

        module(
            "IsomerGeneration",
            [
                "IsomerNetworks", "IsomerCompute", "IsomerImages", "IsomerConversion", "IsomerMapping", "IsomerArchitectures",
                "IsomerTokenizers", "IsomerTensors", "IsomerBytes",
            ]),

        module(
            "IsomerKit",
            [
                "IsomerBytes", "IsomerImages", "IsomerTensors", "IsomerFormats", "IsomerTokenizers", "IsomerArchitectures", "IsomerMapping",
                "IsomerConversion", "IsomerCompute", "IsomerNetworks", "IsomerGeneration",
            ]),
        module(
            "IsomerCommands",
            [
                "IsomerGeneration", "IsomerNetworks", "IsomerCompute", "IsomerImages", "IsomerConversion", "IsomerMapping",
                "IsomerArchitectures", "IsomerTokenizers", "IsomerFormats", "IsomerTensors", "IsomerBytes", argumentParser,
            ],
            exclude: ["Schemas"]),
        .executableTarget(name: "isomer-cli", dependencies: ["IsomerCommands"], swiftSettings: swiftSettings),

        .target(name: "IsomerTestSupport", dependencies: ["IsomerBytes"], path: "Tests/TestSupport", swiftSettings: swiftSettings),
        // Writes what its arguments say; killed, starved and interrupted by the tests and by Tools/Faults.
        .executableTarget(name: "writer-probe", dependencies: ["IsomerBytes"], path: "Tests/WriterProbe", swiftSettings: swiftSettings),
        // Makes files that cost their reader more than their writer; read by the tests and by Tools/Faults/bombs.
        .executableTarget(name: "bomb-maker", dependencies: ["CZlib"], path: "Tests/BombMaker", swiftSettings: swiftSettings),
        tests(of: "IsomerBytes", ["writer-probe"]),
        tests(of: "IsomerTensors"),
        tests(of: "IsomerImages", ["IsomerBytes", "CKernels"]),
        tests(of: "IsomerCompute", ["IsomerTensors", "IsomerBytes"]),
        tests(
            of: "IsomerNetworks",
            ["IsomerCompute", "IsomerMapping", "IsomerArchitectures", "IsomerFormats", "IsomerTensors", "IsomerBytes"]),
        tests(
            of: "IsomerGeneration", ["IsomerConversion", "IsomerCompute", "IsomerImages", "IsomerFormats", "IsomerTensors", "IsomerBytes"]),
        tests(of: "IsomerFormats", ["IsomerTensors", "IsomerBytes", crypto]),
        tests(of: "IsomerTokenizers", ["IsomerBytes", crypto]),
        tests(
            of: "IsomerConversion",
            ["IsomerFormats", "IsomerTokenizers", "IsomerMapping", "IsomerArchitectures", "IsomerTensors", "IsomerBytes", crypto]),
        tests(
            of: "IsomerCommands",
            ["IsomerFormats", "IsomerTokenizers", "IsomerTensors", "IsomerBytes", argumentParser, "isomer-cli", "bomb-maker"],
            exclude: ["Snapshots"]),
        tests(of: "IsomerArchitectures", ["IsomerBytes", "IsomerTensors"]),
        tests(of: "IsomerMapping", ["IsomerArchitectures", "IsomerBytes", "IsomerTensors"]),
        tests(of: "IsomerKit"),
    ]
)
