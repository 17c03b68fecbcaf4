import AdminCommands
import ArgumentParser
import Glibc
import Wiring

/// `martlet`, the administrator's tool.
@main
struct Martlet: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "martlet",
        abstract: "Administers the Martlet mail server.",
        discussion: """
            Commands, options and output follow doveadm. They go to the running daemon over its admin socket, or \
            work on the store directly while the daemon is stopped.
            """,
        version: "martlet \(Release.version)",
        subcommands: [
            UserCommand.self, AuthCommand.self, PasswordCommand.self, WhoCommand.self, KickCommand.self,
            ReloadCommand.self, StopCommand.self, MailboxCommand.self, SearchCommand.self, FetchCommand.self,
            ExpungeCommand.self, MoveMessagesCommand.self, CopyMessagesCommand.self, FlagsCommand.self,
            ForceResyncCommand.self, AccountCommand.self, QuotaCommand.self,
            ConfigCommand.self, BackUpCommand.self, RestoreMailCommand.self, ExportCommand.self, ImportCommand.self,
            VerifyMailCommand.self, ScrubCommand.self, ServerStatusCommand.self, DumpCommand.self, SieveCommand.self,
            AccessCommand.self,
            DeliverCommand.self, JunkCommand.self, QueueCommand.self, WhyCommand.self,
        ])

    static func main() async {
        // A reader that went away (| head) is no reason to die half way through a change.
        signal(SIGPIPE, SIG_IGN)
        self.raiseDescriptorLimit()
        do {
            var command = try self.parseAsRoot(Self.ordered(Array(CommandLine.arguments.dropFirst())))
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
        } catch let error as AdminError {
            Terminal.complain(error.message)
            Glibc.exit(error.exit.rawValue)
        } catch let code as ExitCode {
            Glibc.exit(code.rawValue)
        } catch {
            let status = self.exitCode(for: error)
            let text = self.fullMessage(for: error)
            if status.isSuccess { print(text) } else { Terminal.complain(text) }
            // A command line that cannot be understood is EX_USAGE, as with doveadm; but an MTA that calls `deliver` so
            // is to keep the mail until that is mended.
            let isDelivery = CommandLine.arguments.dropFirst().first == DeliverCommand.configuration.commandName
            Glibc.exit(status.isSuccess ? 0 : (isDelivery ? AdminExit.temporary : .usage).rawValue)
        }
    }

    /// Shells let programs open 1024 files, for the sake of those that cannot count further. A store that is opened
    /// here needs more.
    private static func raiseDescriptorLimit() {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
        limit.rlim_cur = max(limit.rlim_cur, min(limit.rlim_max, 1 << 20))
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    }

    /// Puts `-c` and `-f`, when they stand before the command's words as with doveadm, behind them. Refuses a command that
    /// there is not, and a second user: the last one would be taken.
    static func ordered(_ arguments: [String]) throws(AdminError) -> [String] {
        guard arguments.prefix(while: { $0 != "--" }).count(where: { $0 == "-u" }) < 2 else {
            throw AdminError(.usage, "give -u once; * and ? in a name, -F FILE or -A stand for several users")
        }
        var rest = arguments[...]
        var options: [String] = []
        while rest.first == "-c" || rest.first == "-f", rest.count > 1 {
            options += rest.prefix(2)
            rest = rest.dropFirst(2)
        }
        var words: [String] = []
        var configuration = self.configuration
        while let word = rest.first,
            let command = configuration.subcommands.first(where: { $0.configuration.commandName == word })
        {
            words.append(word)
            rest = rest.dropFirst()
            configuration = command.configuration
        }
        if let word = rest.first, !word.hasPrefix("-"), !configuration.subcommands.isEmpty,
            configuration.defaultSubcommand == nil, !words.isEmpty || word != "help"
        {
            let place = (["martlet"] + words).joined(separator: " ")
            throw AdminError(
                .usage, "there is no command \((words + [word]).joined(separator: " ")); see \(place) --help")
        }
        return words + options + rest
    }
}
