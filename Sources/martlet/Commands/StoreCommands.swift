import AdminCommands
import ArgumentParser
import ServerConfig

/// A command that goes, as words, to the daemon or to the store.
protocol RemoteCommand: AsyncParsableCommand {
    var global: GlobalOptions { get }
    /// What the daemon reads.
    var words: [String] { get }
    /// How rows look unless a format is asked for, as doveadm shows them.
    var style: RowStyle { get }
    /// How they look instead, where a format would not do.
    var rendering: RowRendering? { get }
}

extension RemoteCommand {
    var style: RowStyle { RowStyle(.table) }
    var rendering: RowRendering? { nil }

    func run() async throws { try await AdminRunner(self.global, self.style, self.rendering).run(self.words) }
}

struct UserCommand: RemoteCommand {
    static let configuration = CommandConfiguration(
        commandName: "user", abstract: "Shows what the user database says of users, or lists users.")
    @OptionGroup var global: GlobalOptions
    @Argument(help: "User names, or masks with * and ?.") var masks: [String]
    var words: [String] { ["user", "--"] + self.masks }
    var style: RowStyle { RowStyle(.table, untitled: ["user"]) }
}

struct AuthCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "auth", abstract: "Tests authentication.", subcommands: [Test.self])

    struct Test: RemoteCommand {
        static let configuration = CommandConfiguration(
            commandName: "test", abstract: "Tries a user's password.")
        @OptionGroup var global: GlobalOptions
        @Option(name: .customShort("x"), help: "The service for which to ask, such as imap.") var service: String?
        @Argument(help: "The user.") var user: String
        @Argument(help: "Asked for when left out.") var password: String?
        var words: [String] {
            ["auth", "test"] + (self.service.map { ["-x", $0] } ?? [])
                + ["--", self.user, self.password ?? Password.ask("Password: ")]
        }
    }
}

struct WhoCommand: RemoteCommand {
    static let configuration = CommandConfiguration(commandName: "who", abstract: "Shows who is logged in.")
    @OptionGroup var global: GlobalOptions
    @Argument(help: "A mask of user names.") var mask: String?
    var words: [String] { ["who"] + (self.mask.map { ["--", $0] } ?? []) }
}

struct KickCommand: RemoteCommand {
    static let configuration = CommandConfiguration(commandName: "kick", abstract: "Ends users' sessions.")
    @OptionGroup var global: GlobalOptions
    @Argument(help: "A mask of user names.") var mask: String
    var words: [String] { ["kick", "--", self.mask] }
}

