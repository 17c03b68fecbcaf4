import LMTPCore
public import ServerCore
import Synchronization

/// Serves LMTP (RFC 2033) on the connections of a listener.
public final class LMTPService: ConnectionService {
    private let options: Mutex<LMTPOptions>

    public init(_ options: LMTPOptions) { self.options = Mutex(options) }

    /// Gives later sessions other options.
    public func reload(_ options: LMTPOptions) { self.options.withLock { $0 = options } }

    public func serve(_ connection: Connection) async {
        await LMTPSession(connection, self.options.withLock { $0 }).run()
    }

    public func refusal(_ reason: Refusal) -> [UInt8] {
        let text =
            switch reason {
            case .tooManyConnections, .tooManyFromAddress: "Too many connections"
            case .shuttingDown: "Shutting down"
            }
        var out: [UInt8] = []
        LMTPReply(421, "4.3.2", text).encode(into: &out)
        return out
    }
}
