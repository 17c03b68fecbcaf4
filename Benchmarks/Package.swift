// swift-tools-version: 6.2
import PackageDescription

// A package of its own, so that a user's build of Martlet does not build it.
let package = Package(
    name: "martlet-benchmarks",
    platforms: [.macOS(.v15)],
    dependencies: [.package(name: "martlet", path: "../")],
    targets: [
        .executableTarget(
            name: "Micro",
            dependencies: [
                .product(name: "MIMECore", package: "martlet"),
                .product(name: "IMAPCore", package: "martlet"),
                .product(name: "SieveCore", package: "martlet"),
                .product(name: "VolumeLog", package: "martlet"),
            ],
            swiftSettings: [.swiftLanguageMode(.v6)]),
        .systemLibrary(name: "CLoad", providers: [.apt(["libssl-dev"])]),
        .executableTarget(name: "Load", dependencies: ["CLoad"], swiftSettings: [.swiftLanguageMode(.v6)]),
        .executableTarget(
            name: "Volume",
            dependencies: [.product(name: "MailStore", package: "martlet")],
            swiftSettings: [.swiftLanguageMode(.v6)]),
    ]
)
