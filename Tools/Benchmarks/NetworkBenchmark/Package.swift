// swift-tools-version: 6.2
import PackageDescription

let package = Package(
    name: "network-benchmark",
    platforms: [.macOS(.v26)],
    dependencies: [.package(name: "isomer", path: "../../..")],
    targets: [
        .target(name: "MultiplyAdds"),
        .executableTarget(name: "network-benchmark", dependencies: ["MultiplyAdds", .product(name: "IsomerKit", package: "isomer")]),
    ]
)
