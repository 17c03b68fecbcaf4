public import MailCore

/// An account as it was at one moment, for a backup: all mailboxes with their messages, every one as of its
/// HIGHESTMODSEQ then. Octets are read when they are asked for; the account works meanwhile.
///
/// For one caller at a time.
public protocol AccountArchive: AnyObject, Sendable {
    /// Sorted by name.
    var mailboxes: [ArchivedMailbox] { get }
    /// Of all mailboxes.
    var messageCount: Int { get }

    /// The next messages, by mailboxes and in them by UIDs; empty behind the last.
    func next(_ limit: Int) async throws(StoreError) -> [ArchivedMessage]

    /// Flags that readers have of their own in a mailbox, by its index; as they are now, of messages that the archive has.
    func privateFlags(of mailbox: Int) async throws(StoreError) -> [ArchivedFlags]

    /// A message's octets. `.expunged`: they are gone where the message was; see `found`.
    func octets(of message: ArchivedMessage) async throws(StoreError) -> MessageOctets

    /// The same messages where others with their GUIDs are now: those that were moved. Ask once, for all.
    func found(_ messages: [ArchivedMessage]) async throws(StoreError) -> [ArchivedMessage]
}

/// A mailbox as an archive has it.
public struct ArchivedMailbox: Sendable, Hashable {
    public var name: MailboxName
    public var uidValidity: UIDValidity
    public var uidNext: UID
    public var highestModSeq: ModSeq
    /// 32 lower-case hexadecimal digits.
    public var guid: String
    /// Such as `\Sent`; `-` for none whatever the settings say; empty for what the settings say.
    public var specialUse: String
    /// By their numbers.
    public var keywords: [Keyword]
    /// Of all its messages.
    public var uids: UIDSet

    public init(
        name: MailboxName, uidValidity: UIDValidity, uidNext: UID, highestModSeq: ModSeq, guid: String,
        specialUse: String, keywords: [Keyword], uids: UIDSet = []
    ) {
        self.name = name
        self.uidValidity = uidValidity
        self.uidNext = uidNext
        self.highestModSeq = highestModSeq
        self.guid = guid
        self.specialUse = specialUse
        self.keywords = keywords
        self.uids = uids
    }
}

/// Messages for which a reader has the same flags of his own.
public struct ArchivedFlags: Sendable, Hashable {
    /// The name of the reader's account.
    public var reader: String
    public var flags: MessageFlags
    public var keywords: [Keyword]
    public var uids: UIDSet

    public init(reader: String, flags: MessageFlags, keywords: [Keyword], uids: UIDSet) {
        self.reader = reader
        self.flags = flags
        self.keywords = keywords
        self.uids = uids
    }
}

/// A message as an archive has it.
public struct ArchivedMessage: Sendable {
    /// The index of its mailbox in `AccountArchive.mailboxes`.
    public var mailbox: Int
    public var uid: UID
    public var modSeq: ModSeq
    public var internalDate: Int64
    public var saveDate: Int64
    public var size: UInt32
    public var flags: MessageFlags
    public var keywords: [UInt16]
    public var guid: String
    public var pop3UIDL: String?
    public var pop3Order: UInt32?
    /// Where the octets are; the store's own words.
    package var place: [UInt8]

    package init(
        mailbox: Int, uid: UID, modSeq: ModSeq, internalDate: Int64, saveDate: Int64, size: UInt32, flags: MessageFlags,
        keywords: [UInt16], guid: String, pop3UIDL: String?, pop3Order: UInt32?, place: [UInt8]
    ) {
        self.mailbox = mailbox
        self.uid = uid
        self.modSeq = modSeq
        self.internalDate = internalDate
        self.saveDate = saveDate
        self.size = size
        self.flags = flags
        self.keywords = keywords
        self.guid = guid
        self.pop3UIDL = pop3UIDL
        self.pop3Order = pop3Order
        self.place = place
    }
}

/// What a message had in a former life; see `Deposit.restored`.
public struct RestoredMessage: Sendable, Hashable {
    /// Kept if the mailbox has not given a higher one yet.
    public var uid: UID?
    public var saveDate: Int64?
    public var guid: String?
    public var pop3UIDL: String?
    public var pop3Order: UInt32?

    public init(
        uid: UID? = nil, saveDate: Int64? = nil, guid: String? = nil, pop3UIDL: String? = nil, pop3Order: UInt32? = nil
    ) {
        self.uid = uid
        self.saveDate = saveDate
        self.guid = guid
        self.pop3UIDL = pop3UIDL
        self.pop3Order = pop3Order
    }
}

/// A mailbox that takes messages back. While it is open, no other new message comes into the mailbox: deliveries and
/// copies fail with `.temporary`. To be ended by `end`.
public protocol MailboxRestoration: AnyObject, Sendable {
    /// Whether the mailbox has the UIDVALIDITY and the identity of the archived one, so that UIDs mean the same.
    var isSame: Bool { get }

    /// Whether a message is there already, by UID where UIDs mean the same, else by GUID. As of the beginning.
    func has(_ uid: UID?, guid: String) -> Bool

    /// Lets others in again.
    func end(_ outcome: RestorationOutcome) async throws(StoreError)
}

/// How a restoration ended.
public enum RestorationOutcome: Sendable, Hashable {
    /// All messages are there: UIDs that the former mailbox may have given since its backup are not given again.
    case whole
    /// It is going to be repeated, and its messages are to get their UIDs then.
    case cutShort
}

/// What of an archived mailbox a restored one is to have.
public enum RestoredIdentity: Sendable, Hashable {
    /// UIDVALIDITY, UIDs and GUID, where the mailbox is not there or has never had a message.
    case kept
    case new
}
