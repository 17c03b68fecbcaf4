public import AdminCommands
public import ArgumentParser

/// What every command takes.
struct GlobalOptions: ParsableArguments {
    @Option(name: .customShort("c"), help: "The configuration file.")
    var configuration = "/etc/martlet/martlet.conf"

    @Option(name: .customShort("f"), help: "How results are shown: table, tab, flow, pager or json.")
    var format: RowFormat?
}

extension RowFormat: ExpressibleByArgument {}

/// For which users.
struct UserOptions: ParsableArguments {
    @Option(name: .customShort("u"), help: "The user; * and ? stand for any text and any character.")
    var user: String?

    @Flag(name: .customShort("A"), help: "All users.")
    var all = false

    func validate() throws {
        guard self.all != (self.user != nil) else {
            throw ValidationError("For which user? Give -u NAME, or -A for all.")
        }
    }

    /// As the daemon reads it.
    var words: [String] {
        guard let user, !self.all else { return ["-A"] }
        return ["-u", user]
    }

    /// Whether there is one user and no mask.
    var isOne: Bool {
        guard let user, !self.all else { return false }
        return !user.contains("*") && !user.contains("?")
    }
}

/// What commands on users' accounts take.
struct AccountOptions: ParsableArguments {
    @OptionGroup var global: GlobalOptions
    @OptionGroup var users: UserOptions
}

/// A command on the accounts of users.
protocol AccountsCommand: RemoteCommand {
    var target: AccountOptions { get }
}

extension AccountsCommand {
    var global: GlobalOptions { self.target.global }
    var users: UserOptions { self.target.users }
}
