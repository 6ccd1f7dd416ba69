// swift-tools-version: 6.2
import PackageDescription

let package = Package(
    name: "tokenizer-benchmark",
    platforms: [.macOS(.v26)],
    dependencies: [.package(name: "isomer", path: "../../..")],
    targets: [.executableTarget(name: "tokenizer-benchmark", dependencies: [.product(name: "IsomerKit", package: "isomer")])]
)
