import MIMECore
import MailCore

/// Everything that the test commands of one file work on: message, envelope, settings, a mail store, an outbox, the
/// script and the result in work. Used by one thread.
final class TestSession: SieveHost, @unchecked Sendable {
    struct StoredMail {
        var octets: [UInt8]
        var flags: [String]
    }

    let files: any SieveTestFiles
    /// The folder of the test file, absolute.
    let folder: String
    let print: @Sendable (String) -> Void

    // The message and its envelope.
    private(set) var message: [UInt8] = []
    var messageFlags: [String] = []
    var sender: SieveAddress?
    var recipient: SieveAddress?
    var originalRecipient: SieveAddress?
    var authenticatedUser: String?
    /// Counts changes of all that.
    private(set) var generation = 0
    /// The messages so far; runs may still look at earlier ones.
    private var storages: [SieveOctetStorage] = []

    // The store and what was sent.
    var mailboxes: [String: [StoredMail]] = [:]
    var outbox: [OutgoingMail] = []
    var metadata: [String: [UInt8]] = [:]

    // Scripts.
    var script: SieveScript?
    var saved: [String: SieveScript] = [:]
    var result = TestResult()
    var errors: [String] = []
    var settings: TestSettings

    // Blocks.
    var block: String?
    var finished: [SieveTestBlock] = []
    /// Why the whole file failed.
    var fileFailure: String?
    /// A script that is tested called `test_fail`.
    var subtestFailure: String?
    var depth = 0
    private var sent = 0

    init(files: any SieveTestFiles, folder: String, print: @escaping @Sendable (String) -> Void) {
        self.files = files
        self.folder = folder
        self.print = print
        self.settings = TestSettings()
        self.setMessage(
            Array(
                "From: sender@example.com\r\nTo: recipient@example.org\r\nSubject: Frop!\r\n\r\nFriep!\r\n".utf8))
    }

    // MARK: Message and envelope

    func setMessage(_ octets: [UInt8], flags: [String] = []) {
        self.message = octets
        self.messageFlags = flags
        self.storages.append(SieveOctetStorage(octets))
        let message = self.currentMessage
        self.sender =
            message.firstAddress(["return-path", "sender", "from"]) ?? SieveAddress(envelope: "sender@example.com")
        self.recipient =
            message.firstAddress(["envelope-to", "to"]) ?? SieveAddress(envelope: "recipient@example.com")
        self.originalRecipient = self.recipient
        self.authenticatedUser = "tester"
        self.generation += 1
    }

    func changed() { self.generation += 1 }

    var currentMessage: SieveMessage {
        guard let storage = self.storages.last else {
            return SieveMessage(Octets(UnsafeRawBufferPointer(start: nil, count: 0)))
        }
        return SieveMessage(storage.octets, limits: self.settings.limits)
    }

    var environment: SieveEnvironment {
        var environment = SieveEnvironment(sender: self.sender, recipient: self.recipient)
        environment.originalRecipient = self.originalRecipient
        environment.authenticatedUser = self.authenticatedUser
        environment.now = self.files.now
        environment.zone = { [files] in files.zoneOffsetMinutes(at: $0) }
        environment.host = self
        environment.policy = self.settings.policy
        return environment
    }

    /// Lets a run see the message, envelope and settings as they are now.
    func refresh(_ run: inout SieveRun) {
        run.environment = self.environment
        run.limits = self.settings.limits
        run.begin(with: self.currentMessage)
    }

    var sendingContext: SendingContext {
        self.sent += 1
        return SendingContext(now: self.files.now, unique: "test.\(self.sent)", hostname: "mail.example.org")
    }

    // MARK: Scripts

    /// Compiles a file, with `errors` as its list of errors.
    func compile(_ path: String) -> SieveScript? {
        guard let octets = self.files.read(path) else {
            self.errors.append("script not found: \(path)")
            return nil
        }
        let session = IncludeSession(IncludedTestScripts(session: self))
        var limits = self.settings.limits
        limits.errors = 10_000
        let denied = self.settings.deniedExtensions
        let compilation = SieveCompiler(registry: denied.isEmpty ? .tested : .tested(without: denied), limits: limits)
            .compile(octets, name: SieveTestRunner.scriptName(of: path), identity: path, session: session)
        for diagnostic in compilation.diagnostics where diagnostic.severity == .error {
            self.errors.append(diagnostic.text)
        }
        if compilation.script == nil { self.errors.append(compilation.verdict) }
        return compilation.script
    }

    /// The path of a script that a command names.
    func path(_ name: String, of run: SieveRun) -> String {
        let identity = run.scriptIdentity
        if name.hasPrefix("/") { return name }
        let folder = identity.hasPrefix("/") ? SieveTestRunner.folder(of: identity) : self.folder
        return folder + "/" + name
    }

