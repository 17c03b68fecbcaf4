import ArgumentParser

struct JunkCommand: RemoteCommand {
    static let configuration = CommandConfiguration(
        commandName: "junk", abstract: "Shows what the junk filter was taught since the daemon began.")
    @OptionGroup var global: GlobalOptions
    var words: [String] { ["junk"] }
}
