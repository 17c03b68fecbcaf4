import MailStore
public import ServerCore
import Synchronization

/// The IMAP server: runs a session on each connection that a listener accepts.
public final class IMAPService: ConnectionService {
    private let options: Mutex<IMAPOptions>

    public init(_ options: IMAPOptions) { self.options = Mutex(options) }

    /// Gives later sessions other options.
    public func reload(_ options: IMAPOptions) { self.options.withLock { $0 = options } }

    public func serve(_ connection: Connection) async {
        var isFirst = true
        var goesOn = true
        while goesOn {
            // Each session has said anew what it is.
            let actor = MailActor(
                service: "imap", session: connection.sessionID, address: connection.remoteAddress.text)
            let greets = isFirst
            let outcome = await MailActor.$current.withValue(actor) {
                await Session(connection, self.options.withLock { $0 }).run(isFirst: greets)
            }
            isFirst = false
            if case .unauthenticated = outcome { goesOn = true } else { goesOn = false }
        }
    }

    public func refusal(_ reason: Refusal) -> [UInt8] {
        switch reason {
        case .tooManyConnections: Array("* BYE [UNAVAILABLE] Too many connections, try again later\r\n".utf8)
        case .tooManyFromAddress: Array("* BYE [LIMIT] Too many connections from your address\r\n".utf8)
        case .shuttingDown: Array("* BYE [UNAVAILABLE] Server is shutting down\r\n".utf8)
        }
    }
}
