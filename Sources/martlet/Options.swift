public import AdminCommands
public import ArgumentParser
import Glibc

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

    @Option(
        name: .customShort("F"), help: "The users of a file, which has a line for each.",
        transform: { try UserFile($0) })
    var file: UserFile?

    func validate() throws {
        let given = (self.user == nil ? 0 : 1) + (self.all ? 1 : 0) + (self.file == nil ? 0 : 1)
        guard given > 0 else {
            throw ValidationError("For which user? Give -u NAME, -A for all, or -F FILE for those of a file.")
        }
        guard given == 1 else { throw ValidationError("Give only one of -u NAME, -A and -F FILE.") }
    }

    /// As the daemon reads it.
    var words: [String] {
        if let file { return ["-F", file.names.joined(separator: "\n")] }
        guard let user, !self.all else { return ["-A"] }
        return ["-u", user]
    }

    /// Whether there is one user and no mask.
    var isOne: Bool {
        guard let user, !self.all, self.file == nil else { return false }
        return !user.contains("*") && !user.contains("?")
    }
}

/// A file with names of users, a line for each; blanks around them and empty lines do not count.
struct UserFile: Sendable {
    let names: [String]

    init(_ path: String) throws {
        guard let octets = path == "-" ? InputFile.standard() : InputFile.read(path) else {
            throw ValidationError("cannot read it: \(String(cString: strerror(errno)))")
        }
        var names: [String] = []
        for line in String(decoding: octets, as: UTF8.self).split(whereSeparator: \.isNewline) {
            var name = line
            while name.first?.isWhitespace == true { name.removeFirst() }
            while name.last?.isWhitespace == true { name.removeLast() }
            if !name.isEmpty { names.append(String(name)) }
        }
        guard !names.isEmpty else { throw ValidationError("it names no user") }
        self.names = names
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
