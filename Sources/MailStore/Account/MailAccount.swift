public import MailCore

/// One user's mail: an account of a store, or what a user sees of several. Names are whole, with the prefixes of
/// namespaces; their levels are joined by `/` whatever clients see.
public protocol MailAccount: AnyObject, Sendable {
    var identity: AccountIdentity { get }

    /// Whether the account has moved, or is about to: through this object nothing of it can be used any more, and the
    /// store has another one.
    var isRetired: Bool { get }

    /// Where the user's mailboxes appear to clients. At least one personal namespace.
    var namespaces: [Namespace] { get }

    /// All mailboxes, sorted by name, and parents that exist only through their children (`isSelectable` false).
    func mailboxes() async throws(StoreError) -> [MailboxListing]

    /// Whether there is a mailbox of that name, and not only children of it; `mailboxes()` for one.
    func hasMailbox(_ name: MailboxName) async throws(StoreError) -> Bool

    /// The mailbox that a client means by a name: see `MailboxName.resolved`.
    func resolve(_ name: MailboxName) async throws(StoreError) -> MailboxName

    /// What a mailbox is called in lists that a client calls by another of its names (`aliases`); other names stay.
    func canonicalName(of name: MailboxName) async throws(StoreError) -> MailboxName

    /// The subscribed names, existing or not, sorted.
    func subscriptions() async throws(StoreError) -> [MailboxName]

    /// Creates a mailbox; missing parents are made as names without messages. `.alreadyExists`, `.cannot`.
    func create(_ name: MailboxName, specialUse: SpecialUse?) async throws(StoreError)

    /// Whether it can help to create a mailbox of that name when there is none: `false` where `create` would be
    /// `.cannot`, whoever asks.
    func mayCreate(_ name: MailboxName) async -> Bool

    /// Deletes a mailbox and its messages; its children stay. INBOX and a name
    /// that is there for its children alone cannot be deleted (`.cannot`).
    func delete(_ name: MailboxName) async throws(StoreError)

    /// Renames a mailbox with its children. Of INBOX, the messages move and INBOX stays, empty
    /// (RFC 9051 section 6.3.6).
    func rename(_ name: MailboxName, to target: MailboxName) async throws(StoreError)

    /// Adds a name to the subscriptions; it need not exist.
    func subscribe(_ name: MailboxName) async throws(StoreError)

    /// Removes a name from the subscriptions; silent when it is not among them.
    func unsubscribe(_ name: MailboxName) async throws(StoreError)

    /// The identifier of a mailbox (RFC 8474), for whoever may know of it. `.notFound`, also for a name without
    /// messages.
    func guid(of name: MailboxName) async throws(StoreError) -> String

    /// Counters of a mailbox without opening it. `.notFound`, also for a name without messages.
    func status(of name: MailboxName) async throws(StoreError) -> MailboxStatus

    /// The same as somebody sees it who has flags of his own there; `nil`: as its owner does.
    func status(of name: MailboxName, as own: PrivateFlags?) async throws(StoreError) -> MailboxStatus

    /// Opens a mailbox for a session. External changes to its files are taken in first.
    ///
    /// - Parameter onChange: called, from any thread and without the mailbox's lock held, after its snapshot
    ///   changed, also by the session itself; and once when the mailbox is deleted or retired. It must be quick, and must
    ///   not close the mailbox: closing waits for a call under way.
    func open(
        _ name: MailboxName, _ access: MailboxAccess, onChange: @escaping @Sendable () -> Void
    ) async throws(StoreError) -> any Mailbox

    /// The same for somebody who has flags of his own there; `nil`: for its owner.
    func open(
        _ name: MailboxName, _ access: MailboxAccess, as own: PrivateFlags?, onChange: @escaping @Sendable () -> Void
    ) async throws(StoreError) -> any Mailbox

    /// Where the account says what happens to it.
    var feed: AccountFeed { get }

    /// Has what other programs do to a mailbox's files taken in at once, also while no session has it open. `nil` where
    /// that is not to be had, or not needed.
    func watchFiles(of name: MailboxName) async throws(StoreError) -> FileWatch?

    /// The metadata of a mailbox or the server, sorted by entry. `.notFound`, `.cannot` for a name without messages.
    func metadata(of owner: MetadataOwner) async throws(StoreError) -> [Metadata]

    /// Changes metadata: all entries or none, durable when answered. `.tooBig` and `.limit` as `MetadataLimits` say,
    /// `.cannot` for a special use that a mailbox cannot have.
    func setMetadata(_ changes: [MetadataChange], of owner: MetadataOwner) async throws(StoreError)

