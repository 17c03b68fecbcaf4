import Synchronization

/// What was found out about the messages of a mailbox and stays true as long as they are there, whoever asks: all sessions
/// share it. It keeps the latest few results, and goes with the mailbox's messages when these leave the memory.
public final class MailboxMemo: Sendable {
    /// Results that are kept.
    private static let maximum = 4

    private struct Entry: Sendable {
        var key: any Hashable & Sendable
        var value: any Sendable
    }

    private let entries = Mutex<[Entry]>([])

    public init() {}

    /// What was kept under that key.
    public func value<Value: Sendable, Key: Hashable & Sendable>(_ key: Key, _: Value.Type = Value.self) -> Value? {
        self.entries.withLock { entries in
            entries.first { $0.key as? Key == key && $0.value is Value }?.value as? Value
        }
    }

    /// Keeps a result in the place of an earlier one of that key, or of the oldest.
    public func keep<Key: Hashable & Sendable>(_ value: some Sendable, _ key: Key) {
        self.entries.withLock { entries in
            entries.removeAll { $0.key as? Key == key }
            if entries.count >= Self.maximum { entries.removeFirst() }
            entries.append(Entry(key: key, value: value))
        }
    }

    public func removeAll() { self.entries.withLock { $0 = [] } }
}
