internal import MailCore
internal import MailStore
internal import Synchronization
internal import Threads
internal import VolumeLog

extension VolumeLog {
    /// Octets above which a body is not read into memory.
    static let largeBody = 1 << 20

    /// The body that ends the payload of a record.
    func body(_ count: UInt32, at location: RecordLocation) throws(VolumeLogError) -> MessageOctets {
        if Int(count) > Self.largeBody {
            let mapped = try self.map(location)
            return MessageOctets(
                UnsafeRawBufferPointer(rebasing: mapped.octets.suffix(Int(count))), heldBy: mapped)
        }
        let record = try self.wholeRecord(at: location)
        return MessageOctets(record, from: record.count - Int(count))
    }
}

/// The large messages that were read last, none of them in memory: clients that read one read it in pieces, and
/// each piece would cost what the whole does.
final class LargeBodies: Sendable {
    private struct Key: Hashable {
        var mailbox: MailboxKey
        var uid: UID
    }

    private struct Entry {
        var key: Key
        var octets: MessageOctets
        var usedAt: UInt64
    }

    private let entries = Mutex<[Entry]>([])

    private static let maximum = 16
    /// For how long one is kept, in monotonic nanoseconds: it may be a copy that takes room on the disk.
    private static let lifetime: UInt64 = 30_000_000_000

    func find(_ mailbox: MailboxKey, _ uid: UID) -> MessageOctets? {
        let key = Key(mailbox: mailbox, uid: uid)
        return self.entries.withLock { entries in
            guard let index = entries.firstIndex(where: { $0.key == key }) else { return nil }
            entries[index].usedAt = SteadyClock.nanoseconds()
            return entries[index].octets
        }
    }

    func keep(_ octets: MessageOctets, _ mailbox: MailboxKey, _ uid: UID) {
        guard octets.count > VolumeLog.largeBody else { return }
        let entry = Entry(key: Key(mailbox: mailbox, uid: uid), octets: octets, usedAt: SteadyClock.nanoseconds())
        self.change { entries in
            entries.removeAll { $0.key == entry.key }
            if entries.count >= Self.maximum,
                let oldest = entries.indices.min(by: { entries[$0].usedAt < entries[$1].usedAt })
            {
                entries.remove(at: oldest)
            }
            entries.append(entry)
        }
    }

    /// Drops what was not used for a while.
    func expire() {
        let now = SteadyClock.nanoseconds()
        self.change { $0.removeAll { $0.usedAt &+ Self.lifetime < now } }
    }

    func removeAll() { self.change { $0 = [] } }

    private func change(_ body: (inout [Entry]) -> Void) {
        let before = self.entries.withLock { entries in
            let before = entries
            body(&entries)
            return before
        }
        // The last references may go here, outside of the lock.
        _ = before
    }
}
