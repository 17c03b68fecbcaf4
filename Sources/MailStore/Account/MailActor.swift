import Synchronization

/// On whose behalf mail is changed: what `martlet why` says of it.
///
/// A session binds it for its task and everything that it calls:
///
///     await MailActor.$current.withValue(MailActor(service: "imap", ...)) { await session.run() }
///
/// It changes nothing in what calls do; they only note it.
public final class MailActor: Sendable {
    /// Whose doing the calls of this task are; `nil`: nobody's who is to be noted.
    @TaskLocal public static var current: MailActor?

    /// `imap`, `pop3`, `doveadm`, ...
    public let service: String
    /// The session's name in the log.
    public let session: String
    /// From where; empty for this machine.
    public let address: String
    private let clientName: Mutex<String>

    public init(service: String, session: String, address: String, client: String = "") {
        self.service = service
        self.session = session
        self.address = address
        self.clientName = Mutex(client)
    }

    /// The program, as it calls itself (ID, RFC 2971); empty when it has not.
    public var client: String {
        get { self.clientName.withLock { $0 } }
        set { self.clientName.withLock { $0 = newValue } }
    }

    /// As it is now.
    var snapshot: TraceEvent.Actor {
        TraceEvent.Actor(service: self.service, session: self.session, address: self.address, client: self.client)
    }
}
