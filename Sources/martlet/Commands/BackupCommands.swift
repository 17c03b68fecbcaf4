import AdminCommands
import ArchiveCore
import ArgumentParser
import Glibc

/// The user whose account a command works on.
struct OneUser: ParsableArguments {
    @OptionGroup var global: GlobalOptions
    @Option(name: .customShort("u"), help: "The user.") var user: String

    func validate() throws {
        guard !self.user.contains("*"), !self.user.contains("?") else {
            throw ValidationError("One user, please: this command takes no masks.")
        }
    }
}

/// `martlet backup`; named apart from the daemon's part of it.
struct BackUpCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "backup", abstract: "Writes a user's mail into a file, as it is at one moment.",
        discussion: """
            Everything is in it: mailboxes, UIDs, flags, dates, subscriptions, metadata, access control lists, Sieve \
            scripts. The server may run. With --since, only what is not in an earlier backup. With -A, a file for each \
            user in a directory.
            """)
    @OptionGroup var global: GlobalOptions
    @Option(name: .customShort("u"), help: "The user.") var user: String?
    @Flag(name: .customShort("A"), help: "All users, each into a file of the user's name.") var all = false
    @Option(
        help: "The mail of another namespace than that of INBOX: a private or public one, by its name in the settings.")
    var namespace: String?
    @Option(help: "An earlier backup, of which this one is to be an increment; with -A the directory with those.")
    var since: String?
    @Argument(help: "The file; - is standard output. With -A the directory, made when it is not there.")
    var file: String

    func validate() throws {
        guard self.all != (self.user != nil) else {
            throw ValidationError("For which user? Give -u NAME, or -A for all.")
        }
        if let user, user.contains("*") || user.contains("?") {
            throw ValidationError("One user, please, or -A for all: this command takes no masks.")
        }
        if self.all, self.file == "-" { throw ValidationError("With -A, name a directory.") }
    }

    func run() async throws {
        if self.all { return try await self.backUpAll() }
        let exit = try await self.backUp(self.user ?? "", self.file, since: self.since)
        guard exit == .success else { throw ExitCode(exit.rawValue) }
    }

    func backUp(_ user: String, _ file: String, since: String?) async throws(AdminError) -> AdminExit {
        var base: [UInt8]?
        if let since {
            guard !Self.areOne(since, file) else {
                throw AdminError(
                    .usage, "\(file): an increment cannot take the place of the backup that it is based on")
            }
            base = try BackupBeginning.read(since)
        }
        var output = BackupOutput(try FileWriter(file), base: base)
        let words =
            ["backup", "-u", user, "--"] + (since == nil ? [] : ["increment=yes"])
            + (self.namespace.map { ["namespace=\($0)"] } ?? [])
        let exit = try await AdminRunner(self.global).run(words, into: &output)
        try output.finish()
        return exit
    }

    private static func areOne(_ first: String, _ second: String) -> Bool {
        var one = stat()
        var other = stat()
        guard stat(first, &one) == 0, stat(second, &other) == 0 else { return false }
        return one.st_ino == other.st_ino && one.st_dev == other.st_dev
    }
}

