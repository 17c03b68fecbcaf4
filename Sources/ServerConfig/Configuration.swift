import MailCore
/// A whole configuration: what its files say, with the contents of the files that they name.
///
/// A value; the same in every role, since the supervisor reads the files and hands the result on.
public struct Configuration: Sendable {
    /// The first file.
    public let path: String
    /// What holds for every connection that no `protocol` or `remote` block speaks of.
    public let settings: Settings
    let overlays: [Overlay]
    let statements: [Statement]
    let files: [String: [UInt8]]
    private let byProtocol: [MailProtocol: Settings]

    /// What came of reading files.
    public struct Loaded: Sendable {
        /// `nil` when there are errors.
        public let configuration: Configuration?
        /// What could be made out, also when there are errors.
        public let settings: Settings
        /// Every mistake, in the order of the files; those that concern several settings last.
        public let diagnostics: [Diagnostic]
    }

    /// Reads `path` and all that it includes. Blocks on files; answers every mistake at once.
    ///
    /// - Parameter path: absolute, or relative to the working directory.
    public static func load(path: String) -> Loaded {
        self.load(path: ConfigurationFiles.fromWorkingDirectory(path), files: .disk)
    }

    /// As `load(path:)`, with other files than this machine's.
    package static func load(path: String, files: ConfigurationFiles) -> Loaded {
        var parser = StatementParser(files: files)
        let statements = parser.parse(path: path)
        return self.resolve(statements, path: path, files: files, diagnostics: parser.diagnostics)
    }

    static func resolve(
        _ statements: [Statement], path: String, files: ConfigurationFiles, diagnostics: [Diagnostic]
    ) -> Loaded {
        var resolver = Resolver(files: files)
        resolver.resolve(statements, path: path, hadErrors: !diagnostics.isEmpty)
        let all = diagnostics + resolver.out.diagnostics
        guard !all.contains(where: { $0.severity == .error }) else {
            return Loaded(configuration: nil, settings: resolver.settings, diagnostics: all)
        }
        let configuration = Configuration(
            path: path, settings: resolver.settings, overlays: resolver.overlays, statements: statements,
            files: resolver.out.files.kept)
        return Loaded(configuration: configuration, settings: configuration.settings, diagnostics: all)
    }

    private init(
        path: String, settings: Settings, overlays: [Overlay], statements: [Statement],
        files: [String: [UInt8]]
    ) {
        self.path = path
        self.settings = settings
        // Stable, so that of two equal blocks the later wins.
        self.overlays = overlays.enumerated()
            .sorted { ($0.element.rank, $0.offset) < ($1.element.rank, $1.offset) }.map(\.element)
        self.statements = statements
        self.files = files
        var byProtocol: [MailProtocol: Settings] = [:]
        for mailProtocol in MailProtocol.allCases {
            byProtocol[mailProtocol] = Self.apply(self.overlays, to: settings, mailProtocol, nil)
        }
        self.byProtocol = byProtocol
    }

    /// What holds for one protocol, from wherever the connection comes.
    public func settings(for mailProtocol: MailProtocol) -> Settings {
        self.byProtocol[mailProtocol] ?? self.settings
    }

    /// What holds for a connection of one protocol from an address such as `192.0.2.1`.
    ///
    /// As cheap as `settings(for:)` when there is no `remote` block.
    public func settings(for mailProtocol: MailProtocol, remoteAddress: String) -> Settings {
        guard self.overlays.contains(where: { $0.remote != nil }), let address = IPNetwork(remoteAddress)
        else {
            return self.settings(for: mailProtocol)
        }
        return Self.apply(self.overlays, to: self.settings, mailProtocol, address)
    }

    private static func apply(
        _ overlays: [Overlay], to settings: Settings, _ mailProtocol: MailProtocol, _ address: IPNetwork?
    ) -> Settings {
        var settings = settings
        var files = ConfigurationFiles(kept: [:])
        for overlay in overlays {
            if let only = overlay.mailProtocol, only != mailProtocol { continue }
            if let network = overlay.remote {
                guard let address, network.contains(address) else { continue }
            }
            for (name, value) in overlay.values {
                guard let (row, _) = Assigner.find(name, in: Schema.all) else { continue }
                // The value was checked when the files were read.
                _ = row.assign(&settings, value, &files)
            }
        }
        return settings
    }
}
