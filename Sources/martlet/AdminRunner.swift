import AdminCommands
import ArgumentParser
import Glibc
import ServerConfig

/// Runs a command's words: in the daemon when it runs, else on the store itself.
struct AdminRunner {
    private let global: GlobalOptions
    private let rendering: RowRendering?

    init(_ global: GlobalOptions, _ rendering: RowRendering? = nil) {
        self.global = global
        self.rendering = rendering
    }

    func run(_ words: [String]) async throws {
        // Mistakes in the words are told here, before anything is opened.
        let command = try AdminCommand(words: words)
        let configuration = try LoadedConfiguration.load(self.global.configuration)
        var output = TerminalOutput(self.global.format, self.rendering)
        let exit: AdminExit
        do {
            if let client = try AdminClient.connect(configuration.settings) {
                exit = try await client.run(words, &output)
            } else {
                exit = try await DirectStore.run(command, configuration, &output)
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
        let configuration = try LoadedConfiguration.load(self.global.configuration)
        if let client = try AdminClient.connect(configuration.settings) {
            return try await client.run(words, &output)
        }
        return try await DirectStore.run(command, configuration, &output)
    }
}

/// The configuration of this call.
enum LoadedConfiguration {
    /// Loads it; every mistake goes to standard error, and any of them ends the command.
    static func load(_ path: String) throws(AdminError) -> Configuration {
        let loaded = Configuration.load(path: path)
        for diagnostic in loaded.diagnostics { Terminal.complain(diagnostic.description) }
        guard let configuration = loaded.configuration else {
            // Keys are for root alone, so for others nothing else needs to be wrong.
            let errors = loaded.diagnostics.filter { $0.severity == .error }
            if geteuid() != 0, errors.allSatisfy({ $0.message.hasSuffix(": Permission denied") }) {
                throw AdminError(.noPermission, "\(path): run martlet as root or as the daemon's user")
            }
            let count = loaded.diagnostics.count { $0.severity == .error }
            throw AdminError(.configuration, "\(path): \(count) mistake\(count == 1 ? "" : "s")")
        }
        return configuration
    }
}