    // MARK: SieveHost

    func mailboxExists(_ name: String) -> Bool { self.mailboxes[Self.mailboxName(name)] != nil }

    func metadata(_ entry: String, mailbox: String?) -> [UInt8]? {
        self.metadata[Self.metadataKey(entry, mailbox)]
    }

    static func metadataKey(_ entry: String, _ mailbox: String?) -> String {
        (mailbox.map { "mailbox \(Self.mailboxName($0))" } ?? "server") + "\n" + entry.lowercased()
    }

    static func mailboxName(_ name: String) -> String { name.lowercased() == "inbox" ? "INBOX" : name }

    func environmentItem(_ name: String) -> [UInt8]? {
        switch name {
        case "location": Array("MS".utf8)
        case "phase": Array("post".utf8)
        case "tst.path": Array(self.folder.utf8)
        default: name.hasPrefix("tst.") ? [] : nil
        }
    }

    func isListed(_ value: [UInt8], list: String) -> Bool? {
        guard let members = self.members(of: list) else { return nil }
        guard !value.isEmpty else { return true }
        return members.contains { ASCII.equalsIgnoringCase($0, value) }
    }

    func members(of list: String) -> [[UInt8]]? {
        guard let path = self.settings.lists[list] else { return nil }
        guard !path.isEmpty else { return [] }
        return self.pairs(path).map { pair in
            for prefix in ["priv/", "shared/"] where pair.key.starts(with: prefix.utf8) {
                return Array(pair.key.dropFirst(prefix.utf8.count))
            }
            return pair.key
        }
    }

    func run(_ call: SieveProgramCall, input: [UInt8]) -> (succeeded: Bool, output: [UInt8]) {
        guard let programs = self.settings.programs[call.kind], !programs.directory.isEmpty else {
            self.print("error: \(call.kind.rawValue): no directory of programs is set")
            return (false, [])
        }
        guard let ending = self.files.run(call, of: programs, input: input, self.environment) else {
            self.print("error: \(call.kind.rawValue): the program \(quoted(call.program)) cannot be run")
            return (false, [])
        }
        return ending
    }

    func log(_ text: String, of script: String, at position: SievePosition) { self.print("debug: \(text)") }

    /// The pairs of lines of a key-value file.
    func pairs(_ path: String) -> [(key: [UInt8], value: [UInt8])] {
        guard let octets = self.files.read(path.hasPrefix("/") ? path : self.folder + "/" + path) else { return [] }
        var pairs: [(key: [UInt8], value: [UInt8])] = []
        var key: [UInt8]?
        for line in octets.split(separator: 0x0A, omittingEmptySubsequences: false) {
            var line = Array(line)
            if line.last == 0x0D { line.removeLast() }
            if let first = key {
                pairs.append((first, line))
                key = nil
            } else {
                key = line
            }
        }
        return pairs
    }
}

/// The scripts beside a test file that others include.
struct IncludedTestScripts: SieveScriptSource {
    let session: TestSession

    func source(of name: SieveScriptName) -> [UInt8]? {
        let place = name.location == .personal ? "included" : "included-global"
        if let folder = self.session.settings.scriptFolders[place] {
            let absolute = folder.hasPrefix("/") ? folder : "\(self.session.folder)/\(folder)"
            return self.session.files.read("\(absolute)/\(name.name).sieve")
        }
        guard let dictionary = self.session.settings.scriptDictionaries[place] else {
            return self.session.files.read("\(self.session.folder)/\(place)/\(name.name).sieve")
        }
        let pairs = self.session.pairs(dictionary)
        guard let id = pairs.first(where: { $0.key == Array("priv/sieve/name/\(name.name)".utf8) })?.value
        else { return nil }
        return pairs.first { $0.key == Array("priv/sieve/data/".utf8) + id }.map { Self.unescaped($0.value) }
    }

    /// A value of a key-value file stands in one line: its line ends are written as an octet 1 and a letter.
    private static func unescaped(_ value: [UInt8]) -> [UInt8] {
        var out: [UInt8] = []
        var isEscaped = false
        for byte in value {
            if !isEscaped, byte == 1 {
                isEscaped = true
                continue
            }
            switch byte {
            case UInt8(ascii: "n") where isEscaped: out.append(0x0A)
            case UInt8(ascii: "r") where isEscaped: out.append(0x0D)
            case UInt8(ascii: "t") where isEscaped: out.append(0x09)
            case UInt8(ascii: "1") where isEscaped: out.append(1)
            default: out.append(byte)
            }
            isEscaped = false
        }
        return out
    }
}
