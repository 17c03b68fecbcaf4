import AdminCommands
import ArgumentParser

extension MailboxCommand {
    struct Metadata: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "metadata", abstract: "Works on annotations of mailboxes and of the server.",
            subcommands: [Get.self, Set.self, Unset.self, List.self])

        /// Whose entries are meant.
        struct Place: ParsableArguments {
            @Flag(name: .customShort("s"), help: "The server's entries; the mailbox is \"\" then.") var server = false
            @Argument(help: "A mailbox, or \"\" for the server.") var mailbox: String

            func words(_ verb: String, _ users: UserOptions, _ options: [String] = []) -> [String] {
                ["mailbox", "metadata", verb] + users.words + (self.server ? ["-s"] : []) + options
                    + ["--", self.mailbox]
            }
        }

        struct Get: AccountsCommand {
            static let configuration = CommandConfiguration(commandName: "get", abstract: "Shows an entry's value.")
            @OptionGroup var target: AccountOptions
            @OptionGroup var place: Place
            @Argument(help: "Such as /private/comment.") var key: String
            var words: [String] { self.place.words("get", self.users) + [self.key] }
            var style: RowStyle { RowStyle(.flow, untitled: ["username", "value"]) }
        }

        struct Set: AccountsCommand {
            static let configuration = CommandConfiguration(commandName: "set", abstract: "Sets an entry.")
            @OptionGroup var target: AccountOptions
            @OptionGroup var place: Place
            @Argument(help: "Such as /private/comment.") var key: String
            @Argument(help: "What the entry is to hold.") var value: String
            var words: [String] { self.place.words("set", self.users) + [self.key, self.value] }
        }

        struct Unset: AccountsCommand {
            static let configuration = CommandConfiguration(commandName: "unset", abstract: "Removes an entry.")
            @OptionGroup var target: AccountOptions
            @OptionGroup var place: Place
            @Argument(help: "Such as /private/comment.") var key: String
            var words: [String] { self.place.words("unset", self.users) + [self.key] }
        }

        struct List: AccountsCommand {
            static let configuration = CommandConfiguration(commandName: "list", abstract: "Lists entries.")
            @OptionGroup var target: AccountOptions
            @Flag(name: .customShort("p"), help: "Shows /private or /shared before the names.") var prefixes = false
            @OptionGroup var place: Place
            @Argument(help: "Only entries that begin so.") var prefix: String?
            var words: [String] {
                self.place.words("list", self.users, self.prefixes ? ["-p"] : []) + (self.prefix.map { [$0] } ?? [])
            }
            var style: RowStyle { RowStyle(.flow, untitled: ["username", "key"]) }
        }
    }
}