struct RestoreMailCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "restore", abstract: "Brings a user's mail back from backups.",
        discussion: """
            Give the first backup and then its increments in order. UIDVALIDITY and UIDs come back where a mailbox is \
            not there or was never used; messages that are there already stay as they are. Repeat it when it was cut \
            short.
            """)
    @OptionGroup var target: OptionalUser
    @Option(help: "Only this mailbox; * stands for any text, % for any within a level. May be given several times.")
    var mailbox: [String] = []
    @Option(help: "A mailbox below which everything comes, instead of to its old place.") var into: String?
    @Option(help: "Into another namespace than that of INBOX, by its name in the settings.") var namespace: String?
    @Flag(help: "Reads the files and says what is in them, and whether they belong together; changes nothing.")
    var check = false
    @Argument(help: "The backups; - is standard input.") var files: [String]

    struct OptionalUser: ParsableArguments {
        @OptionGroup var global: GlobalOptions
        @Option(name: .customShort("u"), help: "The user.") var user: String?
    }

    func validate() throws {
        guard self.check || self.target.user != nil else { throw ValidationError("For which user? Give -u NAME.") }
        guard !self.files.isEmpty, self.files.count == 1 || !self.files.contains("-") else {
            throw ValidationError("Standard input can be the only backup, and no other.")
        }
    }

    func run() async throws {
        if self.check { return try await self.examine() }
        try self.checkChain()
        var files: [SourceFile] = []
        for file in self.files { files.append(try SourceFile(file)) }
        var beginning: [UInt8] = []
        if self.files.count > 1, let last = self.files.last { beginning = try BackupBeginning.read(last) }
        var output = RestoreOutput(TerminalOutput(self.target.global.format), files, beginning)
        let words =
            ["restore", "-u", self.target.user ?? "", "--", "files=\(self.files.count)"]
            + self.mailbox.map { "mailbox=\($0)" } + (self.into.map { ["into=\($0)"] } ?? [])
            + (self.namespace.map { ["namespace=\($0)"] } ?? [])
        try await output.run(words, self.target.global)
    }

    /// Before anything is restored: of a chain that is broken only a part would come back. What is no plain file cannot
    /// be read twice; the server then tells as it goes.
    private func checkChain() throws(AdminError) {
        guard self.files.count > 1 else { return }
        var links: [BackupChain.Link] = []
        for file in self.files {
            guard let head = try BackupBeginning.head(file) else { return }
            links.append(BackupChain.Link(file, head))
        }
        try Self.tell(BackupChain.mistakes(links))
    }

    /// Says what is wrong with the order of backups, if anything is.
    private static func tell(_ mistakes: [String]) throws(AdminError) {
        guard let last = mistakes.last else { return }
        for mistake in mistakes.dropLast() { Terminal.complain(mistake) }
        throw AdminError(.data, last)
    }

    private func examine() async throws {
        var links: [BackupChain.Link] = []
        var output = TerminalOutput(self.target.global.format)
        try await output.columns(["file", "id", "base", "account", "created", "mailboxes", "messages", "octets"])
        for file in self.files {
            let reader = try FileReader(file)
            var backup = BackupReader()
            var head: BackupHead?
            var counts = (boxes: 0, messages: UInt64(0), octets: UInt64(0))
            do {
                while !backup.isAtEnd, let octets = try reader.next() {
                    backup.append(octets)
                    while let item = try backup.next() {
                        switch item {
                        case .begin(let found): head = found
                        case .mailbox: counts.boxes += 1
                        case .end(let messages, let octets): (counts.messages, counts.octets) = (messages, octets)
                        default: break
                        }
                    }
                }
                try backup.finish()
            } catch let error as BackupError {
                try output.abandon()
                throw AdminError(.data, "\(file): \(error.text)")
            }
            if let head { links.append(BackupChain.Link(file, head)) }
            try await output.row(
                [
                    file, head?.id.description ?? "", head?.base?.description ?? "", head?.account ?? "",
                    head.map { LocalTime.text($0.created) } ?? "", String(counts.boxes), String(counts.messages),
                    String(counts.octets),
                ].map { Array($0.utf8) })
        }
        try output.finish()
        // An increment alone may be examined, too.
        if self.files.count > 1 { try Self.tell(BackupChain.mistakes(links)) }
    }
}

/// The part of a backup before its messages, which is what others need to know of it.
enum BackupBeginning {
    /// What a file says of itself; `nil` for what is no plain file, of which nothing is read.
    static func head(_ path: String) throws(AdminError) -> BackupHead? {
        // What is no plain file is not opened: a pipe that is closed again is broken.
        guard try SourceFile(path).size != nil else { return nil }
        let reader = try FileReader(path)
        var backup = BackupReader()
        while let piece = try reader.next() {
            backup.append(piece)
            do throws(BackupError) {
                while let item = try backup.next() {
                    if case .begin(let head) = item { return head }
                }
            } catch {
                throw AdminError(.data, "\(path): \(error.text)")
            }
        }
        throw AdminError(.data, "\(path): the backup is cut short")
    }

