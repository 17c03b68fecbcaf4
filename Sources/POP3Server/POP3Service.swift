import MailStore
import POP3Core
public import ServerCore
import Synchronization

/// Serves POP3 (RFC 1939) on the connections of a listener.
public final class POP3Service: ConnectionService {
    private let options: Mutex<POP3Options>

    public init(_ options: POP3Options) { self.options = Mutex(options) }

    /// Gives later sessions other options.
    public func reload(_ options: POP3Options) { self.options.withLock { $0 = options } }

    public func serve(_ connection: Connection) async {
        let actor = MailActor(service: "pop3", session: connection.sessionID, address: connection.remoteAddress.text)
        await MailActor.$current.withValue(actor) {
            await POP3Session(connection, self.options.withLock { $0 }).run()
        }
    }

    public func refusal(_ reason: Refusal) -> [UInt8] {
        let text =
            switch reason {
            case .tooManyConnections: "Too many connections."
            case .tooManyFromAddress: "Too many connections from your address."
            case .shuttingDown: "Server shutting down."
            }
        var out: [UInt8] = []
        POP3Response.error(.temporary, text).encode(into: &out)
        return out
    }
}
