import MIMECore
import MailCore
import MailStore
import Synchronization

/// A mailbox as one user has it open: what it allows depends on its access control list, which is asked anew with
/// each change and, unless the mailbox is the user's own, before messages are read. Who may no longer read it has it as
/// if it were deleted.
final class UserMailbox: Mailbox {
    private let base: any Mailbox
    private let view: UserMail
    private let place: UserMail.Place
    private let known: Mutex<MailRights>
    private let isTakenAway = Atomic<Bool>(false)

    init(_ base: any Mailbox, view: UserMail, _ place: UserMail.Place, _ rights: MailRights) {
        self.base = base
        self.view = view
        self.place = place
        self.known = Mutex(rights)
    }

    var name: MailboxName {
        let name = self.base.name
        if name.isInbox, self.place.owner != nil, self.place.levels == self.view.spaces[0].levels { return name }
        return self.place.seen(name) ?? name
    }
    var access: MailboxAccess { self.base.access }
    var guid: String { self.base.guid }
    var isDeleted: Bool { self.base.isDeleted || self.isTakenAway.load(ordering: .relaxed) }
    var isRetired: Bool { self.base.isRetired }
    var rights: MailRights { self.known.withLock { $0 } }

    func snapshot() -> MailboxSnapshot { self.base.snapshot() }

    func takeRecent() -> UIDSet { self.base.takeRecent() }

    func close() { self.base.close() }

    /// The rights as they are now.
    private func currentRights() async throws(StoreError) -> MailRights {
        var place = self.place
        // It may have been renamed since.
        place.name = self.base.name
        let rights: MailRights
        do throws(StoreError) {
            rights = try await self.view.rights(at: place)
        } catch {
            throw error.code == .notFound ? StoreError(.expunged, error.detail) : error
        }
        self.known.withLock { $0 = rights }
        return rights
    }

    private func require(_ needed: MailRights) async throws(StoreError) {
        guard try await self.currentRights().isSuperset(of: needed) else { throw StoreError(.noPermission) }
    }

    private func requireReading() async throws(StoreError) {
        guard !self.view.isOwner(self.place) else { return }
        guard try await self.currentRights().contains(.read) else {
            self.isTakenAway.store(true, ordering: .relaxed)
            throw StoreError(.noPermission)
        }
    }

    // MARK: Changes

    /// Flags without the right to change them stay as they are; `.noPermission` when that is so for all of them.
    func store(
        _ change: FlagChange, _ uids: UIDSet, unchangedSince: ModSeq?
    ) async throws(StoreError) -> FlagChangeResult {
        var change = change
        change.rights.formIntersection(try await self.currentRights())
        let asksNothing = change.flags.isEmpty && change.keywords.isEmpty
        let canDoSome =
            asksNothing
            ? !change.rights.isDisjoint(with: [.write, .writeSeen, .writeDeleted])
            : !change.rights.permitted(change.flags).isEmpty || !change.rights.permitted(change.keywords).isEmpty
        guard canDoSome else { throw StoreError(.noPermission) }
        return try await self.base.store(change, uids, unchangedSince: unchangedSince)
    }

    func expunge(_ uids: UIDSet?) async throws(StoreError) -> UIDSet {
        try await self.require(.expunge)
        return try await self.base.expunge(uids)
    }

    /// Asks for what STORE of \Deleted and EXPUNGE ask for (RFC 8508 section 4.1).
    func baseForRemoval() async throws(StoreError) -> any Mailbox {
        try await self.require([.writeDeleted, .expunge])
        return self.base
    }

    func remove(_ uids: UIDSet) async throws(StoreError) -> UIDSet {
        try await self.require([.writeDeleted, .expunge])
        return try await self.base.remove(uids)
    }

    func copy(_ uids: UIDSet, to target: MailboxName) async throws(StoreError) -> CopyResult {
        let goal = try await self.view.destination(of: target, .fail)
        try await self.requireReading()
        return try await self.base.transfer(uids, to: goal, .copy)
    }

    /// Asks for what its parts ask for: COPY, STORE of \Deleted, EXPUNGE (RFC 6851 section 4.2).
    func move(_ uids: UIDSet, to target: MailboxName) async throws(StoreError) -> CopyResult {
        let goal = try await self.view.destination(of: target, .fail)
        try await self.require([.writeDeleted, .expunge])
        return try await self.base.transfer(uids, to: goal, .move)
    }

    func move(
        _ uids: UIDSet, to target: MailboxName, clearing flags: MessageFlags
    ) async throws(StoreError) -> CopyResult {
        let goal = try await self.view.destination(of: target, .fail)
        try await self.require([.writeDeleted, .expunge])
        // The store moves within one account so, which is where the trash is.
        guard goal.account === self.place.account, goal.rights == .all, goal.privateFlags == nil else {
            return try await self.base.transfer(uids, to: goal, .move)
        }
        return try await self.base.move(uids, to: goal.name, clearing: flags)
    }

    func transfer(
        _ uids: UIDSet, to target: DepositDestination, _ kind: TransferKind
    ) async throws(StoreError) -> CopyResult {
        var goal = try await target.account.destination(of: target.name, .fail)
        try await self.requireReading()
        if kind == .move { try await self.require([.writeDeleted, .expunge]) }
        goal.rights.formIntersection(target.rights)
        goal.privateFlags = goal.privateFlags ?? target.privateFlags
        return try await self.base.transfer(uids, to: goal, kind)
    }

    // MARK: Reading

    func vanished(_ uids: UIDSet, since modSeq: ModSeq) async throws(StoreError) -> UIDSet? {
        try await self.requireReading()
        return try await self.base.vanished(uids, since: modSeq)
    }

    func caches(
        of records: some Sequence<MessageRecord> & Sendable,
        _ visit: (MessageRecord, MessageCache.View?) -> Bool
    ) async throws(StoreError) {
        try await self.requireReading()
        try await self.base.caches(of: records, visit)
    }

    var memo: MailboxMemo? { self.base.memo }

    func signatures(
        of records: [MessageRecord], _ visit: (Int, TextSignature.View?) -> Bool
    ) async throws(StoreError) {
        try await self.requireReading()
        try await self.base.signatures(of: records, visit)
    }

    func headerKeys(
        of records: [MessageRecord], _ visit: (Int, HeaderKeys.View?) -> Bool
    ) async throws(StoreError) {
        try await self.requireReading()
        try await self.base.headerKeys(of: records, visit)
    }

    func octets(
        of records: [MessageRecord], limit: Int
    ) async throws(StoreError) -> [Result<MessageOctets, StoreError>] {
        try await self.requireReading()
        return try await self.base.octets(of: records, limit: limit)
    }

    func pop3Orders() async throws(StoreError) -> [UID: UInt32] { try await self.base.pop3Orders() }

    func details(of uid: UID) async throws(StoreError) -> MessageDetails {
        try await self.requireReading()
        return try await self.base.details(of: uid)
    }

    func details(of records: [MessageRecord]) async throws(StoreError) -> [MessageDetails?] {
        try await self.requireReading()
        return try await self.base.details(of: records)
    }
}
