public import MailCore
import Synchronization

/// A change of an account beside its messages.
public enum AccountEvent: Sendable, Hashable {
    case created(MailboxName)
    case deleted(MailboxName)
    /// A mailbox with its children.
    case renamed(from: MailboxName, to: MailboxName)
    case subscribed(MailboxName)
    case unsubscribed(MailboxName)
    /// These entries got a value or lost it.
    case metadata(MetadataOwner, [MetadataEntry])
    /// Access control lists of mailboxes of others changed, in rows about these: who may see what may be others now.
    case accessChanged([AccessIdentifier])
}

/// What has happened to an account since a watch was asked last.
public struct AccountChanges: Sendable {
    /// In the order in which they happened.
    public var events: [AccountEvent] = []
    /// Mailboxes whose messages, flags or counters may differ now.
    public var touched: Set<MailboxName> = []
    /// There was more than a watch keeps: what happened cannot be told.
    public var hasOverflowed = false

    public init() {}

    public var isEmpty: Bool { self.events.isEmpty && self.touched.isEmpty && !self.hasOverflowed }
}

/// Where an account says what happens to it, for those who watch it: NOTIFY, push.
///
/// While nobody does, saying it costs one look at a flag. A watch keeps names and not changes of messages, so that
/// what it costs does not grow with them. Safe to use from any thread.
public final class AccountFeed: Sendable {
    /// Of accounts that say nothing.
    public static let silent = AccountFeed()

    private let hasWatches = Atomic<Bool>(false)
    private let watches = Mutex<[ObjectIdentifier: AccountWatch]>([:])
    private let whenWatched = Mutex<(@Sendable () -> Void)?>(nil)

    private let onIdle: @Sendable () -> Void

    /// - Parameter onIdle: called from any thread when the last watch has ended.
    public init(onIdle: @escaping @Sendable () -> Void = {}) { self.onIdle = onIdle }

    /// Has `body` called when there is a watch and was none, or the other way round; from any thread, it must not
    /// block.
    public func whenWatched(_ body: @escaping @Sendable () -> Void) { self.whenWatched.withLock { $0 = body } }

    public var isWatched: Bool { self.hasWatches.load(ordering: .acquiring) }

    /// Tells of a change. Not with a lock held that a watch's `onChange` may want.
    public func post(_ event: AccountEvent) {
        guard self.isWatched else { return }
        for watch in self.all { watch.note { $0.add(event) } }
    }

    /// Tells that messages of a mailbox changed.
    public func touch(_ name: MailboxName) {
        guard self.isWatched else { return }
        for watch in self.all { watch.note { $0.touch(name) } }
    }

    /// Tells that flags of messages changed which one reader alone sees.
    public func touch(_ name: MailboxName, of reader: String) {
        guard self.isWatched else { return }
        for watch in self.all where watch.reader == reader { watch.note { $0.touch(name) } }
    }

    /// Tells that more happened than can be told.
    public func overflow() {
        guard self.isWatched else { return }
        for watch in self.all { watch.note { $0.overflow() } }
    }

    /// Begins to watch; what happens from now on is kept until it is taken. End it with `stop`.
    ///
    /// - Parameters:
    ///   - reader: the account that has the watcher's INBOX, where that is not this one.
    ///   - onChange: called from any thread when there is something to take; must be quick.
    public func watch(reader: String? = nil, onChange: @escaping @Sendable () -> Void) -> AccountWatch {
        let watch = AccountWatch(self, reader, onChange)
        self.change { $0[ObjectIdentifier(watch)] = watch }
        return watch
    }

    fileprivate func end(_ watch: AccountWatch) { self.change { $0[ObjectIdentifier(watch)] = nil } }

    private func change(_ body: (inout [ObjectIdentifier: AccountWatch]) -> Void) {
        let (before, now) = self.watches.withLock { watches -> (Bool, Bool) in
            let before = watches.isEmpty
            body(&watches)
            self.hasWatches.store(!watches.isEmpty, ordering: .releasing)
            return (before, watches.isEmpty)
        }
        if before == now { return }
        if now { self.onIdle() }
        self.whenWatched.withLock { $0 }?()
    }

    private var all: [AccountWatch] { self.watches.withLock { Array($0.values) } }
}

/// One look at an account's feed.
public final class AccountWatch: Sendable {
    /// Events kept for who does not take them.
    public static let maximumEvents = 1000
    /// Names of mailboxes kept.
    public static let maximumTouched = 10_000

    private let feed: AccountFeed
    fileprivate let reader: String?
    private let changes = Mutex(AccountChanges())
    private let onChange: @Sendable () -> Void

    fileprivate init(_ feed: AccountFeed, _ reader: String?, _ onChange: @escaping @Sendable () -> Void) {
        self.feed = feed
        self.reader = reader
        self.onChange = onChange
    }

    /// What happened since the last call.
    public func take() -> AccountChanges {
        self.changes.withLock { changes in
            defer { changes = AccountChanges() }
            return changes
        }
    }

    /// Forgets the last event that the watcher has caused itself; silent when there is none.
    public func forget(_ isOwn: (AccountEvent) -> Bool) {
        self.changes.withLock { changes in
            if let index = changes.events.lastIndex(where: isOwn) { changes.events.remove(at: index) }
        }
    }

    /// Ends it; nothing is kept any more.
    public func stop() { self.feed.end(self) }

    fileprivate func note(_ change: (inout AccountChanges) -> Void) {
        self.changes.withLock { change(&$0) }
        self.onChange()
    }
}

extension AccountChanges {
    fileprivate mutating func add(_ event: AccountEvent) {
        guard !self.hasOverflowed else { return }
        // However many lists change, it is one look at what can be seen.
        if case .accessChanged = event, self.events.contains(event) { return }
        guard self.events.count < AccountWatch.maximumEvents else { return self.overflow() }
        if case .renamed(let old, let new) = event { self.rename(old, new) }
        self.events.append(event)
    }

    fileprivate mutating func touch(_ name: MailboxName) {
        guard !self.hasOverflowed, self.touched.insert(name).inserted else { return }
        if self.touched.count > AccountWatch.maximumTouched { self.overflow() }
    }

    fileprivate mutating func overflow() {
        self = AccountChanges()
        self.hasOverflowed = true
    }

    /// What was touched under the old name is found under the new one.
    private mutating func rename(_ old: MailboxName, _ new: MailboxName) {
        guard !self.touched.isEmpty else { return }
        self.touched = Set(
            self.touched.map { $0 == old || $0.isDescendant(of: old) ? $0.moved(from: old, to: new) ?? $0 : $0 })
    }
}

extension MailAccount {
    public var feed: AccountFeed { .silent }
}
