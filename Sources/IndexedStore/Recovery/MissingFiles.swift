internal import MailCore
internal import Synchronization

/// Messages whose files are still to be written from the log, because the disk would not have them: a look at the
/// files must not take them for removed by another program.
final class MissingFiles: Sendable {
    private let known = Mutex<[MailboxKey: Set<UID>]>([:])

    func add(_ key: MailboxKey, _ uid: UID) {
        self.known.withLock { known in _ = known[key, default: []].insert(uid) }
    }

    func remove(_ key: MailboxKey, _ uid: UID) {
        self.known.withLock { known in
            known[key]?.remove(uid)
            if known[key]?.isEmpty == true { known[key] = nil }
        }
    }

    func has(of account: UInt32) -> Bool { self.known.withLock { $0.contains { $0.key.account == account } } }

    func uids(_ key: MailboxKey) -> Set<UID> { self.known.withLock { $0[key] ?? [] } }
}