struct MailboxCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "mailbox", abstract: "Works on mailboxes.",
        subcommands: [
            List.self, Status.self, Create.self, Delete.self, Rename.self, Subscribe.self, Unsubscribe.self,
            Metadata.self,
        ])

    struct List: AccountsCommand {
        static let configuration = CommandConfiguration(commandName: "list", abstract: "Lists mailboxes.")
        @OptionGroup var target: AccountOptions
        @Flag(name: .customShort("s"), help: "Those that are subscribed to.") var subscribed = false
        @Argument(help: "Masks of mailbox names: * is any text, % any within a level.") var masks: [String] = []
        var words: [String] {
            ["mailbox", "list"] + self.users.words + (self.subscribed ? ["-s"] : []) + ["--"] + self.masks
        }
        var style: RowStyle { RowStyle(.flow, untitled: ["username", "mailbox"]) }
    }

    struct Status: AccountsCommand {
        static let configuration = CommandConfiguration(
            commandName: "status", abstract: "Shows counters of mailboxes.")
        @OptionGroup var target: AccountOptions
        @Flag(name: .customShort("t"), help: "One row with the sums.") var total = false
        @Argument(
            help: """
                Columns in one word: messages recent uidnext uidvalidity unseen highestmodseq vsize guid deleted, \
                or all.
                """)
        var fields: String
        @Argument(help: "Masks of mailbox names: * is any text, % any within a level.") var masks: [String]
        var words: [String] {
            ["mailbox", "status"] + self.users.words + (self.total ? ["-t"] : []) + ["--", self.fields] + self.masks
        }
        var style: RowStyle { RowStyle(.flow, untitled: ["username", "mailbox"]) }
    }

    struct Create: AccountsCommand {
        static let configuration = CommandConfiguration(commandName: "create", abstract: "Creates mailboxes.")
        @OptionGroup var target: AccountOptions
        @Flag(name: .customShort("s"), help: "Subscribes to them too.") var subscribe = false
        @Argument(help: "Names of mailboxes.") var names: [String]
        var words: [String] {
            ["mailbox", "create"] + self.users.words + (self.subscribe ? ["-s"] : []) + ["--"] + self.names
        }
    }

    struct Delete: AccountsCommand {
        static let configuration = CommandConfiguration(
            commandName: "delete", abstract: "Deletes mailboxes with their messages.")
        @OptionGroup var target: AccountOptions
        @Flag(name: .customShort("r"), help: "Their children too.") var recursive = false
        @Argument(help: "Names of mailboxes.") var names: [String]
        var words: [String] {
            ["mailbox", "delete"] + self.users.words + (self.recursive ? ["-r"] : []) + ["--"] + self.names
        }
    }

    struct Rename: AccountsCommand {
        static let configuration = CommandConfiguration(
            commandName: "rename", abstract: "Renames a mailbox with its children.")
        @OptionGroup var target: AccountOptions
        @Argument(help: "The mailbox.") var from: String
        @Argument(help: "Its new name.") var to: String
        var words: [String] { ["mailbox", "rename"] + self.users.words + ["--", self.from, self.to] }
    }

    struct Subscribe: AccountsCommand {
        static let configuration = CommandConfiguration(
            commandName: "subscribe", abstract: "Subscribes to mailboxes.")
        @OptionGroup var target: AccountOptions
        @Argument(help: "Names of mailboxes.") var names: [String]
        var words: [String] { ["mailbox", "subscribe"] + self.users.words + ["--"] + self.names }
    }

    struct Unsubscribe: AccountsCommand {
        static let configuration = CommandConfiguration(
            commandName: "unsubscribe", abstract: "Ends subscriptions.")
        @OptionGroup var target: AccountOptions
        @Argument(help: "Names of mailboxes.") var names: [String]
        var words: [String] { ["mailbox", "unsubscribe"] + self.users.words + ["--"] + self.names }
    }
}

struct SearchCommand: AccountsCommand {
    static let configuration = CommandConfiguration(
        commandName: "search", abstract: "Finds messages by MAILBOX names and IMAP search keys.")
    @OptionGroup var target: AccountOptions
    @Argument(help: "Such as: mailbox INBOX unseen since 2026-01-01, or: savedbefore 30d") var query: [String]
    var words: [String] { ["search"] + self.users.words + ["--"] + self.query }
    var style: RowStyle { RowStyle(.flow, untitled: ["username", "mailbox-guid", "uid"]) }
}

struct FetchCommand: AccountsCommand {
    static let configuration = CommandConfiguration(
        commandName: "fetch", abstract: "Shows parts of the messages a search finds.")
    @OptionGroup var target: AccountOptions
    @Argument(
        help: """
            Fields in one word: user mailbox uid guid seq flags modseq hdr body text date.received date.saved \
            date.sent size.physical size.virtual imap.envelope imap.bodystructure pop3.uidl hdr.NAME hdr.NAME.utf8.
            """)
    var fields: String
    @Argument(help: "A search, as for martlet search.") var query: [String]
    var words: [String] { ["fetch"] + self.users.words + ["--", self.fields] + self.query }
    var style: RowStyle { RowStyle(.pager, untitled: ["username"]) }
}

struct ExpungeCommand: AccountsCommand {
    static let configuration = CommandConfiguration(
        commandName: "expunge",
        abstract: "Removes the messages a search finds. It must name mailboxes, and say which messages.")
    @OptionGroup var target: AccountOptions
    @Argument(help: "A search with a MAILBOX key and others; all is every message.") var query: [String]
    var words: [String] { ["expunge"] + self.users.words + ["--"] + self.query }
}

struct MoveMessagesCommand: AccountsCommand {
    static let configuration = CommandConfiguration(
        commandName: "move",
        abstract: "Moves the messages a search finds. It must name mailboxes, and say which messages.")
    @OptionGroup var target: AccountOptions
    @Argument(help: "The mailbox to move to.") var destination: String
    @Argument(help: "A search with a MAILBOX key and others; all is every message.") var query: [String]
    var words: [String] { ["move"] + self.users.words + ["--", self.destination] + self.query }
}

