import AdminCommands
import ArgumentParser
import Authentication
import Glibc
import ServerConfig
import Wiring

/// Asks at the terminal without showing what is typed.
enum Password {
    static func ask(_ prompt: String) -> String {
        guard let text = getpass(prompt) else { return "" }
        return String(cString: text)
    }
}

struct PasswordCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pw", abstract: "Makes the stored form of a password, for a passwd-file.")
    @Flag(name: .customShort("l"), help: "Lists the schemes.") var list = false
    @Option(name: .customShort("s"), help: "The scheme.") var scheme = "SHA512-CRYPT"
    @Option(name: .customShort("p"), help: "The password; asked for when left out.") var password: String?
    @Option(name: .customShort("r"), help: "Rounds, for schemes that have them.") var rounds: UInt?
    @Option(name: .customShort("t"), help: "Tests the password against this stored form instead.") var test: String?

    func run() throws {
        if self.list {
            print(PasswordScheme.allCases.map(\.rawValue).joined(separator: " "))
            return
        }
        if let test = self.test {
            let stored: StoredPassword
            do {
                stored = try StoredPassword(test)
            } catch {
                throw AdminError(.data, "not a stored password: \(error.text)")
            }
            let given = Array((self.password ?? Password.ask("Password: ")).utf8)
            guard case .match = stored.verify(given) else {
                throw AdminError(.noPermission, "password mismatch")
            }
            print("\(test) (verified)")
            return
        }
        guard let scheme = PasswordScheme(name: self.scheme) else {
            throw AdminError(.usage, "unknown scheme \(self.scheme); martlet pw -l lists them")
        }
        let given: String
        if let password = self.password {
            given = password
        } else {
            given = Password.ask("Enter new password: ")
            guard Password.ask("Retype new password: ") == given else {
                throw AdminError(.data, "passwords don't match")
            }
        }
        do {
            print(try PasswordScheme.generate(scheme, password: Array(given.utf8), rounds: self.rounds))
        } catch {
            let why =
                switch error {
                case .rounds: "\(self.rounds ?? 0) rounds are too few or too many"
                case .password: "the password is empty or holds a NUL"
                case .unsupported: "this system's libraries cannot make it"
                }
            throw AdminError(.data, "\(scheme.rawValue): \(why)")
        }
    }
}

struct ReloadCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reload", abstract: "Makes the daemon read its configuration and certificates again.")
    @OptionGroup var global: GlobalOptions
    func run() throws { try ReloadRequest.run(self.global) }
}

struct StopCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "stop", abstract: "Stops the daemon.")
    @OptionGroup var global: GlobalOptions
    func run() throws {
        let master = try Master(self.global)
        try master.signal(SIGTERM)
        try master.waitForEnd()
    }
}

struct ConfigCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "config", abstract: "Shows the settings in force, or checks the files.",
        subcommands: [Show.self, Check.self], defaultSubcommand: Show.self)

    struct Show: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "show", abstract: "Prints the effective settings.")
        @OptionGroup var global: GlobalOptions
        @Flag(name: .customShort("n"), help: "Only what differs from the defaults.") var nonDefaults = false

        func run() throws {
            let configuration = try LoadedConfiguration.load(self.global.configuration, .all)
            Terminal.write(Array(configuration.rendered(nonDefaultsOnly: self.nonDefaults).utf8))
        }
    }

    struct Check: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "check", abstract: "Reports every mistake in the configuration at once.")
        @OptionGroup var global: GlobalOptions

        func run() throws {
            let configuration = try LoadedConfiguration.load(self.global.configuration, .all)
            let site = SiteCheck(configuration)
            for sentence in site.warnings + Surroundings.missing(configuration.settings) {
                Terminal.complain("warning: \(sentence)")
            }
            let errors = site.errors + MailStoreWiring.missingVolumes(configuration.settings)
            guard errors.isEmpty else {
                for sentence in errors { Terminal.complain(sentence) }
                throw ExitCode(AdminExit.configuration.rawValue)
            }
            print("\(self.global.configuration): no mistakes")
        }
    }
}
