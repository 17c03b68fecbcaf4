import IMAPCore
import Logging
import Login
import MIMECore
import MailCore
import MailStore
import ServerCore

/// One client's session: reads a command, runs it, writes the answer.
///
/// An actor on its connection's event loop, so nothing in it needs a lock. Commands run one after the
/// other; answers to pipelined commands gather in the connection's output until there is nothing to read
/// or enough to send.
actor Session {
    nonisolated let connection: Connection
    let options: IMAPOptions
    let settings: IMAPSessionSettings

    var parser = CommandParser(limits: .beforeLogin)
    var machine = SessionStateMachine()
    /// Set by the login.
    var user: String?
    var account: (any MailAccount)?
    /// The user's home directory; `nil`: none.
    var home: String?
    var names = MailboxNames([])
    var selected: SelectedMailbox?
    /// Results that are kept up to date (RFC 5267).
    var searchUpdates = SearchUpdates()
    /// What NOTIFY asked for; `nil` until it is used.
    var notifications: Notifications?
    /// Whether the client knows CONDSTORE (RFC 7162 section 3.1.2).
    var knowsCondStore = false
    /// Whether the client has enabled QRESYNC: then it is told of VANISHED and not of EXPUNGE.
    var knowsQuickResync = false
    /// Whether the client has enabled IMAP4rev2 (RFC 9051 appendix A): what that leaves out it is not told.
    var knowsRev2 = false
    /// Whether the client has enabled UTF8=ACCEPT (RFC 6855 section 3).
    var acceptsUTF8 = false
    /// Whether the client has enabled UIDONLY (RFC 9586): no sequence number is taken or told.
    var usesUIDsOnly = false
    var statistics = SessionStatistics()
    /// Octets that the connection carried before this session.
    let octetsBefore: (received: UInt64, sent: UInt64)
    var loginLog = LoginLog(service: "imap")
    /// Whether the user database says that the user may change other users' quotas (field `admin`).
    var isAdministrator = false
    /// Whether the client has been told that the account holds more than it may.
    var knowsOverQuota = false
    /// Commands in a row that were BAD.
    var badCommands = 0
    /// Why the session shall end after the current command; the client has been told.
    var endReason: String?
    /// The IDLE that begins when the current command is done with.
    var idleTag: Tag?
    /// What the session waits for without a task.
    var waiting: Waiting?
    /// How far the command is, while one runs that may take long.
    var progress: CommandProgress?
    /// Why a read inside a message of APPEND failed.
    var readFailure: ConnectionError?
    /// The mailbox for the `trashed` count.
    var trash = MailboxName("Trash")

    nonisolated var unownedExecutor: UnownedSerialExecutor {
        self.connection.executor.asUnownedSerialExecutor()
    }

    init(_ connection: Connection, _ options: IMAPOptions) {
        self.connection = connection
        self.octetsBefore = (connection.bytesTaken, connection.bytesOut)
        self.options = options
        self.settings = options.settings(connection.remoteAddress.text)
        self.parser.limits.nonSynchronizingSize = self.settings.commandLimits.nonSynchronizingSize
    }

    /// What comes after a session.
    enum Outcome {
        /// The connection is to be closed.
        case ended
        /// Another session goes on with it, before the login.
        case unauthenticated
        /// `run` is to be called again after one of the events or that time.
        case resting(WaitEvents, Duration?)
    }

    /// With what a session begins to run, or goes on.
    enum Start {
        case greeting
        /// As another session of the connection, which has greeted.
        case again
        case woken(Wakeup)
    }

    /// Serves the connection to its end, to UNAUTHENTICATE, or until there is nothing to do for a while. The caller closes it.
    func run(_ start: Start) async -> Outcome {
        var reason = "Logged out"
        var outcome = Outcome.ended
        do {
            switch start {
            case .greeting: self.sendGreeting()
            case .again: break
            case .woken(let wakeup): try await self.wake(wakeup)
            }
            if self.waiting == nil { try await self.converse() }
            if let waiting = self.waiting { return .resting(waiting.events, waiting.timeout) }
            try await self.connection.flush()
            if self.machine.isUnauthenticated {
                reason = "Unauthenticated"
                outcome = .unauthenticated
            }
            if let endReason = self.endReason { reason = endReason }
        } catch {
            reason = error.reason
            self.sendGoodbye(error)
        }
        self.notifications?.end()
        self.selected?.mailbox.close()
        self.selected = nil
        self.logEnd(reason)
        return outcome
    }

    /// Says goodbye and lets the session end after the current command.
    func end(_ code: ResponseCode?, _ text: StaticString) {
        self.write { $0.bye(code, text) }
        self.endReason = text.description
    }

    /// In what form headers are shown.
    var wireCharset: WireCharset { self.knowsRev2 || self.acceptsUTF8 ? .utf8 : .ascii }

    /// Appends responses to the output.
    func write(_ body: (inout ResponseEncoder) -> Void) {
        var encoder = ResponseEncoder()
        swap(&encoder.bytes, &self.connection.output)
        body(&encoder)
        swap(&encoder.bytes, &self.connection.output)
    }

    private func sendGreeting() {
        let capabilities = self.capabilities
        let text = self.settings.greeting
        self.write { out in
            out.bytes.append("* OK [CAPABILITY ")
            out.bytes.append(contentsOf: capabilities)
            out.bytes.append("] ")
            for byte in text.utf8 { out.bytes.append(byte < 0x20 || byte >= 0x7F ? 0x20 : byte) }
            out.endLine()
        }
    }

    private func sendGoodbye(_ error: ConnectionError) {
        switch error.code {
        case .timedOut:
            self.write { $0.bye(nil, "Disconnected for inactivity") }
        case .shutdown:
            switch self.connection.shutdownReason {
            case .kicked: self.write { $0.bye(nil, "Disconnected by the administrator") }
            case .moved: self.write { $0.bye(.unavailable, "The account is being moved, please connect again") }
            case .stopping, .none: self.write { $0.bye(.unavailable, "Server is shutting down") }
            }
        case .closed, .slowReader, .tls:
            break
        }
    }

    var capabilities: [UInt8] {
        if self.machine.isAuthenticated {
            return Capabilities.afterLogin(
                self.settings, hasAccessLists: self.account?.enforcesAccessLists ?? false,
                filters: self.options.filter != nil)
        }
        return Capabilities.beforeLogin(
            canStartTLS: self.canStartTLS,
            mayLogIn: self.mayLogIn, mechanisms: self.offeredMechanisms, settings: self.settings)
    }
}
