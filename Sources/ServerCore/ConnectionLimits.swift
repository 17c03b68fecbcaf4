import Synchronization

/// Counts connections: all of one protocol, and those that have not logged in by address. From any thread.
public final class ConnectionLimits: Sendable {
    private struct State {
        var total = 0
        var waitingByAddress: [[UInt8]: Int] = [:]
    }

    /// The most connections at a time.
    public let maximum: Int
    /// The most that have not logged in from one IPv4 address or IPv6 /64; unix sockets are not counted by
    /// address.
    public let maximumWaiting: Int
    private let state = Mutex(State())

    /// 0 is no limit.
    public init(maximum: Int, maximumWaiting: Int) {
        self.maximum = maximum > 0 ? maximum : .max
        self.maximumWaiting = maximumWaiting > 0 ? maximumWaiting : .max
    }

    /// Counts a connection in. Answers `nil` when it may stay; `authenticated` (or not) and `release` follow.
    func acquire(_ address: PeerAddress) -> Refusal? {
        self.state.withLock { state in
            if state.total >= self.maximum { return .tooManyConnections }
            if address.kind != .unix {
                let count = state.waitingByAddress[address.limitKey, default: 0]
                if count >= self.maximumWaiting { return .tooManyFromAddress }
                state.waitingByAddress[address.limitKey] = count + 1
            }
            state.total += 1
            return nil
        }
    }

    /// The connection has logged in, or ends without.
    func stopWaiting(_ address: PeerAddress) {
        guard address.kind != .unix else { return }
        self.state.withLock { state in
            let count = state.waitingByAddress[address.limitKey, default: 1]
            state.waitingByAddress[address.limitKey] = count > 1 ? count - 1 : nil
        }
    }

    func release() { self.state.withLock { $0.total -= 1 } }

    /// Connections counted in now.
    public var total: Int { self.state.withLock { $0.total } }
}
