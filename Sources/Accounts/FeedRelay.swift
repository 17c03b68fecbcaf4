import MailCore
import MailStore
import Synchronization

/// What happens in the accounts behind a user's view, under the names that the user sees. While nobody watches the view
/// it watches nobody.
final class FeedRelay: Sendable {
    /// Where the names of an account stand in the view.
    struct Source: Hashable, Sendable {
        var account: String
        var levels: [String]

        /// What is said of access control lists, in no account.
        static let access = Source(account: "", levels: [])
    }

    private final class Watches: Sendable {
        let all = Mutex<[Source: AccountWatch]>([:])

        func stop() {
            let watches = self.all.withLock { all in
                defer { all = [:] }
                return Array(all.values)
            }
            for watch in watches { watch.stop() }
        }
    }

    /// The watch that a closure handed to its making takes from; weak, since the watch has the closure.
    private final class Slot: Sendable {
        private struct Reference: Sendable {
            weak var watch: AccountWatch?
        }

        private let reference = Mutex(Reference())

        var watch: AccountWatch? {
            get { self.reference.withLock { $0.watch } }
            set { self.reference.withLock { $0.watch = newValue } }
        }
    }

    private let watches: Watches
    let feed: AccountFeed

    init() {
        let watches = Watches()
        self.watches = watches
        self.feed = AccountFeed(onIdle: { watches.stop() })
    }

    deinit { self.watches.stop() }

    /// Passes on what happens in an account, if somebody watches and it is not passed on already.
    ///
    /// - Parameters:
    ///   - origin: the account's.
    ///   - translate: the event as the user sees it; `nil` for what is not the user's business.
    func attach(
        _ origin: AccountFeed, _ source: Source, reader: String,
        name: @escaping @Sendable (MailboxName) -> MailboxName?,
        _ translate: @escaping @Sendable (AccountEvent) -> AccountEvent?
    ) {
        guard self.feed.isWatched else { return }
        let slot = Slot()
        let feed = self.feed
        let isNew = self.watches.all.withLock { all in
            guard all[source] == nil else { return false }
            let watch = origin.watch(reader: reader) {
                guard let changes = slot.watch?.take() else { return }
                if changes.hasOverflowed { feed.overflow() }
                for event in changes.events {
                    if let event = translate(event) { feed.post(event) }
                }
                for touched in changes.touched {
                    if let name = name(touched) { feed.touch(name) }
                }
            }
            slot.watch = watch
            all[source] = watch
            return true
        }
        // Whoever watched the view may have left meanwhile, and with it what stops the watches.
        if isNew, !self.feed.isWatched { self.watches.stop() }
    }
}

extension AccountEvent {
    /// The event under other names; `nil` when it is about a mailbox that has none.
    func renamed(_ name: (MailboxName) -> MailboxName?) -> AccountEvent? {
        switch self {
        case .created(let old): return name(old).map { .created($0) }
        case .deleted(let old): return name(old).map { .deleted($0) }
        case .renamed(let from, let to):
            guard let from = name(from), let to = name(to) else { return nil }
            return .renamed(from: from, to: to)
        case .subscribed(let old): return name(old).map { .subscribed($0) }
        case .unsubscribed(let old): return name(old).map { .unsubscribed($0) }
        case .metadata(.server, _), .accessChanged: return self
        case .metadata(.mailbox(let old), let entries): return name(old).map { .metadata(.mailbox($0), entries) }
        }
    }
}
