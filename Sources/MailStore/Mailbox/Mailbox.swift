public import MIMECore
public import MailCore

/// A mailbox as one session has it open. Its state is shared with all other sessions in the same mailbox.
///
/// Safe to use from any thread. After the mailbox was deleted, calls fail with `.expunged` and `snapshot()`
/// keeps its last value.
public protocol Mailbox: AnyObject, Sendable {
    /// The name; changes when the mailbox is renamed.
    var name: MailboxName { get }
    var access: MailboxAccess { get }
    var guid: String { get }
    /// Whether the mailbox was deleted while open.
    var isDeleted: Bool { get }
    /// Whether the account moves or has moved: the mailbox and all its messages stay, but not for this object. Calls fail
    /// with `.temporary`, `snapshot()` keeps its last value, and who opens the account anew has it again.
    var isRetired: Bool { get }

    /// The mailbox now. A copy of a few references; no wait.
    func snapshot() -> MailboxSnapshot

    /// The messages that are \Recent to this session and that it has not been given before (RFC 3501 section
    /// 2.3.2). With `.readWrite` they are recent to no later session.
    func takeRecent() -> UIDSet

    /// Changes flags and keywords of messages, against what is stored now and not what a session last saw.
    /// UIDs that are not there are ignored. At once in the snapshot; durable as `mail_fsync` says.
    func store(
        _ change: FlagChange, _ uids: UIDSet, unchangedSince: ModSeq?
    ) async throws(StoreError) -> FlagChangeResult

    /// Removes messages: those of `uids` (all when `nil`) that are marked \Deleted. Answers the UIDs removed.
    func expunge(_ uids: UIDSet?) async throws(StoreError) -> UIDSet

    /// The store's own mailbox behind this one, for a REPLACE by a user who may remove messages; `.noPermission`.
    func baseForRemoval() async throws(StoreError) -> any Mailbox

    /// Removes messages whatever their flags (POP3 DELE, admin).
    func remove(_ uids: UIDSet) async throws(StoreError) -> UIDSet

    /// The UIDs of a set whose messages were removed with a MODSEQ above `modSeq`; `nil` when that is not remembered so
    /// far back. What a snapshot that is taken before does not have and once had is among them.
    func vanished(_ uids: UIDSet, since modSeq: ModSeq) async throws(StoreError) -> UIDSet?

    /// Copies messages to a mailbox of the same account, all or none; durable when answered. UIDs that are not
    /// there are ignored. `.notFound` when the target does not exist.
    func copy(_ uids: UIDSet, to target: MailboxName) async throws(StoreError) -> CopyResult

    /// Moves messages, as one step; durable when answered. Within the same mailbox they get new UIDs.
    func move(_ uids: UIDSet, to target: MailboxName) async throws(StoreError) -> CopyResult

    /// As `move`, and the messages lose some flags on the way.
    func move(
        _ uids: UIDSet, to target: MailboxName, clearing flags: MessageFlags
    ) async throws(StoreError) -> CopyResult

    /// Copies or moves messages to a mailbox of another account of the same store, as one step; durable when
    /// answered. Flags that the target's rights do not allow to change stay behind.
    func transfer(
        _ uids: UIDSet, to target: DepositDestination, _ kind: TransferKind
    ) async throws(StoreError) -> CopyResult

    /// What the session's user may do here, when last asked.
    var rights: MailRights { get }

    /// Calls `visit` with the cached data of each record in order, inside one read of the index. `nil` data:
    /// there is no usable cache (message gone, stored unparsed); use `octets`. `visit` answers `false` to stop.
    ///
    /// Runs on the calling thread, waiting only if the newest messages are not yet in the index. Ask for at most
    /// some hundred at once. The view is valid inside `visit` only.
    func caches(
        of records: some Sequence<MessageRecord> & Sendable,
        _ visit: (MessageRecord, MessageCache.View?) -> Bool
    ) async throws(StoreError)

    /// Calls `visit` with the position in `records`, which ascend by UID, and the signature of each, inside one read of
    /// the index. `nil`: not known, so the message itself must be asked. `visit` answers `false` to stop.
    ///
    /// Runs on the calling thread, waiting only if the newest messages are not yet in the index; about 0.1 us for each
    /// record. The view is valid inside `visit` only.
    func signatures(
        of records: [MessageRecord], _ visit: (Int, TextSignature.View?) -> Bool
    ) async throws(StoreError)

    /// The same with the keys of each message's header, by which it is sorted and found.
    func headerKeys(
        of records: [MessageRecord], _ visit: (Int, HeaderKeys.View?) -> Bool
    ) async throws(StoreError)

    /// Reads whole messages, in order, as many from the front as fit in `limit` octets but at least one.
    ///
    /// An element is `.expunged` or `.temporary` when its message could not be read.
    func octets(
        of records: [MessageRecord], limit: Int
    ) async throws(StoreError) -> [Result<MessageOctets, StoreError>]