struct CopyMessagesCommand: AccountsCommand {
    static let configuration = CommandConfiguration(
        commandName: "copy", abstract: "Copies the messages a search finds.")
    @OptionGroup var target: AccountOptions
    @Argument(help: "The mailbox to copy to.") var destination: String
    @Argument(help: "A search, as for martlet search.") var query: [String]
    var words: [String] { ["copy"] + self.users.words + ["--", self.destination] + self.query }
}

struct FlagsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "flags", abstract: "Changes flags of the messages a search finds.",
        subcommands: [Add.self, Remove.self, Replace.self])

    /// Which flags, of which messages.
    struct Change: ParsableArguments {
        @Argument(help: "Flags and keywords in one word, such as '\\Seen $Work'.") var flags: String
        @Argument(help: "A search, as for martlet search.") var query: [String]

        func words(_ verb: String, _ users: UserOptions) -> [String] {
            ["flags", verb] + users.words + ["--", self.flags] + self.query
        }
    }

    struct Add: AccountsCommand {
        static let configuration = CommandConfiguration(commandName: "add", abstract: "Sets flags beside others.")
        @OptionGroup var target: AccountOptions
        @OptionGroup var change: Change
        var words: [String] { self.change.words("add", self.users) }
    }

    struct Remove: AccountsCommand {
        static let configuration = CommandConfiguration(commandName: "remove", abstract: "Takes flags away.")
        @OptionGroup var target: AccountOptions
        @OptionGroup var change: Change
        var words: [String] { self.change.words("remove", self.users) }
    }

    struct Replace: AccountsCommand {
        static let configuration = CommandConfiguration(
            commandName: "replace", abstract: "Gives messages these flags and no others.")
        @OptionGroup var target: AccountOptions
        @OptionGroup var change: Change
        var words: [String] { self.change.words("replace", self.users) }
    }
}

struct ForceResyncCommand: AccountsCommand {
    static let configuration = CommandConfiguration(
        commandName: "force-resync", abstract: "Compares the index with the files and mends it.")
    @OptionGroup var target: AccountOptions
    @Argument(help: "Masks of mailbox names; '*' is all.") var masks: [String]
    var words: [String] { ["force-resync"] + self.users.words + ["--"] + self.masks }
}

struct AccountCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "account", abstract: "Works on accounts as a whole.", subcommands: [Move.self, BeginAnew.self])

    struct BeginAnew: AccountsCommand {
        static let configuration = CommandConfiguration(
            commandName: "begin-anew",
            abstract: "Empties the index of accounts whose mail was removed on purpose.",
            discussion: """
                An account whose Maildir is not there, or is empty, is refused: its file system may not be mounted. This \
                makes the Maildir anew, without any message. Where there is mail, nothing is done.
                """)
        @OptionGroup var target: AccountOptions
        @Option(help: "The namespace whose mail was removed, instead of the one with INBOX.") var namespace: String?
        var words: [String] {
            ["account", "begin-anew"] + self.users.words + ["--"] + (self.namespace.map { [$0] } ?? [])
        }
    }

    struct Move: AccountsCommand {
        static let configuration = CommandConfiguration(
            commandName: "move",
            abstract: "Moves accounts into another body format or another volume, while they are in use.",
            discussion: """
                UIDs, flags and MODSEQs stay. Sessions end once; deliveries wait for a moment. A move that was cut \
                short is repeated.
                """)
        @OptionGroup var target: AccountOptions
        @Option(help: "The volume, instead of a format.") var volume: String?
        @Argument(help: "The format: maildir or pack.") var driver: String?

        func validate() throws {
            guard (self.driver == nil) != (self.volume == nil) else {
                throw ValidationError("Write a format, maildir or pack, or --volume NAME.")
            }
            if let driver, MailDriver(rawValue: driver) == nil {
                throw ValidationError("No format \(driver); write maildir or pack.")
            }
        }
        var words: [String] {
            ["account", "move"] + self.users.words + ["--", self.volume.map { "volume=" + $0 } ?? self.driver ?? ""]
        }
    }
}
