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
        await self.serve(connection, self.session(connection), .greeting)
    }

    /// Each session says anew what it is.
    private typealias Serving = (session: Session, actor: MailActor)

    /// Not part of `serve`, whose frame would hold for the whole session what only the making of it takes.
    @inline(never)
    private func session(_ connection: Connection) -> Serving {
        let actor = MailActor(
            service: "imap", session: connection.sessionID, address: connection.remoteAddress.text)
        return (Session(connection, self.options.withLock { $0 }), actor)
    }

    private func serve(_ connection: Connection, _ serving: Serving, _ start: Session.Start) async {
        var (serving, start) = (serving, start)
        while true {
            let outcome = await MailActor.$current.withValue(serving.actor) { await serving.session.run(start) }
            switch outcome {
            case .ended: return
            case .unauthenticated: (serving, start) = (self.session(connection), .again)
            case .resting(let events, let timeout):
                let resting = serving
                connection.rest(for: events, timeout: timeout) {
                    await self.serve(connection, resting, .woken($0))
                }
                return
            }
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
