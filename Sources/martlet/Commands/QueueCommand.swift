import ArgumentParser

struct QueueCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "queue", abstract: "Shows and steers the mails of users' scripts that wait for the MTA.",
        subcommands: [List.self, Retry.self, Delete.self])

    struct List: RemoteCommand {
        static let configuration = CommandConfiguration(
            commandName: "list", abstract: "Shows the mails that wait, the oldest first.")
        @OptionGroup var global: GlobalOptions
        var words: [String] { ["queue", "list"] }
    }

    /// Which mails are meant.
    struct Selection: ParsableArguments {
        @Option(name: .short, help: "Those of a user; * and ? stand for others.")
        var user: String?
        @Flag(name: .customShort("A"), help: "All.")
        var all = false
        @Argument(help: "Ids as `queue list` shows them.")
        var ids: [String] = []

        var words: [String] {
            (self.user.map { ["-u", $0] } ?? []) + (self.all ? ["-A"] : []) + ["--"] + self.ids
        }
    }

    struct Retry: RemoteCommand {
        static let configuration = CommandConfiguration(
            commandName: "retry", abstract: "Has mails tried now.")
        @OptionGroup var global: GlobalOptions
        @OptionGroup var selection: Selection
        var words: [String] { ["queue", "retry"] + self.selection.words }
    }

    struct Delete: RemoteCommand {
        static let configuration = CommandConfiguration(
            commandName: "delete", abstract: "Drops mails; nobody is told.")
        @OptionGroup var global: GlobalOptions
        @OptionGroup var selection: Selection
        var words: [String] { ["queue", "delete"] + self.selection.words }
    }
}
