import AdminCommands
import ArgumentParser
import Glibc
import LMTPCore
import ServerConfig

/// `deliver`: takes one message and hands it to the daemon, as an MTA's or a mail fetcher's delivery program.
///
/// Whatever goes wrong here and is not the message's or the user's fault ends with EX_TEMPFAIL, also a wrong command
/// line: the caller keeps the message.
struct DeliverCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "deliver", abstract: "Delivers the message on standard input, for MTAs, procmail and fetchmail.",
        discussion: """
            Options are those of dovecot-lda. Without -d the mail is for the system user who runs it. Exit status 75: \
            try again later.
            """)
    @Option(name: .customShort("c"), help: "The configuration file.") var configuration = "/etc/martlet/martlet.conf"
    @Option(name: .customShort("S"), help: "The daemon's socket, instead of base_dir/deliver.") var socket: String?
    @Option(name: .customShort("d"), help: "The user.") var user: String?
    @Option(name: .customShort("f"), help: "The envelope sender; empty or <> is the null sender.") var sender: String?
    @Option(name: .customShort("a"), help: "The address that the mail was sent to, before aliases.")
    var original: String?
    @Option(name: .customShort("r"), help: "The final address, after aliases.") var final: String?
    @Option(name: .customShort("m"), help: "The mailbox, unless a script says otherwise; INBOX when it is missing.")
    var mailbox: String?
    @Option(name: .customShort("p"), help: "A file with the message, instead of standard input.") var path: String?
    @Flag(name: .customShort("e"), help: "A mail that is refused ends with status 77 and the reason.")
    var answersRejection = false

    func run() throws {
        do throws(DeliverFailure) {
            let link = try DeliverLink(self.socketPath)
            try link.deliver(self.delivery(), try self.envelope(), from: try self.input())
        } catch {
            throw AdminError(error.exit, "deliver: \(error.text)")
        }
    }

    private func delivery() throws(DeliverFailure) -> LocalDelivery {
        var name = self.user ?? ""
        if name.isEmpty {
            guard let entry = getpwuid(getuid()) else {
                throw DeliverFailure(.temporary, "user id \(getuid()) has no name; give -d USER")
            }
            name = String(cString: entry.pointee.pw_name)
        }
        return LocalDelivery(
            user: name, mailbox: self.mailbox.flatMap { $0.isEmpty ? nil : $0 },
            answersRejection: self.answersRejection)
    }

    private func envelope() throws(DeliverFailure) -> DeliverEnvelope {
        let user = try self.delivery().user
        let recipient = self.final ?? self.original ?? user
        return DeliverEnvelope(
            sender: self.sender.flatMap { Self.address($0) },
            hasSender: self.sender != nil, recipient: Self.address(recipient) ?? EnvelopeAddress(user),
            original: self.original.flatMap { Self.address($0) })
    }

    /// `nil` for the null sender.
    private static func address(_ text: String) -> EnvelopeAddress? {
        var text = text[...]
        if text.hasPrefix("<"), text.hasSuffix(">") { text = text.dropFirst().dropLast() }
        return text.isEmpty ? nil : EnvelopeAddress(String(text))
    }

    private func input() throws(DeliverFailure) -> CInt {
        guard let path else { return STDIN_FILENO }
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw DeliverFailure(.temporary, "cannot read \(path): \(String(cString: strerror(errno)))")
        }
        return descriptor
    }

    /// Users may not read keys that the configuration names, so its mistakes are passed over here.
    private var socketPath: String {
        if let socket { return socket }
        return Configuration.load(path: self.configuration).settings.deliverSocketPath
    }
}

/// The envelope as LMTP is told it.
struct DeliverEnvelope {
    var sender: EnvelopeAddress?
    /// Whether one was given, be it the null one.
    var hasSender: Bool
    var recipient: EnvelopeAddress
    var original: EnvelopeAddress?
}

extension EnvelopeAddress {
    /// An address as people write it, the local part not quoted.
    fileprivate init(_ text: String) {
        if let at = text.lastIndex(of: "@"), text.index(after: at) < text.endIndex {
            self.init(localPart: String(text[..<at]), domain: String(text[text.index(after: at)...]))
        } else {
            self.init(localPart: text, domain: nil)
        }
    }
}

struct DeliverFailure: Error {
    let exit: AdminExit
    let text: String

    init(_ exit: AdminExit, _ text: String) {
        self.exit = exit
        self.text = text
    }
}
