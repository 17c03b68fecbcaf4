import AdminCommands
import ArgumentParser

/// `acl VERB -u USER MAILBOX ...`
struct AccessCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "acl", abstract: "Works on access control lists: who may do what with a mailbox.",
        subcommands: [
            Get.self, Rights.self, Set.self, Add.self, Remove.self, Delete.self, Debug.self, Recalc.self,
        ])

    /// A row of a mailbox's list.
    struct Row: ParsableArguments {
        @Argument(help: "The mailbox.") var mailbox: String
        @Argument(help: "user=NAME, group=NAME, owner, anyone; with - before it, what is taken away.")
        var identifier: String
    }

    /// Rights in a row.
    struct RowRights: ParsableArguments {
        @OptionGroup var row: Row
        @Argument(help: "Words such as lookup and read, letters such as lr, or all.") var rights: [String]

        func words(_ verb: String, _ users: UserOptions) -> [String] {
            ["acl", verb] + users.words + ["--", self.row.mailbox, self.row.identifier] + self.rights
        }
    }

    struct Get: AccountsCommand {
        static let configuration = CommandConfiguration(
            commandName: "get", abstract: "Shows the rows of a mailbox's list.")
        @OptionGroup var target: AccountOptions
        @Flag(name: .customShort("m"), help: "Only those about the user.") var isOwn = false
        @Argument(help: "The mailbox.") var mailbox: String
        var words: [String] { ["acl", "get"] + self.users.words + (self.isOwn ? ["-m"] : []) + ["--", self.mailbox] }
    }

    struct Rights: AccountsCommand {
        static let configuration = CommandConfiguration(
            commandName: "rights", abstract: "Shows what the user may do with a mailbox.")
        @OptionGroup var target: AccountOptions
        @Argument(help: "The mailbox.") var mailbox: String
        var words: [String] { ["acl", "rights"] + self.users.words + ["--", self.mailbox] }
    }

    struct Debug: AccountsCommand {
        static let configuration = CommandConfiguration(
            commandName: "debug", abstract: "Shows why the user may or may not do things with a mailbox.")
        @OptionGroup var target: AccountOptions
        @Argument(help: "The mailbox.") var mailbox: String
        var words: [String] { ["acl", "debug"] + self.users.words + ["--", self.mailbox] }
    }

    struct Set: AccountsCommand {
        static let configuration = CommandConfiguration(
            commandName: "set", abstract: "Gives an identifier these rights and no others.")
        @OptionGroup var target: AccountOptions
        @OptionGroup var rights: RowRights
        var words: [String] { self.rights.words("set", self.users) }
    }

    struct Add: AccountsCommand {
        static let configuration = CommandConfiguration(
            commandName: "add", abstract: "Gives an identifier rights beside those that it has.")
        @OptionGroup var target: AccountOptions
        @OptionGroup var rights: RowRights
        var words: [String] { self.rights.words("add", self.users) }
    }

    struct Remove: AccountsCommand {
        static let configuration = CommandConfiguration(
            commandName: "remove", abstract: "Takes rights out of an identifier's row.")
        @OptionGroup var target: AccountOptions
        @OptionGroup var rights: RowRights
        var words: [String] { self.rights.words("remove", self.users) }
    }

    struct Delete: AccountsCommand {
        static let configuration = CommandConfiguration(
            commandName: "delete", abstract: "Removes an identifier's row.")
        @OptionGroup var target: AccountOptions
        @OptionGroup var row: Row
        var words: [String] { ["acl", "delete"] + self.users.words + ["--", self.row.mailbox, self.row.identifier] }
    }

    struct Recalc: AccountsCommand {
        static let configuration = CommandConfiguration(
            commandName: "recalc", abstract: "Reads all lists of a user again, to know who shares what.")
        @OptionGroup var target: AccountOptions
        var words: [String] { ["acl", "recalc"] + self.users.words }
    }
}
