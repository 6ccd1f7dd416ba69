// swift-tools-version: 6.2
import PackageDescription

// Built by `run` with the sanitizers' flags, which a package that others depend on could not have.
let package = Package(
    name: "isomer-fuzz",
    platforms: [.macOS(.v26)],
    dependencies: [.package(name: "isomer", path: "../..")],
    targets: [.executableTarget(name: "isomer-fuzz", dependencies: [.product(name: "IsomerKit", package: "isomer")])]
)
