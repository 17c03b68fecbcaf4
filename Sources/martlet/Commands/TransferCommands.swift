import AdminCommands
import ArchiveCore
import ArgumentParser
import Glibc
import MailCore

extension MailFileForm: ExpressibleByArgument {}

struct ExportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export", abstract: "Writes a user's mail as Maildir or mbox files.",
        discussion: "Flags, keywords, dates and levels of mailboxes go along. The server may run.")
    @OptionGroup var target: OneUser
    @Option(name: .customShort("t"), help: "What to write: maildir or mbox.") var form: MailFileForm = .maildir
    @Option(help: "Only this mailbox; * stands for any text, % for any within a level. May be given several times.")
    var mailbox: [String] = []
    @Option(
        help: "The mail of another namespace than that of INBOX: a private or public one, by its name in the settings.")
    var namespace: String?
    @Flag(
        help: """
            Also into a directory that is not empty: a Maildir gets what is exported beside what it has, mbox files of \
            the same names are replaced.
            """)
    var add = false
    @Argument(help: "The directory; made when it is not there. It must be empty.") var directory: String

    func run() async throws {
        // Repeated without a thought, it would make two of every message of a Maildir.
        guard self.add || Directory.names(self.directory).isEmpty else {
            throw AdminError(
                .exists, "\(self.directory) is not empty; export elsewhere, or with --add into it all the same")
        }
        try Directory.make(self.directory)
        var output = try ExportOutput(self.form, self.directory)
        let words =
            ["backup", "-u", self.target.user, "--", "omissions=named"] + self.mailbox.map { "mailbox=\($0)" }
            + (self.namespace.map { ["namespace=\($0)"] } ?? [])
        let exit: AdminExit
        do {
            exit = try await AdminRunner(self.target.global).run(words, into: &output)
        } catch {
            output.abandon()
            throw error
        }
        let written = try output.finish()
        var table = TerminalOutput(self.target.global.format)
        try await table.columns(["mailbox", "messages"])
        for (name, messages) in written { try await table.row([name.text, String(messages)].map { Array($0.utf8) }) }
        try table.finish()
        guard exit == .success else { throw ExitCode(exit.rawValue) }
    }
}

struct ImportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import", abstract: "Puts messages of Maildir or mbox files into a user's mailboxes.",
        discussion: """
            A Maildir's root is INBOX; its folders, and the files of a directory of mbox files, are mailboxes of their \
            names. Messages get new UIDs, and keep flags, keywords and dates. Subscriptions that stand beside them \
            come along.
            """)
    @OptionGroup var target: OneUser
    @Option(name: .customShort("t"), help: "What is there: maildir or mbox. Seen from the files when left out.")
    var form: MailFileForm?
    @Option(help: "A mailbox below which everything comes.") var into: String?
    @Option(help: "Into another namespace than that of INBOX, by its name in the settings.") var namespace: String?
    @Option(help: "Only this mailbox of the files; * and % as in other commands. May be given several times.")
    var mailbox: [String] = []
    @Flag(help: "Leaves out messages whose Message-ID the mailbox has already.") var skipDuplicates = false
    @Option(help: "How lines that begin with From were quoted in mbox files: rd, o or none.") var quoting = "rd"
    @Argument(help: "Files and directories; - is an mbox on standard input.") var paths: [String]

    func validate() throws {
        guard !self.paths.isEmpty else { throw ValidationError("What to import?") }
        guard ["rd", "o", "none"].contains(self.quoting) else { throw ValidationError("No quoting \(self.quoting).") }
    }

    func run() async throws {
        let quoting: MboxParser.Quoting = self.quoting == "rd" ? .rd : self.quoting == "o" ? .o : .none
        var sources: [any ImportSource] = []
        var subscriptions: [MailboxName] = []
        for path in self.paths {
            let form = self.form ?? MailFolders.form(path)
            sources += try MailFolders.sources(path, form, quoting)
            subscriptions += try MailFolders.subscriptions(path, form)
        }
        guard !sources.isEmpty else {
            throw AdminError(.data, "there is no mail in \(self.paths.joined(separator: ", "))")
        }
        var output = ImportOutput(TerminalOutput(self.target.global.format), ImportStream(sources, subscriptions))
        let words =
            ["import", "-u", self.target.user, "--"] + self.mailbox.map { "mailbox=\($0)" }
            + (self.into.map { ["into=\($0)"] } ?? []) + (self.namespace.map { ["namespace=\($0)"] } ?? [])
            + (self.skipDuplicates ? ["duplicates=skip"] : [])
        let exit: AdminExit
        do {
            exit = try await AdminRunner(self.target.global).run(words, into: &output)
        } catch {
            try output.output.abandon()
            throw error
        }
        try output.output.finish()
        guard exit == .success else { throw ExitCode(exit.rawValue) }
    }
}

/// Feeds files to `import`, and shows its rows.
struct ImportOutput: AdminOutput {
    var output: TerminalOutput
    private let stream: ImportStream

    init(_ output: TerminalOutput, _ stream: ImportStream) {
        self.output = output
        self.stream = stream
    }

    mutating func columns(_ names: [String]) async throws(AdminError) { try await self.output.columns(names) }
    mutating func row(_ values: [[UInt8]]) async throws(AdminError) { try await self.output.row(values) }
    mutating func problem(_ message: String) async throws(AdminError) { try await self.output.problem(message) }

    mutating func progress(done: Int, total: Int) async throws(AdminError) {
        try await self.output.progress(done: self.stream.done, total: self.stream.total)
    }

    mutating func input() async throws(AdminError) -> [UInt8]? { try self.stream.next() }
}

struct VerifyMailCommand: RemoteCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify", abstract: "Compares files, index, sizes and checksums.",
        discussion: """
            For one user, several, or without -u and -A for the whole volume with its log. The server may run. Exit \
            status 65: something is wrong and not mended.
            """)
    @OptionGroup var global: GlobalOptions
    @Option(name: .customShort("u"), help: "The user; * and ? stand for any text and any character.") var user: String?
    @Flag(name: .customShort("A"), help: "All users.") var all = false
    @Flag(help: "Mends the index where the files are right.") var repair = false

    func validate() throws {
        guard !self.all || self.user == nil else { throw ValidationError("Give -u NAME or -A, not both.") }
    }

    var words: [String] {
        var words = ["verify"]
        if let user { words += ["-u", user] } else if self.all { words.append("-A") }
        return words + ["--"] + (self.repair ? ["repair=yes"] : [])
    }
}

struct ScrubCommand: RemoteCommand {
    static let configuration = CommandConfiguration(
        commandName: "scrub", abstract: "Shows when the background examination ran last and what it found.")
    @OptionGroup var global: GlobalOptions
    var words: [String] { ["scrub"] }
}
