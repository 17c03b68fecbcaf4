import ArgumentParser

struct QuotaCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "quota", abstract: "Shows and changes quotas.",
        subcommands: [Get.self, Recalc.self, Set.self])

    struct Get: AccountsCommand {
        static let configuration = CommandConfiguration(
            commandName: "get", abstract: "Shows usage and limits; storage in KiB.")
        @OptionGroup var target: AccountOptions
        var words: [String] { ["quota", "get"] + self.users.words }
    }

    struct Recalc: AccountsCommand {
        static let configuration = CommandConfiguration(
            commandName: "recalc", abstract: "Counts everything again, and writes maildirsize anew.")
        @OptionGroup var target: AccountOptions
        var words: [String] { ["quota", "recalc"] + self.users.words }
    }

    struct Set: AccountsCommand {
        static let configuration = CommandConfiguration(
            commandName: "set", abstract: "Gives accounts limits of their own, whatever the settings say.")
        @OptionGroup var target: AccountOptions
        @Argument(
            help: "storage=SIZE and messages=COUNT, such as storage=2G; or default for the limits of the settings.")
        var limits: [String]
        var words: [String] { ["quota", "set"] + self.users.words + ["--"] + self.limits }
    }
}
