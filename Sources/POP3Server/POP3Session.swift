import Glibc
import Logging
import Login
import MailCore
import MailStore
import POP3Core
import SASLCore
import ServerConfig
import ServerCore

/// One POP3 connection, from greeting to end.
actor POP3Session {
    nonisolated let connection: Connection
    nonisolated var unownedExecutor: UnownedSerialExecutor {
        self.connection.executor.asUnownedSerialExecutor()
    }

    let options: POP3Options
    let settings: Settings
    var state: POP3SessionState
    /// INBOX, from login to the end.
    var mailbox: (any Mailbox)?
    /// The messages of the session; fixed at login.
    var snapshot: MessageOrder?
    var user = ""
    /// Messages that were sent whole and are to be \Seen.
    var retrieved = UIDSet()
    /// Messages read with the one before them, by their index; at most 128 KiB.
    var readAhead: [Int: Result<MessageOctets, StoreError>] = [:]
    /// The index behind that of the message asked for last.
    var followingIndex = -1
    var counters = Counters()
    var loginLog = LoginLog(service: "pop3")
    var isDone = false
    private var badCommands = 0

    /// What the last log line of a session tells.
    struct Counters {
        var topCount = 0
        var topOctets: UInt64 = 0
        var retrieveCount = 0
        var retrieveOctets: UInt64 = 0
        var removed = 0
    }

    /// Wrong commands in all after which the session ends.
    private static let maximumBadCommands = 20

    init(_ connection: Connection, _ options: POP3Options) {
        self.connection = connection
        self.options = options
        let settings = options.configuration.settings(
            for: .pop3, remoteAddress: connection.remoteAddress.text)
        self.settings = settings
        self.state = POP3SessionState(
            offersTLS: !connection.isEncrypted && options.contexts.current != nil && settings.tls.mode != .no,
            allowsPasswords: connection.isProtected || (settings.auth.allowsCleartext && settings.tls.mode != .required)
        )
        self.state.safeMechanisms = Set(
            Self.offer(connection, settings).lazy.filter { !$0.sendsPassword }.map(\.text))
    }

    func run() async {
        let greeting = Expansion.expand(self.settings.general.loginGreeting) { name in
            switch name {
            case "hostname": self.options.hostname
            case "protocol", "service": "pop3"
            default: nil
            }
        }
        self.reply(.ok(greeting))
        var ending = "Logged out"
        do throws(ConnectionError) {
            while !self.isDone {
                try await self.step()
                await self.connection.shareLoop()
            }
        } catch {
            ending = error.reason
            switch error.code {
            case .shutdown:
                let hasMoved = self.connection.shutdownReason == .moved
                self.reply(.error(.temporary, hasMoved ? "The account is being moved." : "Server shutting down."))
            case .timedOut: self.reply(.error("Disconnected for inactivity."))
            case .closed, .slowReader, .tls: break
            }
        }
        await self.finish()
        self.logEnd(ending)
    }

    /// Reads one command and runs it. Answers of pipelined commands go out together.
    private func step() async throws(ConnectionError) {
        // Of an account that moves, messages can neither be read nor removed here, and their unique-ids are not known; a
        // new session has them all.
        if self.mailbox?.isRetired ?? false {
            self.reply(.error(.temporary, "The account is being moved."))
            self.isDone = true
            return
        }
        switch self.connection.withInput({ POP3Line.find(in: $0) }) {
        case .needMore:
            try await self.connection.flush()
            try await self.connection.readMore()
        case .tooLong:
            self.reply(.error("Line too long."))
            self.isDone = true
        case .line(let length, let consumed):
            let parsed = self.connection.withInput { input -> Result<POP3Command, POP3CommandError> in
                do throws(POP3CommandError) {
                    return .success(try POP3Command(line: input.extracting(0..<length)))
                } catch {
                    return .failure(error)
                }
            }
            self.connection.consume(consumed)
            switch parsed {
            case .success(let command): try await self.run(self.state.received(command))
            case .failure(.unknown): self.bad(.error("Unknown command."))
            case .failure(.arguments(let text)): self.bad(.error("\(text)."))
            case .failure(.encoding): self.bad(.error("Invalid base64 data in initial response."))
            }
            try await self.connection.flushIfLarge()
        }
    }

    private func run(_ action: POP3SessionState.Action) async throws(ConnectionError) {
        switch action {
        case .reply(let response): self.reply(response)
        case .capabilities(let capabilities):
            self.reply(.ok())
            for line in capabilities.lines(mechanisms: self.mechanisms) {
                POP3Listing.encode(line, into: &self.connection.output)
            }
            POP3Listing.end(into: &self.connection.output)
        case .mechanisms:
            self.reply(.ok())
            for name in self.mechanisms {
                POP3Listing.encode(name, into: &self.connection.output)
            }
            POP3Listing.end(into: &self.connection.output)
        case .checkPassword(let user, let password):
            try await self.checkPassword(user: user, password: password)
        case .authenticate(let mechanism, let initialResponse):
            try await self.authenticate(mechanism, initialResponse)
        case .startTLS: try await self.startTLS()
        case .listSizes: try await self.listSizes()
        case .listUniqueIDs: try await self.listUniqueIDs()
        case .uniqueID(let index): await self.answerUniqueID(index)
        case .send(let index, let lines): try await self.send(index, lines: lines)
        case .quit(let removing):
            await self.quit(removing: removing)
            self.isDone = true
        }
    }

    /// The names of the mechanisms that this connection may use.
    var mechanisms: [String] { Self.offer(self.connection, self.settings).map(\.text) }

    private nonisolated static func offer(_ connection: Connection, _ settings: Settings) -> [SASLMechanismName] {
        MechanismOffer(
            connection, allowsCleartext: settings.auth.allowsCleartext, requiresTLS: settings.tls.mode == .required
        ).mechanisms(settings.auth.mechanisms.compactMap { SASLMechanismName($0.rawValue) })
    }

    private func startTLS() async throws(ConnectionError) {
        guard let context = self.options.contexts.current else {
            self.reply(.error("TLS support isn't enabled."))
            return
        }
        self.reply(.ok("Begin TLS negotiation now."))
        try await self.connection.startTLS(context, applicationProtocol: "pop3")
        self.state.startedTLS()
    }

    func reply(_ response: POP3Response) { response.encode(into: &self.connection.output) }

    /// Answers a line that is no command; too many of them end the session.
    private func bad(_ response: POP3Response) {
        self.reply(response)
        self.badCommands += 1
        guard self.badCommands >= Self.maximumBadCommands else { return }
        self.reply(.error("Too many invalid commands."))
        self.isDone = true
    }

    private func logEnd(_ ending: String) {
        guard !self.user.isEmpty else {
            self.options.logger.info("\(self.loginLog.disconnected(ending, fields: self.logFields))")
            return
        }
        let connection = self.connection
        let octets = "in=\(connection.bytesIn), out=\(connection.bytesOut + UInt64(connection.output.count))"
        let counters = self.counters
        var size: UInt64 = 0
        for chunk in self.snapshot?.snapshot.chunks ?? [] {
            for record in chunk.records { size += UInt64(record.size) }
        }
        self.options.logger.info(
            """
            \(self.label): Disconnected: \(ending) top=\(counters.topCount)/\(counters.topOctets), \
            retr=\(counters.retrieveCount)/\(counters.retrieveOctets), \
            del=\(counters.removed)/\(self.snapshot?.count ?? 0), size=\(size), \(octets)
            """)
    }

    /// How log lines about the session begin.
    var label: String {
        LogLabel.session("pop3", user: self.user, processID: getpid(), sessionID: self.connection.sessionID)
    }

    /// Where the client is, for the log.
    var logFields: ConnectionLogFields { ConnectionLogFields(self.connection) }
}
