import IMAPCore
import MailCore
import MailStore

/// What a client of NOTIFY is told of, and what of it it has been told. Of sessions that do not use NOTIFY there is
/// none.
final class Notifications {
    /// What is wanted of the selected mailbox; `nil`: nothing, its view stays as it is.
    let selected: NotifyRequest.Selected?
    /// How new messages of the selected mailbox are told, when anything is to be told of them.
    let newMessages: FetchPlan?
    /// `nil` after NOTIFY NONE and after an overflow.
    private(set) var watch: AccountWatch?
    private var groups: [Group] = []
    /// What the client knows of the counters of mailboxes.
    var told: [MailboxName: MailboxStatus] = [:]
    var subscribed: Set<MailboxName> = []
    /// Those of the mailboxes of others that the client may know of: what becomes of them it is told, of others not.
    var foreign: Set<MailboxName> = []
    /// Mailboxes that are to be watched and that the user may see, but not read: the client is told at the beginning.
    var barred: [MailboxListing] = []
    /// So that what other programs do to the files of mailboxes is heard of, too.
    var fileWatches: [MailboxName: FileWatch] = [:]
    /// Messages that this session brought into the selected mailbox: their items are not told.
    var own = UIDSet()
    /// While the session itself removes messages, it tells so whatever is wanted.
    var tellsRemoval = false

    /// Whether a mailbox is in a namespace of the user's own.
    private let isPersonal: (MailboxName) -> Bool

    private struct Group {
        var filter: DecodedMailboxFilter
        var events: NotifyRequest.Events
    }

    /// NOTIFY NONE.
    init() {
        self.isPersonal = { _ in true }
        self.selected = nil
        self.newMessages = nil
    }

    /// - Parameter decode: the mailbox that a client means; names that none can have are passed over.
    init(
        _ request: NotifyRequest, _ watch: AccountWatch, of account: any MailAccount,
        _ decode: (WireMailboxName) -> MailboxName?
    ) {
        self.isPersonal = { !account.isForeign($0) }
        // Those of messages come all together or not at all.
        self.selected = request.selected.flatMap { $0.events.contains(.messageNew) ? $0 : nil }
        self.newMessages = self.selected.flatMap { $0.items.isEmpty ? nil : FetchPlan(items: $0.items, .uid) }
        self.watch = watch
        for group in request.groups {
            guard let filter = DecodedMailboxFilter(group.filter, decode) else { continue }
            // A client may send more than a thousand groups, and each event asks all of them: those that want the same
            // become one.
            let isTaken = self.groups.indices.contains {
                self.groups[$0].events == group.events && self.groups[$0].filter.take(filter)
            }
            if !isTaken { self.groups.append(Group(filter: filter, events: group.events)) }
        }
    }

    /// From now on as if nothing had been wanted.
    func end() {
        self.watch?.stop()
        self.watch = nil
        self.told = [:]
        self.fileWatches = [:]
    }

    /// The events that are wanted of a mailbox when it is not the selected one.
    func events(of name: MailboxName) -> NotifyRequest.Events {
        var events: NotifyRequest.Events = []
        for group in self.groups where !group.events.isSubset(of: events) {
            let isMatch = group.filter.matches(
                name, isSubscribed: self.subscribed.contains(name), isPersonal: self.isPersonal(name))
            if isMatch { events.formUnion(group.events) }
        }
        return events
    }

    /// Whether changes of the server's metadata are wanted.
    var wantsServerMetadata: Bool { self.groups.contains { $0.events.contains(.serverMetadataChange) } }

    /// A mailbox and its children have other names.
    func rename(_ old: MailboxName, to new: MailboxName) {
        for (name, watch) in self.fileWatches where name == old || name.isDescendant(of: old) {
            self.fileWatches[name] = nil
            if let moved = name.moved(from: old, to: new) { self.fileWatches[moved] = watch }
        }
        for (name, status) in self.told where name == old || name.isDescendant(of: old) {
            self.told[name] = nil
            if let moved = name.moved(from: old, to: new) { self.told[moved] = status }
        }
        for name in self.foreign where name == old || name.isDescendant(of: old) {
            self.foreign.remove(name)
            if let moved = name.moved(from: old, to: new) { self.foreign.insert(moved) }
        }
    }

    /// The items of a STATUS response that tells how a mailbox differs from what the client knows; empty for nothing.
    func news(
        of name: MailboxName, _ status: MailboxStatus, knowsCondStore: Bool
    ) -> [StatusItem] {
        let events = self.events(of: name)
        guard !events.isDisjoint(with: .ofMessages) else { return [] }
        let before = self.told.updateValue(status, forKey: name)
        let tellsFlags = events.contains(.flagChange)
        guard let before, before.uidValidity == status.uidValidity else {
            return [.messages, .uidNext, .uidValidity] + (knowsCondStore ? [.highestModSeq] : [])
        }
        let unseen: [StatusItem] = tellsFlags && before.unseen != status.unseen ? [.unseen] : []
        if before.uidNext != status.uidNext || before.messages != status.messages {
            return [.uidNext, .messages] + (knowsCondStore ? [.highestModSeq] : []) + unseen
        }
        guard tellsFlags, before.highestModSeq != status.highestModSeq else { return [] }
        if knowsCondStore { return [.highestModSeq, .uidValidity] + unseen }
        return unseen.isEmpty ? [] : unseen + [.uidValidity]
    }
}
