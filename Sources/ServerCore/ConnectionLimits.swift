import Synchronization

/// Counts the connections of the daemon, in all and by address. From any thread.
public final class ConnectionLimits: Sendable {
    private struct State {
        var total = 0
        var byAddress: [[UInt8]: Int] = [:]
    }

    /// The most connections at a time.
    public let maximum: Int
    /// The most from one IPv4 address or IPv6 /64; unix sockets are not counted by address.
    public let maximumPerAddress: Int
    private let state = Mutex(State())

    public init(maximum: Int, maximumPerAddress: Int) {
        self.maximum = maximum
        self.maximumPerAddress = maximumPerAddress
    }

    /// Counts a connection in; `nil` when it may stay, and then `release` must follow.
    public func acquire(_ address: PeerAddress) -> Refusal? {
        self.state.withLock { state in
            if state.total >= self.maximum { return .tooManyConnections }
            if address.kind != .unix {
                let count = state.byAddress[address.limitKey, default: 0]
                if count >= self.maximumPerAddress { return .tooManyFromAddress }
                state.byAddress[address.limitKey] = count + 1
            }
            state.total += 1
            return nil
        }
    }

    public func release(_ address: PeerAddress) {
        self.state.withLock { state in
            state.total -= 1
            guard address.kind != .unix else { return }
            let count = state.byAddress[address.limitKey, default: 1]
            state.byAddress[address.limitKey] = count > 1 ? count - 1 : nil
        }
    }

    /// Connections counted in now.
    public var total: Int { self.state.withLock { $0.total } }
}
