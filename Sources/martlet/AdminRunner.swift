import AdminCommands
import ArgumentParser
import Glibc
import ServerConfig

/// Runs a command's words: in the daemon when it runs, else on the store itself.
struct AdminRunner {
    private let global: GlobalOptions
    private let style: RowStyle
    private let rendering: RowRendering?

    init(_ global: GlobalOptions, _ style: RowStyle = RowStyle(.table), _ rendering: RowRendering? = nil) {
        self.global = global
        self.style = style
        self.rendering = rendering
    }

    func run(_ words: [String]) async throws {
        // Mistakes in the words are told here, before anything is opened.
        let command = try AdminCommand(words: words)
        let loaded = try LoadedConfiguration(self.global.configuration)
        var output = TerminalOutput(self.global.format, self.style, self.rendering)
        let exit: AdminExit
        do {
            if let client = try AdminClient.connect(loaded.settings) {
                exit = try await client.run(words, &output)
            } else {
                exit = try await DirectStore.run(command, try loaded.whole(), &output)
            }
        } catch {
            try output.abandon()
            throw error
        }
        try output.finish()
        guard exit == .success else { throw ExitCode(exit.rawValue) }
    }
}

extension AdminRunner {
    /// Runs a command whose rows are for this process.
    func run(_ words: [String], into output: inout some AdminOutput) async throws(AdminError) -> AdminExit {
        let command = try AdminCommand(words: words)
        let loaded = try LoadedConfiguration(self.global.configuration)
        if let client = try AdminClient.connect(loaded.settings) { return try await client.run(words, &output) }
        return try await DirectStore.run(command, try loaded.whole(), &output)
    }
}

/// The configuration of this call.
struct LoadedConfiguration {
    /// As far as they can be read: without keys where those are closed to who runs the command. That is enough for one
    /// that goes to the daemon.
    let settings: Settings
    private let configuration: Configuration?
    private let path: String

    /// Which diagnostics of a usable configuration are shown.
    enum Shown {
        case all
        /// What is only doubtful is for who looks at the configuration, not for every command.
        case errors
    }

    /// Loads it; every mistake goes to standard error, and any of them ends the command.
    init(_ path: String, _ shown: Shown = .errors) throws(AdminError) {
        let loaded = Configuration.load(path: path)
        self.path = path
        self.settings = loaded.settings
        self.configuration = loaded.configuration
        let errors = loaded.diagnostics.filter { $0.severity == .error }
        guard loaded.configuration == nil else {
            if shown == .all { Self.complain(loaded.diagnostics) }
            return
        }
        // Keys are for root alone, so for others nothing else needs to be wrong.
        guard geteuid() != 0, errors.allSatisfy({ $0.message.hasSuffix(": Permission denied") }) else {
            Self.complain(loaded.diagnostics)
            throw AdminError(.configuration, "\(path): \(errors.count) mistake\(errors.count == 1 ? "" : "s")")
        }
        guard access(path, R_OK) == 0 else { throw self.closed }
    }

    /// All of it, with the keys.
    func whole() throws(AdminError) -> Configuration {
        guard let configuration else { throw self.closed }
        return configuration
    }

    static func load(_ path: String, _ shown: Shown = .errors) throws(AdminError) -> Configuration {
        try Self(path, shown).whole()
    }

    private var closed: AdminError {
        AdminError(.noPermission, "\(self.path): it, or a file that it names, is closed to you: run martlet as root")
    }

    private static func complain(_ diagnostics: [Diagnostic]) {
        for diagnostic in diagnostics { Terminal.complain(diagnostic.description) }
    }
}
