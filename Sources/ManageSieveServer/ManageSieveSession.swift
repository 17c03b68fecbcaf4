import Accounts
import Authentication
import Glibc
import Logging
import Login
import MailStore
import ManageSieveCore
import SASLCore
import ServerConfig
import ServerCore
import SieveCore
import SieveStorage

/// One ManageSieve connection, from greeting to end.
actor ManageSieveSession {
    nonisolated let connection: Connection
    nonisolated var unownedExecutor: UnownedSerialExecutor {
        self.connection.executor.asUnownedSerialExecutor()
    }

    let options: ManageSieveOptions
    let settings: Settings
    /// The user and the scripts, from login on.
    var login: Login?
    var loginLog = LoginLog(service: "managesieve")
    var isDone = false
    private var badCommands = 0

    /// A user who is logged in.
    struct Login {
        var user: String
        var identity: AccountIdentity
        var storage: SieveStorage
    }

    /// Wrong commands in all after which the session ends.
    private static let maximumBadCommands = 20
    /// The largest literal of a client that is not logged in: a bearer token in base64 with what is around it.
    static let maximumLiteralBeforeLogin = 12_288
    /// Octets of a literal that is too large that are read and forgotten.
    private static let maximumSkipped: UInt64 = 64 << 20

    init(_ connection: Connection, _ options: ManageSieveOptions) {
        self.connection = connection
        self.options = options
        self.settings = options.configuration.settings(
            for: .sieve, remoteAddress: connection.remoteAddress.text)
    }

    var offersTLS: Bool {
        !self.connection.isEncrypted && self.options.contexts.current != nil && self.settings.tls.mode != .no
    }

    /// Whether a password may be sent now.
    var allowsPasswords: Bool {
        self.connection.isProtected || (self.settings.auth.allowsCleartext && self.settings.tls.mode != .required)
    }

    func run() async {
        self.sendCapabilities("Martlet ready.")
        var ending = "Logged out"
        do throws(ConnectionError) {
            while !self.isDone {
                try await self.step()
                await self.connection.shareLoop()
            }
            try await self.connection.flush()
        } catch {
            ending = error.reason
            switch error.code {
            case .shutdown: self.reply(.bye, .tryLater, "Server shutting down.")
            case .timedOut: self.reply(.bye, nil, "Disconnected for inactivity.")
            case .closed, .slowReader, .tls: break
            }
        }
        if let login = self.login {
            self.options.logger.info("\(self.label(login.user)): Disconnected: \(ending)")
        } else {
            self.options.logger.info("\(self.loginLog.disconnected(ending, fields: self.logFields))")
        }
    }

    var maximumScript: Int {
        let size = Int(clamping: self.settings.sieve.maximumScriptSize)
        return size > 0 ? min(size, ScriptFile.maximumSize) : ScriptFile.maximumSize
    }

    /// Reads one command and runs it. Answers of pipelined commands go out together.
    private func step() async throws(ConnectionError) {
        let limit = self.login == nil ? Self.maximumLiteralBeforeLogin : self.maximumScript
        switch self.connection.withInput({ ManageSieveScanner.scan($0, maximumLiteral: limit) }) {
        case .needMore:
            guard self.connection.withInput({ $0.count }) <= limit + 2 * ManageSieveScanner.maximumLine else {
                self.reply(.bye, nil, "Too long a command.")
                self.isDone = true
                return
            }
            try await self.connection.flush()
            try await self.connection.readMore()
        case .hopeless(let text):
            self.reply(.bye, nil, text)
            self.isDone = true
        case .bad(let text, let consumed):
            self.connection.consume(consumed)
            self.bad(text)
        case .tooLarge(let octets, let consumed):
            self.connection.consume(consumed)
            guard octets <= Self.maximumSkipped else {
                self.reply(.bye, .quotaMaxSize, "Too large a script.")
                self.isDone = true
                return
            }
            try await self.skip(octets)
            self.reply(.no, .quotaMaxSize, "The script has \(octets) octets; \(limit) are allowed.")
        case .command(let name, let arguments, let consumed):
            self.connection.consume(consumed)
            do throws(ManageSieveCommand.Problem) {
                let command = try ManageSieveCommand(name: name, arguments: arguments)
                try await self.checked(command)
            } catch {
                self.bad(error.text)
            }
            if let failure = self.failure { throw failure }
            try await self.connection.flushIfLarge()
        }
    }

    /// Why the connection failed inside a command.
    private var failure: ConnectionError?

    private func checked(_ command: ManageSieveCommand) async throws(ManageSieveCommand.Problem) {
        do throws(ConnectionError) {
            try await self.run(command)
        } catch {
            self.failure = error
        }
    }

    /// Forgets a literal and the rest of its line.
    private func skip(_ octets: UInt64) async throws(ConnectionError) {
        var left = octets
        while left > 0 {
            let there = self.connection.withInput { $0.count }
            if there == 0 {
                try await self.connection.readMore()
                continue
            }
            let count = Int(min(UInt64(there), left))
            self.connection.consume(count)
            left -= UInt64(count)
        }
        while true {
            let end = self.connection.withInput { input -> Int? in
                for index in 0..<input.count where input[index] == 0x0A { return index + 1 }
                return nil
            }
            if let end {
                self.connection.consume(end)
                return
            }
            self.connection.consume(self.connection.withInput { $0.count })
            try await self.connection.readMore()
        }
    }

    private func run(_ command: ManageSieveCommand) async throws(ConnectionError) {
        switch command {
        case .capability: self.sendCapabilities("Capability completed.")
        case .noop(let tag):
            self.reply(.ok, tag.map { .tag($0) }, "Done")
        case .logout:
            self.reply(.ok, nil, "Logout completed.")
            self.isDone = true
        case .startTLS: try await self.startTLS()
        case .authenticate(let mechanism, let initialResponse):
            guard self.login == nil else { return self.bad("already logged in") }
            try await self.authenticate(mechanism, initialResponse)
        case .unauthenticate:
            guard self.login != nil else { return self.bad("not logged in") }
            self.login = nil
            self.connection.unauthenticated()
            self.loginLog = LoginLog(service: "managesieve")
            self.reply(.ok, nil, "Unauthenticated.")
        case .haveSpace, .putScript, .listScripts, .setActive, .getScript, .deleteScript, .renameScript, .checkScript:
            guard let login = self.login else { return self.bad("log in first") }
            try await self.connection.flush()
            await self.run(command, login)
        }
    }

    private func startTLS() async throws(ConnectionError) {
        guard self.login == nil, self.offersTLS, let context = self.options.contexts.current else {
            return self.bad(self.connection.isEncrypted ? "TLS is active already" : "TLS is not available now")
        }
        self.reply(.ok, nil, "Begin TLS negotiation now.")
        try await self.connection.startTLS(context, applicationProtocol: "managesieve")
        // RFC 5804 section 2.2: what was said before does not count.
        self.sendCapabilities("TLS negotiation successful.")
    }

    // MARK: Answers

    func reply(_ status: ManageSieveResponse.Status, _ code: ManageSieveResponse.Code?, _ text: String) {
        ManageSieveResponse(status, code, text).encode(into: &self.connection.output)
    }

    /// Answers what is no command here; too many end the session.
    func bad(_ text: String) {
        self.badCommands += 1
        guard self.badCommands < Self.maximumBadCommands else {
            self.reply(.bye, nil, "Too many invalid commands.")
            self.isDone = true
            return
        }
        self.reply(.no, nil, "\(text).")
    }

    private func sendCapabilities(_ text: String) {
        func line(_ words: String...) { ManageSieveString.encodeLine(words, into: &self.connection.output) }
        let capabilities = self.options.compiler.registry.capabilities
        line("IMPLEMENTATION", "Martlet")
        // The comparators that need no `require` are not extensions.
        line(
            "SIEVE",
            capabilities.filter { $0 != "comparator-i;octet" && $0 != "comparator-i;ascii-casemap" }
                .joined(separator: " "))
        if capabilities.contains("enotify") { line("NOTIFY", "mailto") }
        // The schemes of the names of lists (RFC 6134).
        if capabilities.contains("extlists") { line("EXTLISTS", "tag") }
        if self.login == nil {
            line("SASL", self.mechanisms.joined(separator: " "))
            if self.offersTLS { line("STARTTLS") }
        }
        line("MAXREDIRECTS", String(self.settings.sieve.maximumRedirects))
        if let login = self.login { line("OWNER", login.user) }
        line("UNAUTHENTICATE")
        line("VERSION", "1.0")
        self.reply(.ok, nil, text)
    }

    /// Mechanisms that this connection may use, in upper case.
    var mechanisms: [String] {
        MechanismOffer(
            self.connection, allowsCleartext: self.settings.auth.allowsCleartext,
            requiresTLS: self.settings.tls.mode == .required
        ).mechanisms(self.settings.auth.mechanisms.compactMap { SASLMechanismName($0.rawValue) }).map(\.text)
    }

    func label(_ user: String) -> String {
        LogLabel.session("managesieve", user: user, processID: getpid(), sessionID: self.connection.sessionID)
    }

    var logFields: ConnectionLogFields { ConnectionLogFields(self.connection) }
}
