import AdminCommands
import ArgumentParser

/// `acl VERB -u USER MAILBOX ...`
struct AccessCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "acl", abstract: "Works on access control lists: who may do what with a mailbox.",
        subcommands: [
            Get.self, Rights.self, Set.self, Add.self, Remove.self, Delete.self, Debug.self, Recalc.self,
        ])

    struct Get: RemoteCommand {
        static let configuration = CommandConfiguration(
            commandName: "get", abstract: "Shows the rows of a mailbox's list.")
        @OptionGroup var global: GlobalOptions
        @OptionGroup var users: UserOptions
        @Flag(name: .customShort("m"), help: "Only those about the user.") var isOwn = false
        @Argument var mailbox: String
        var words: [String] { ["acl", "get"] + self.users.words + (self.isOwn ? ["-m"] : []) + ["--", self.mailbox] }
    }

    struct Rights: RemoteCommand {
        static let configuration = CommandConfiguration(
            commandName: "rights", abstract: "Shows what the user may do with a mailbox.")
        @OptionGroup var global: GlobalOptions
        @OptionGroup var users: UserOptions
        @Argument var mailbox: String
        var words: [String] { ["acl", "rights"] + self.users.words + ["--", self.mailbox] }
    }

    struct Debug: RemoteCommand {
        static let configuration = CommandConfiguration(
            commandName: "debug", abstract: "Shows why the user may or may not do things with a mailbox.")
        @OptionGroup var global: GlobalOptions
        @OptionGroup var users: UserOptions
        @Argument var mailbox: String
        var words: [String] { ["acl", "debug"] + self.users.words + ["--", self.mailbox] }
    }

    struct Set: RemoteCommand {
        static let configuration = CommandConfiguration(
            commandName: "set", abstract: "Gives an identifier these rights and no others.")
        @OptionGroup var global: GlobalOptions
        @OptionGroup var users: UserOptions
        @Argument var mailbox: String
        @Argument(help: "user=NAME, group=NAME, owner, anyone; with - before it, what is taken away.")
        var identifier: String
        @Argument(help: "Words such as lookup and read, letters such as lr, or all.") var rights: [String]
        var words: [String] {
            ["acl", "set"] + self.users.words + ["--", self.mailbox, self.identifier] + self.rights
        }
    }

    struct Add: RemoteCommand {
        static let configuration = CommandConfiguration(
            commandName: "add", abstract: "Gives an identifier rights beside those that it has.")
        @OptionGroup var global: GlobalOptions
        @OptionGroup var users: UserOptions
        @Argument var mailbox: String
        @Argument var identifier: String
        @Argument var rights: [String]
        var words: [String] {
            ["acl", "add"] + self.users.words + ["--", self.mailbox, self.identifier] + self.rights
        }
    }

    struct Remove: RemoteCommand {
        static let configuration = CommandConfiguration(
            commandName: "remove", abstract: "Takes rights out of an identifier's row.")
        @OptionGroup var global: GlobalOptions
        @OptionGroup var users: UserOptions
        @Argument var mailbox: String
        @Argument var identifier: String
        @Argument var rights: [String]
        var words: [String] {
            ["acl", "remove"] + self.users.words + ["--", self.mailbox, self.identifier] + self.rights
        }
    }

    struct Delete: RemoteCommand {
        static let configuration = CommandConfiguration(
            commandName: "delete", abstract: "Removes an identifier's row.")
        @OptionGroup var global: GlobalOptions
        @OptionGroup var users: UserOptions
        @Argument var mailbox: String
        @Argument var identifier: String
        var words: [String] { ["acl", "delete"] + self.users.words + ["--", self.mailbox, self.identifier] }
    }

    struct Recalc: RemoteCommand {
        static let configuration = CommandConfiguration(
            commandName: "recalc", abstract: "Reads all lists of a user again, to know who shares what.")
        @OptionGroup var global: GlobalOptions
        @OptionGroup var users: UserOptions
        var words: [String] { ["acl", "recalc"] + self.users.words }
    }
}
