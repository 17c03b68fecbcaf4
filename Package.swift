// swift-tools-version: 6.2
import PackageDescription

let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
]

/// A library target: imports only what stands in `uses`, enforced by
/// `--explicit-target-dependency-import-check error` (see the Makefile).
func room(_ name: String, uses: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: uses, swiftSettings: strict)
}

func tests(_ name: String, uses: [Target.Dependency] = []) -> Target {
    .testTarget(
        name: name + "Tests", dependencies: [.target(name: name)] + uses, swiftSettings: strict)
}

let nioCore = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let nioPosix = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let argumentParser = Target.Dependency.product(
    name: "ArgumentParser", package: "swift-argument-parser")
let dequeModule = Target.Dependency.product(name: "DequeModule", package: "swift-collections")
let heapModule = Target.Dependency.product(name: "HeapModule", package: "swift-collections")

let package = Package(
    name: "martlet",
    platforms: [.macOS(.v15)],
    products: [
        .library(name: "MIMECore", targets: ["MIMECore"]),
        .library(name: "IMAPCore", targets: ["IMAPCore"]),
        .library(name: "SieveCore", targets: ["SieveCore"]),
        .library(name: "VolumeLog", targets: ["VolumeLog", "LMDB"]),
        .library(name: "MailStore", targets: ["MailStore", "IndexedStore", "MaildirFormat", "PackFormat"]),
        .executable(name: "martletd", targets: ["martletd"]),
        .executable(name: "martlet", targets: ["martlet"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
    ],
    targets: [
        // The system's libraries.
        .systemLibrary(
            name: "CLMDB", pkgConfig: "lmdb", providers: [.apt(["liblmdb-dev"])]),
        .systemLibrary(
            name: "COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),
        .systemLibrary(
            name: "CPAM", pkgConfig: "pam", providers: [.apt(["libpam0g-dev"])]),
        .systemLibrary(
            name: "CCrypt", pkgConfig: "libcrypt", providers: [.apt(["libcrypt-dev"])]),
        .target(name: "CLinux"),
        // By its run-time name: the library is on every Debian, the link that `-lz` wants only with zlib1g-dev.
        .target(name: "CZlib", linkerSettings: [.linkedLibrary(":libz.so.1")]),
        .target(name: "CDecompress", dependencies: ["CZlib"]),

        // Pure: bytes in, values out.
        room("MailCore"),
        room("MIMECore", uses: ["MailCore"]),
        room("IMAPCore", uses: ["MailCore", "MIMECore"]),
        room("POP3Core", uses: ["MailCore"]),
        room("ManageSieveCore", uses: ["MailCore"]),
        room("LMTPCore", uses: ["MailCore"]),
        room("SASLCore", uses: ["MailCore"]),
        room("TokenCore", uses: ["MailCore"]),
        room("SieveCore", uses: ["MailCore", "MIMECore"]),
        room("ArchiveCore", uses: ["MailCore"]),

        // What every role stands on.
        room("Threads", uses: ["CLinux"]),

        // The store: contract, engine, formats.
        room("LMDB", uses: ["CLMDB", "Threads"]),
        room("MailStore", uses: ["MailCore", "MIMECore", "CLinux", "Threads"]),
        room("MailSearch", uses: ["IMAPCore", "MailStore", "MIMECore", "MailCore"]),
        room("VolumeLog", uses: ["MailCore", "CLinux"]),
        room(
            "IndexedStore",
            uses: [
                "MailStore", "VolumeLog", "LMDB", "MIMECore", "MailCore", "CLinux", "Threads", dequeModule, heapModule,
            ]),
        room(
            "MaildirFormat",
            uses: ["IndexedStore", "MailStore", "MailCore", "CLinux", "CDecompress"]),

        room("PackFormat", uses: ["IndexedStore", "MailStore", "MailCore", "CDecompress"]),

        // Who may read what, and where a message goes.
        room(
            "Authentication",
            uses: ["SASLCore", "TokenCore", "MailCore", "CPAM", "CCrypt", "COpenSSL", "CLinux", "Threads"]),
        room("Accounts", uses: ["Authentication", "MailStore", "ServerConfig", "MIMECore", "MailCore"]),
        room(
            "Delivery", uses: ["SieveCore", "SieveStorage", "MailStore", "MIMECore", "MailCore", "CLinux", "Threads"]),

        // To the MTA.
        room("Submission", uses: ["COpenSSL", "MailCore", "CLinux", "Threads"]),

        // Servers.
        room("ServerConfig", uses: ["MailCore"]),
        room("TLSFiles", uses: ["COpenSSL"]),
        room(
            "ServerCore",
            uses: [
                "MailCore", "TLSFiles", "COpenSSL", "CZlib", "CLinux", "Threads", dequeModule, nioCore, nioPosix,
                logging,
            ]),
        room("Login", uses: ["ServerCore", "Authentication", "SASLCore"]),
        room(
            "IMAPServer",
            uses: [
                "Login", "ServerCore", "ServerConfig", "IMAPCore", "MailSearch", "MailStore", "Accounts",
                "Authentication",
                "Delivery", "SASLCore",
                "MIMECore", "MailCore", nioCore, logging,
            ]),
        room("SieveStorage", uses: ["SieveCore", "MailStore"]),
        room(
            "ManageSieveServer",
            uses: [
                "Login", "ServerCore", "ServerConfig", "ManageSieveCore", "SieveCore", "SieveStorage", "MailStore",
                "Accounts",
                "Authentication", "SASLCore", "MailCore", logging,
            ]),
        room(
            "POP3Server",
            uses: [
                "Login", "ServerCore", "ServerConfig", "POP3Core", "MailStore", "Accounts", "Authentication",
                "SASLCore", "MailCore", nioCore, logging,
            ]),
        room(
            "LMTPServer",
            uses: [
                "ServerCore", "LMTPCore", "MailStore", "Accounts", "Delivery",
                "Authentication", "MIMECore", "MailCore", nioCore, logging,
            ]),
        room(
            "QuotaStatusServer",
            uses: ["ServerCore", "Delivery", "MailStore", "Accounts", "Authentication", "MailCore", logging]),
        room(
            "AdminCommands",
            uses: [
                "ArchiveCore", "MailSearch", "IMAPCore", "Delivery", "MailStore", "Accounts", "Authentication",
                "SieveStorage", "SieveCore", "MIMECore", "MailCore",
            ]),
        room("AdminServer", uses: ["ServerCore", "AdminCommands", logging]),

        // Wiring: the only ones that name a body format or a passdb driver. What daemon and CLI share of it is
        // a target of its own.
        room(
            "Wiring",
            uses: [
                "ServerConfig", "Accounts", "Authentication", "SASLCore", "Delivery", "SieveStorage", "SieveCore",
                "MailStore", "IndexedStore", "VolumeLog", "MaildirFormat", "PackFormat", "MailCore", "TLSFiles",
                logging,
            ]),
        .executableTarget(
            name: "martletd",
            dependencies: [
                "IMAPServer", "POP3Server", "LMTPServer", "ManageSieveServer", "QuotaStatusServer", "AdminServer",
                "AdminCommands", "SieveStorage",
                "ServerCore", "ServerConfig", "Accounts", "Authentication", "Delivery", "SieveCore",
                "MailStore", "MailCore", "Wiring", "CLinux", "Submission", "Threads",
                nioCore, logging,
            ],
            swiftSettings: strict),
        .executableTarget(
            name: "martlet",
            dependencies: [
                "AdminCommands", "ArchiveCore", "ServerConfig", "Accounts", "Authentication", "Delivery", "MailStore",
                "MailCore", "Wiring", "CLinux",
                "SieveCore", "SieveStorage", "LMTPCore", "MIMECore",
                argumentParser, logging,
            ],
            swiftSettings: strict),

        // Tests mirror Sources.
        .target(name: "TemporaryFiles", path: "Tests/TemporaryFiles", swiftSettings: strict),
        tests("MailCore"),
        tests("MIMECore", uses: ["MailCore"]),
        tests("IMAPCore", uses: ["MailCore", "MIMECore"]),
        tests("POP3Core"),
        tests("ManageSieveCore", uses: ["MailCore"]),
        tests("SieveStorage", uses: ["SieveCore", "MailStore", "TemporaryFiles"]),
        tests("LMTPCore"),
        tests("SASLCore", uses: ["MailCore"]),
        tests("TokenCore", uses: ["MailCore"]),
        tests("ArchiveCore", uses: ["MailCore"]),
        tests("SieveCore", uses: ["MIMECore"]),
        tests("LMDB", uses: ["TemporaryFiles"]),
        tests("MailStore", uses: ["MIMECore", "MailCore"]),
        tests("MailSearch", uses: ["IMAPCore", "MailStore", "MIMECore", "MailCore"]),
        tests("VolumeLog", uses: ["CLinux", "TemporaryFiles"]),
        tests(
            "IndexedStore",
            uses: ["MailStore", "VolumeLog", "LMDB", "MaildirFormat", "PackFormat", "MIMECore", "MailCore", "Threads"]),
        tests(
            "Accounts",
            uses: [
                "Authentication", "IndexedStore", "MaildirFormat", "MailStore", "MailCore", "ServerConfig",
                "TemporaryFiles",
            ]),
        tests("MaildirFormat", uses: ["IndexedStore", "MailStore", "MailCore"]),
        tests("Authentication", uses: ["SASLCore", "TokenCore", "MailCore", "TemporaryFiles"]),
        tests(
            "Delivery",
            uses: [
                "SieveCore", "SieveStorage", "MailStore", "IndexedStore", "MaildirFormat", "MIMECore", "MailCore",
                "TemporaryFiles",
            ]),
        tests("Submission", uses: ["TemporaryFiles"]),
        tests("ServerConfig", uses: ["SieveCore", "TemporaryFiles"]),
        tests("ServerCore", uses: ["TranscriptKit", "COpenSSL", "CZlib", nioCore, nioPosix, logging]),
        tests(
            "POP3Server",
            uses: [
                "TranscriptKit", "ServerCore", "ServerConfig", "Accounts", "Authentication", "SASLCore", "MailStore",
                "MIMECore", "MailCore", nioPosix, logging,
            ]),
        tests("Login", uses: ["ServerCore", "SASLCore", nioCore]),
        // A store and loopback ports for tests of services.
        .target(
            name: "ServiceKit",
            dependencies: [
                "Accounts", "Authentication", "IndexedStore", "MaildirFormat", "MailStore", "MailCore", "SASLCore",
                "ServerConfig", "ServerCore", "TemporaryFiles", "TranscriptKit", nioPosix, logging,
            ],
            path: "Tests/ServiceKit", swiftSettings: strict),
        tests("QuotaStatusServer", uses: ["ServiceKit", "Delivery", "ServerConfig"]),
        tests("LMTPServer", uses: ["ServiceKit", "Delivery", "MailStore", "MailCore", "ServerConfig"]),
        tests("AdminCommands", uses: ["IMAPCore", "MailStore", "MIMECore", "MailCore"]),
        // Operations of the store for Tests/Faults, whose disk fails, loses power or is forgotten.
        .executableTarget(
            name: "StoreDriver",
            dependencies: ["IndexedStore", "MaildirFormat", "PackFormat", "MailStore", "LMDB", "MailCore"],
            path: "Tests/StoreDriver", swiftSettings: strict),
        // Conversations with a server, from files.
        .target(name: "TranscriptKit", path: "Tests/TranscriptKit", swiftSettings: strict),
        tests(
            "IMAPServer",
            uses: [
                "TranscriptKit", "ServerCore", "ServerConfig", "IMAPCore", "MailStore", "Authentication",
                "Accounts", "SASLCore", "MIMECore", "MailCore", nioPosix, logging,
            ]),
        tests(
            "martletd",
            uses: ["Authentication", "MailStore", "MailCore", "ServerConfig", "Wiring", "TemporaryFiles", logging]),
        tests(
            "martlet",
            uses: [
                "AdminCommands", "ArchiveCore", "LMTPCore", "MailCore", "ServerConfig", "TemporaryFiles",
                argumentParser,
            ]),
        // Transcripts and real clients against a running daemon.
        .testTarget(
            name: "DaemonTests", dependencies: ["MailCore", "martletd", "TranscriptKit"], exclude: ["Transcripts"],
            swiftSettings: strict),
    ]
)
