import Synchronization

/// The programs of this machine that bring mail, by the users whose they are: how many at a time, and how often their
/// refusals are told.
public final class LocalPeers: Sendable {
    private struct Peer {
        var sessions = 0
        var refusals = 0
        var toldAt: ContinuousClock.Instant?
    }

    private let peers = Mutex<[UInt32: Peer]>([:])

    /// Sessions of one user at a time.
    static let maximumSessions = 32
    /// Between two lines in the log about one user.
    private static let pause: Duration = .seconds(60)
    /// Users that are remembered.
    private static let maximumPeers = 4096

    public init() {}

    /// `false`: the user has too many sessions.
    func enter(_ user: UInt32) -> Bool {
        self.peers.withLock { peers in
            guard peers[user, default: Peer()].sessions < Self.maximumSessions else { return false }
            peers[user, default: Peer()].sessions += 1
            return true
        }
    }

    func leave(_ user: UInt32) {
        self.peers.withLock { peers in
            peers[user]?.sessions -= 1
            guard peers.count > Self.maximumPeers else { return }
            peers = peers.filter { $0.value.sessions > 0 }
        }
    }

    /// Counts a refusal; how many there were since the last line about the user, when one is due.
    func refused(_ user: UInt32, at now: ContinuousClock.Instant = .now) -> Int? {
        self.peers.withLock { peers in
            var peer = peers[user] ?? Peer()
            peer.refusals += 1
            defer { peers[user] = peer }
            if let toldAt = peer.toldAt, now - toldAt < Self.pause { return nil }
            peer.toldAt = now
            defer { peer.refusals = 0 }
            return peer.refusals
        }
    }
}