    /// The value of an entry that clients cannot see (`MetadataEntry.isInternal`). When there is none, `value` is stored,
    /// durable, and answered; of two at the same time, both get the first one's. Of a mailbox, it is for who may read
    /// it.
    func secret(
        _ entry: MetadataEntry, of owner: MetadataOwner, orElse value: [UInt8]?
    ) async throws(StoreError) -> [UInt8]?

    /// Puts a value in the place of that of an entry that clients cannot see, or removes it; durable when answered.
    func setSecret(_ entry: MetadataEntry, _ value: [UInt8]?, of owner: MetadataOwner) async throws(StoreError)

    /// Compares the index with the files and mends the index: UIDs, flags, sizes and caches.
    func resync(_ name: MailboxName) async throws(StoreError)

    // The quota; what is not implemented is as without one.

    /// What the account holds and may hold. Waits until mailboxes that other programs made are counted.
    func quota() async throws(StoreError) -> QuotaStatus

    /// The same as far as is known now, without waiting.
    var quotaNow: QuotaStatus { get }

    /// Whether messages in a mailbox, which need not exist, count for that quota.
    func countsForQuota(_ name: MailboxName) -> Bool

    /// Puts the rules of settings and user database into force; cheap when nothing changed.
    func apply(_ rules: QuotaRules)

    /// Has other accounts of the same user, of further private namespaces, count in this one's quota, which has the
    /// user's limits; exactly these. Cheap when they do already. One that cannot be opened does not count, which the
    /// store's log says once, and is tried again later.
    ///
    /// - Parameter open: asked for those that do not count yet.
    func shareQuota(
        with members: [QuotaMember], opening open: @Sendable (QuotaMember) async throws(StoreError) -> any MailAccount
    ) async

    /// Those limits; `nil`: those of the settings hold.
    var ownQuotaLimits: QuotaLimits? { get }

    /// Puts limits of an administrator in place of those of the settings, durable; `nil` takes them away again.
    func setQuotaLimits(_ limits: QuotaLimits?) async throws(StoreError)

    /// Whether a message of that size could be stored now: `.overQuota`, `.tooBig`.
    func checkQuota(
        octets: UInt64, in mailbox: MailboxName, _ strictness: QuotaStrictness
    ) async throws(StoreError)

    /// Counts everything again from the index, and mends what differs; answers the usage.
    func recalculateQuota() async throws(StoreError) -> QuotaStatus

    /// Octets that EXPUNGE would free (DELETED-STORAGE, RFC 9208 section 4.1.4).
    func deletedStorage(of name: MailboxName) async throws(StoreError) -> UInt64

    /// Whether access control lists are enforced: then what follows of them can be asked for and changed.
    var enforcesAccessLists: Bool { get }

    /// What the user whose view this is may do with a mailbox. `.notFound` also for one whose existence the user
    /// may not know.
    func rights(of name: MailboxName) async throws(StoreError) -> MailRights

    /// A mailbox's own access control list. `.noPermission` without the right to administer.
    func accessList(of name: MailboxName) async throws(StoreError) -> AccessList

    /// The lists of all mailboxes that have one.
    func accessLists() async throws(StoreError) -> [MailboxName: AccessList]

    /// Changes a mailbox's access control list; durable when answered. `body` sees the list as it is and may throw.
    func changeAccessList(
        of name: MailboxName, _ body: @Sendable (inout AccessList) throws(StoreError) -> Void
    ) async throws(StoreError)

    /// Whose mailbox it is; `nil` for a public one.
    func owner(of name: MailboxName) -> String?

    /// Where a message that is put into a mailbox goes in the store, and what the user may set there. `.notFound`;
    /// `.noPermission` when nothing may be put there.
    ///
    /// - Parameter missing: whether the mailbox is made when it is not there. Accounts of a store leave that to the
    ///   store.
    func destination(
        of name: MailboxName, _ missing: Deposit.MissingMailbox
    ) async throws(StoreError) -> DepositDestination

    /// Mailboxes of namespaces that lists leave out, when `text`, levels joined by `/`, begins with the prefix of one.
    func unlistedMailboxes(_ text: String) async throws(StoreError) -> [MailboxListing]
}

/// A mailbox of a store's account as the target of a deposit.
public struct DepositDestination: Sendable {
    public var account: any MailAccount
    public var name: MailboxName
    public var rights: MailRights
    /// Flags that the message gets for the user alone.
    public var privateFlags: PrivateFlags?

    public init(
        account: any MailAccount, name: MailboxName, rights: MailRights, privateFlags: PrivateFlags? = nil
    ) {
        self.account = account
        self.name = name
        self.rights = rights
        self.privateFlags = privateFlags
    }
}

