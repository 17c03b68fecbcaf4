import AdminCommands
import ArgumentParser
import Glibc

/// The commands on the scripts of users, as doveadm has them.
extension SieveCommand {
    struct List: AccountsCommand {
        static let configuration = CommandConfiguration(
            commandName: "list", abstract: "Lists users' scripts, and which one is active.")
        @OptionGroup var target: AccountOptions
        var words: [String] { ["sieve", "list"] + self.users.words }
    }

    struct Get: AccountsCommand {
        static let configuration = CommandConfiguration(commandName: "get", abstract: "Prints a script.")
        @OptionGroup var target: AccountOptions
        @Argument(help: "The script's name.") var script: String
        var words: [String] { ["sieve", "get"] + self.users.words + ["--", self.script] }
        /// One script comes out as it went in.
        var rendering: RowRendering? {
            guard self.users.isOne else { return nil }
            return { values in values["content"] ?? [] }
        }
    }

    struct Put: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "put", abstract: "Compiles a script and stores it; one with mistakes is not stored.")
        @OptionGroup var target: AccountOptions
        @Flag(name: .customShort("a"), help: "Activates it too.") var activate = false
        @Argument(help: "The script's name.") var script: String
        @Argument(help: "The file; - is standard input.") var file = "-"

        func run() async throws {
            guard let octets = self.file == "-" ? InputFile.standard() : InputFile.read(self.file) else {
                throw AdminError(.data, "cannot read \(self.file): \(String(cString: strerror(errno)))")
            }
            guard let text = String(validating: octets, as: UTF8.self) else {
                throw AdminError(.data, "\(self.file): not text in UTF-8")
            }
            try await AdminRunner(self.target.global).run(
                ["sieve", "put"] + self.target.users.words + (self.activate ? ["-a"] : []) + ["--", self.script, text])
        }
    }

    struct Activate: AccountsCommand {
        static let configuration = CommandConfiguration(
            commandName: "activate", abstract: "Compiles a stored script and makes it the active one.")
        @OptionGroup var target: AccountOptions
        @Argument(help: "The script's name.") var script: String
        var words: [String] { ["sieve", "activate"] + self.users.words + ["--", self.script] }
    }

    struct Deactivate: AccountsCommand {
        static let configuration = CommandConfiguration(
            commandName: "deactivate", abstract: "Leaves users without an active script.")
        @OptionGroup var target: AccountOptions
        var words: [String] { ["sieve", "deactivate"] + self.users.words }
    }

    struct Delete: AccountsCommand {
        static let configuration = CommandConfiguration(commandName: "delete", abstract: "Deletes a script.")
        @OptionGroup var target: AccountOptions
        @Flag(name: .customShort("a"), help: "Also the active one.") var active = false
        @Argument(help: "The script's name.") var script: String
        var words: [String] {
            ["sieve", "delete"] + self.users.words + (self.active ? ["-a"] : []) + ["--", self.script]
        }
    }

    struct Rename: AccountsCommand {
        static let configuration = CommandConfiguration(
            commandName: "rename", abstract: "Renames a script; an active one stays active.")
        @OptionGroup var target: AccountOptions
        @Argument(help: "The script's name.") var script: String
        @Argument(help: "The new name.") var newName: String
        var words: [String] { ["sieve", "rename"] + self.users.words + ["--", self.script, self.newName] }
    }
}

extension SieveCommand {
    struct Filter: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "filter", abstract: "Runs a script over messages of a mailbox.",
            discussion: """
                Without -e it shows what would be done and does nothing, but programs that the script asks do run. With \
                -e it is done, and the messages themselves stay as they are; with -W too they are changed, and removed \
                where they are not kept.
                """)
        @OptionGroup var target: AccountOptions
        @Flag(name: [.customShort("e"), .customLong("execute")], help: "Does it.") var execute = false
        @Flag(name: .customShort("W"), help: "May change and remove messages of the mailbox.") var write = false
        @Flag(name: .customShort("q"), help: "Does not show messages that just stay.") var quiet = false
        @Option(
            name: .customShort("D"),
            help: "Messages that the script discards: keep, delete (marked), expunge, or move:MAILBOX.")
        var discarded = "keep"
        @Argument(help: "A script file (with a / or .sieve, or - for standard input), else a script of the user's.")
        var script: String
        @Argument(help: "The mailbox.") var mailbox: String
        @Argument(help: "A search, as for martlet search; everything when left out.") var query: [String] = []

        func run() async throws {
            var script = self.script
            let isFile = script == "-" || script.contains("/") || script.hasSuffix(".sieve")
            if isFile {
                guard let octets = script == "-" ? InputFile.standard() : InputFile.read(script),
                    let text = String(validating: octets, as: UTF8.self)
                else { throw AdminError(.data, "cannot read \(script) as text in UTF-8") }
                script = text
            }
            var words = ["sieve", "filter"] + self.target.users.words + ["-D", self.discarded]
            if self.execute { words.append("-e") }
            if self.write { words.append("-W") }
            if self.quiet { words.append("-q") }
            if isFile { words.append("-s") }
            try await AdminRunner(self.target.global).run(words + ["--", script, self.mailbox] + self.query)
        }
    }
}

/// Files as commands read them.
enum InputFile {
    static func read(_ path: String) -> [UInt8]? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        return self.read(descriptor)
    }

    static func standard() -> [UInt8]? { self.read(STDIN_FILENO) }

    private static func read(_ descriptor: CInt) -> [UInt8]? {
        var octets: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = Glibc.read(descriptor, &piece, piece.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { return nil }
            if count == 0 { return octets }
            octets += piece[..<count]
        }
    }
}
