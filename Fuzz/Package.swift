// swift-tools-version: 6.2
import PackageDescription

// A package of its own, so that nobody who uses Martlet's libraries builds it. See README.md.
let package = Package(
    name: "martlet-fuzz",
    platforms: [.macOS(.v15)],
    dependencies: [.package(name: "martlet", path: "../")],
    targets: [
        .executableTarget(
            name: "FuzzMIME", dependencies: [.product(name: "MIMECore", package: "martlet")],
            swiftSettings: [.swiftLanguageMode(.v6)]),
        .executableTarget(
            name: "FuzzIMAP", dependencies: [.product(name: "IMAPCore", package: "martlet")],
            swiftSettings: [.swiftLanguageMode(.v6)]),
        .executableTarget(
            name: "FuzzArchive", dependencies: [.product(name: "ArchiveCore", package: "martlet")],
            swiftSettings: [.swiftLanguageMode(.v6)]),
        .executableTarget(
            name: "FuzzSieve",
            dependencies: [
                .product(name: "SieveCore", package: "martlet"),
                .product(name: "MIMECore", package: "martlet"),
            ],
            swiftSettings: [.swiftLanguageMode(.v6)]),
    ]
)