extension MailAccount {
    public var isRetired: Bool { false }
    public func hasMailbox(_ name: MailboxName) async throws(StoreError) -> Bool {
        try await self.mailboxes().contains { $0.isSelectable && $0.name == name }
    }
    public func mayCreate(_ name: MailboxName) async -> Bool { name.isNetUnicode }
    public func guid(of name: MailboxName) async throws(StoreError) -> String { try await self.status(of: name).guid }
    public func countsForQuota(_ name: MailboxName) -> Bool { true }
    public var ownQuotaLimits: QuotaLimits? { nil }
    public var enforcesAccessLists: Bool { false }
    public func rights(of name: MailboxName) async throws(StoreError) -> MailRights { .all }
    public func accessList(of name: MailboxName) async throws(StoreError) -> AccessList { AccessList() }
    public func accessLists() async throws(StoreError) -> [MailboxName: AccessList] { [:] }
    public func changeAccessList(
        of name: MailboxName, _ body: @Sendable (inout AccessList) throws(StoreError) -> Void
    ) async throws(StoreError) { throw StoreError(.cannot, "no access control lists here") }
    public func owner(of name: MailboxName) -> String? { self.identity.name }
    public func destination(
        of name: MailboxName, _ missing: Deposit.MissingMailbox
    ) async throws(StoreError) -> DepositDestination {
        DepositDestination(account: self, name: name, rights: .all)
    }
    public func unlistedMailboxes(_ text: String) async throws(StoreError) -> [MailboxListing] { [] }
}

/// How a session opens a mailbox.
public enum MailboxAccess: Sendable, Hashable {
    /// SELECT: may change flags and take \Recent.
    case readWrite
    /// EXAMINE.
    case readOnly
}

/// A place in which mailboxes appear to clients (RFC 2342).
public struct Namespace: Sendable, Hashable {
    public enum Kind: Sendable, Hashable { case personal, otherUsers, shared }

    public var kind: Kind
    /// As clients see it, such as `""` or `INBOX.`, in decoded form.
    public var prefix: String
    /// The separator that clients see; one printable ASCII character.
    public var separator: UInt8
    /// Whether clients are not told of it.
    public var isHidden: Bool

    public init(kind: Kind, prefix: String, separator: UInt8, isHidden: Bool = false) {
        self.kind = kind
        self.prefix = prefix
        self.separator = separator
        self.isHidden = isHidden
    }
}

/// The special use of a mailbox (RFC 6154 section 2).
public enum SpecialUse: String, Sendable, Hashable, CaseIterable {
    case all = "\\All"
    case archive = "\\Archive"
    case drafts = "\\Drafts"
    case flagged = "\\Flagged"
    case junk = "\\Junk"
    case sent = "\\Sent"
    case trash = "\\Trash"
}

/// A mailbox as a list shows it.
public struct MailboxListing: Sendable {
    public var name: MailboxName
    /// `false` for a name that exists only as a parent (\Noselect).
    public var isSelectable: Bool
    public var hasChildren: Bool
    public var isSubscribed: Bool
    public var specialUse: SpecialUse?

    public init(
        name: MailboxName, isSelectable: Bool, hasChildren: Bool, isSubscribed: Bool, specialUse: SpecialUse?
    ) {
        self.name = name
        self.isSelectable = isSelectable
        self.hasChildren = hasChildren
        self.isSubscribed = isSubscribed
        self.specialUse = specialUse
    }
}

/// Counters of a mailbox (STATUS, RFC 9051 section 6.3.11).
public struct MailboxStatus: Sendable, Hashable {
    public var messages: Int
    public var unseen: Int
    public var deleted: Int
    public var recent: Int
    /// The sum of RFC822.SIZE over all messages, in octets (RFC 8438).
    public var size: UInt64
    public var uidNext: UID
    public var uidValidity: UIDValidity
    public var highestModSeq: ModSeq
    /// 32 lower-case hexadecimal digits, kept over renames.
    public var guid: String
    /// Octets of messages marked \Deleted; 0 unless it was asked for (`MailAccount.deletedStorage`).
    public var deletedStorage: UInt64 = 0

    public init(
        messages: Int, unseen: Int, deleted: Int, recent: Int, size: UInt64, uidNext: UID,
        uidValidity: UIDValidity, highestModSeq: ModSeq, guid: String
    ) {
        self.messages = messages
        self.unseen = unseen
        self.deleted = deleted
        self.recent = recent
        self.size = size
        self.uidNext = uidNext
        self.uidValidity = uidValidity
        self.highestModSeq = highestModSeq
        self.guid = guid
    }
}
