import ManageSieveCore
public import ServerCore
import Synchronization

/// Serves ManageSieve (RFC 5804) on the connections of a listener.
public final class ManageSieveService: ConnectionService {
    private let options: Mutex<ManageSieveOptions>

    public init(_ options: ManageSieveOptions) { self.options = Mutex(options) }

    /// Gives later sessions other options.
    public func reload(_ options: ManageSieveOptions) { self.options.withLock { $0 = options } }

    public func serve(_ connection: Connection) async {
        await ManageSieveSession(connection, self.options.withLock { $0 }).run()
    }

    public func refusal(_ reason: Refusal) -> [UInt8] {
        let text =
            switch reason {
            case .tooManyConnections: "Too many connections."
            case .tooManyFromAddress: "Too many connections from your address."
            case .shuttingDown: "Server shutting down."
            }
        var out: [UInt8] = []
        ManageSieveResponse(.bye, .tryLater, text).encode(into: &out)
        return out
    }
}