    static func read(_ path: String) throws(AdminError) -> [UInt8] {
        let reader = try FileReader(path)
        var backup = BackupReader()
        var octets: [UInt8] = []
        while let piece = try reader.next() {
            octets += piece
            backup.append(piece)
            do throws(BackupError) {
                while let item = try backup.next() {
                    if case .messages = item { return Array(octets.prefix(Int(clamping: backup.offset))) }
                }
            } catch {
                throw AdminError(.data, "\(path): \(error.text)")
            }
        }
        throw AdminError(.data, "\(path): the backup is cut short")
    }
}

/// Writes the rows of `backup` into a file.
struct BackupOutput: AdminOutput {
    private let file: FileWriter
    private var base: ArraySlice<UInt8>
    private var bar = ProgressBar()

    init(_ file: FileWriter, base: [UInt8]?) {
        self.file = file
        self.base = (base ?? [])[...]
    }

    mutating func columns(_ names: [String]) async throws(AdminError) {}

    mutating func row(_ values: [[UInt8]]) async throws(AdminError) {
        for value in values { try self.file.write(value) }
    }

    mutating func problem(_ message: String) async throws(AdminError) {
        self.bar.clear()
        Terminal.complain(message)
    }

    mutating func progress(done: Int, total: Int) async throws(AdminError) { self.bar.show(done: done, total: total) }

    mutating func input() async throws(AdminError) -> [UInt8]? {
        guard !self.base.isEmpty else { return nil }
        let piece = self.base.prefix(FileReader.piece)
        self.base = self.base.dropFirst(piece.count)
        return Array(piece)
    }

    mutating func finish() throws(AdminError) {
        self.bar.clear()
        try self.file.finish()
    }
}

/// Feeds backups to `restore`, and shows its rows.
struct RestoreOutput: AdminOutput {
    private var output: TerminalOutput
    private var files: ArraySlice<SourceFile>
    /// The one that is being read.
    private var reader: FileReader?
    private var beginning: ArraySlice<UInt8>
    private var sent = 0
    private let total: Int

    init(_ output: TerminalOutput, _ files: [SourceFile], _ beginning: [UInt8]) {
        self.output = output
        self.files = files[...]
        self.beginning = beginning[...]
        self.total = files.reduce(0) { $0 + ($1.size ?? 0) }
    }

    mutating func run(_ words: [String], _ global: GlobalOptions) async throws {
        let exit: AdminExit
        do {
            exit = try await AdminRunner(global).run(words, into: &self)
        } catch {
            try self.output.abandon()
            throw error
        }
        try self.output.finish()
        guard exit == .success else { throw ExitCode(exit.rawValue) }
    }

    mutating func columns(_ names: [String]) async throws(AdminError) { try await self.output.columns(names) }
    mutating func row(_ values: [[UInt8]]) async throws(AdminError) { try await self.output.row(values) }
    mutating func problem(_ message: String) async throws(AdminError) { try await self.output.problem(message) }

    mutating func progress(done: Int, total: Int) async throws(AdminError) {
        // How long the files are is known here.
        guard self.total > 0 else { return }
        try await self.output.progress(done: min(self.sent, self.total), total: self.total)
    }

    mutating func input() async throws(AdminError) -> [UInt8]? {
        if !self.beginning.isEmpty {
            let piece = self.beginning.prefix(FileReader.piece)
            self.beginning = self.beginning.dropFirst(piece.count)
            return Array(piece)
        }
        while true {
            if let piece = try self.reader?.next() {
                self.sent += piece.count
                return piece
            }
            self.reader = nil
            guard let file = self.files.popFirst() else { return nil }
            self.reader = try file.open()
        }
    }
}