    /// Data that few ask for: save date, e-mail id, POP3 UIDL override.
    func details(of uid: UID) async throws(StoreError) -> MessageDetails

    /// The same of many messages, in the order of `records`; `nil` for those that are gone. Ask for at most some
    /// hundred at once.
    func details(of records: [MessageRecord]) async throws(StoreError) -> [MessageDetails?]

    /// The places in POP3's order of messages that a former server gave, of those messages that have one.
    func pop3Orders() async throws(StoreError) -> [UID: UInt32]

    /// Results about the mailbox's messages, shared with its other sessions; `nil` where none are kept.
    var memo: MailboxMemo? { get }

    /// Ends the session's use; `onChange` is not called any more when this returns.
    func close()
}

/// Whether messages stay where they are, too.
public enum TransferKind: Sendable, Hashable { case copy, move }

extension Mailbox {
    public var isRetired: Bool { false }
    public var rights: MailRights { .all }
    public var memo: MailboxMemo? { nil }

    public func pop3Orders() async throws(StoreError) -> [UID: UInt32] { [:] }

    public func transfer(
        _ uids: UIDSet, to target: DepositDestination, _ kind: TransferKind
    ) async throws(StoreError) -> CopyResult { throw StoreError(.cannot, "account of another store") }
}

extension Mailbox {
    public func baseForRemoval() async throws(StoreError) -> any Mailbox { self }
}

/// A change of flags: STORE (RFC 9051 section 6.4.6).
public struct FlagChange: Sendable {
    public enum Mode: Sendable, Hashable { case add, remove, replace }

    public var mode: Mode
    public var flags: MessageFlags
    public var keywords: [Keyword]
    /// Only what these allow changes; a replacement leaves the rest as it is.
    public var rights: MailRights

    public init(
        _ mode: Mode, _ flags: MessageFlags, _ keywords: [Keyword] = [], rights: MailRights = .all
    ) {
        self.mode = mode
        self.flags = flags
        self.keywords = keywords
        self.rights = rights
    }

    /// What the flags of a message become.
    public func applied(to old: MessageFlags) -> MessageFlags {
        let changed = self.rights.permitted(self.flags)
        switch self.mode {
        case .add: return old.union(changed)
        case .remove: return old.subtracting(changed)
        case .replace: return old.subtracting(self.rights.permitted(old)).union(changed)
        }
    }
}

/// What a flag change did.
public struct FlagChangeResult: Sendable {
    /// Messages left alone because their MODSEQ is above UNCHANGEDSINCE (RFC 7162 section 3.1.3).
    public var modified: UIDSet
    /// The MODSEQ of all messages that changed; `nil` when none did.
    public var modSeq: ModSeq?

    public init(modified: UIDSet = [], modSeq: ModSeq? = nil) {
        self.modified = modified
        self.modSeq = modSeq
    }
}

/// Where copies went: `source` and `target` have the same number of UIDs and correspond in ascending order
/// (COPYUID, RFC 4315 section 3).
public struct CopyResult: Sendable {
    public var uidValidity: UIDValidity
    public var source: UIDSet
    public var target: UIDSet

    public init(uidValidity: UIDValidity, source: UIDSet, target: UIDSet) {
        self.uidValidity = uidValidity
        self.source = source
        self.target = target
    }
}

/// Data of one message beside its record.
public struct MessageDetails: Sendable {
    /// When the message came into this mailbox, seconds since 1970 (RFC 8514).
    public var saveDate: Int64
    /// Identifies the content over copies and moves (GUID).
    public var guid: String
    /// A POP3 UIDL that a former server gave; overrides the default form.
    public var pop3UIDL: String?
    /// The POP3 order of a former server.
    public var pop3Order: UInt32?

    public init(saveDate: Int64, guid: String, pop3UIDL: String? = nil, pop3Order: UInt32? = nil) {
        self.saveDate = saveDate
        self.guid = guid
        self.pop3UIDL = pop3UIDL
        self.pop3Order = pop3Order
    }
}

extension Mailbox {
    /// For stores that keep none.
    public func signatures(
        of records: [MessageRecord], _ visit: (Int, TextSignature.View?) -> Bool
    ) async throws(StoreError) {
        for position in records.indices where !visit(position, nil) { return }
    }

    /// For stores that keep none.
    public func headerKeys(
        of records: [MessageRecord], _ visit: (Int, HeaderKeys.View?) -> Bool
    ) async throws(StoreError) {
        for position in records.indices where !visit(position, nil) { return }
    }

    /// In two steps, for stores that have no better way.
    public func move(
        _ uids: UIDSet, to target: MailboxName, clearing flags: MessageFlags
    ) async throws(StoreError) -> CopyResult {
        _ = try await self.store(FlagChange(.remove, flags), uids, unchangedSince: nil)
        return try await self.move(uids, to: target)
    }
}
