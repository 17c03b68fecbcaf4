internal import MailCore
internal import MailStore
internal import VolumeLog

/// The mailbox of an account in keys and records. Neither number is ever used again for another.
struct MailboxKey: Hashable, Comparable, Sendable {
    var account: UInt32
    var mailbox: UInt32

    static func < (a: MailboxKey, b: MailboxKey) -> Bool {
        a.account != b.account ? a.account < b.account : a.mailbox < b.mailbox
    }
}

/// One change as it enters the volume: what the log holds, what the applier turns into the index, what replay
/// repeats. Values are final ones and not differences, so that applying twice is the same as once.
///
/// Documentation/volume-log-records.md describes the octets.
enum StoreRecord: Sendable {
    /// An account is new, or its place has changed.
    case account(AccountSet)
    case mailboxCreated(MailboxCreated)
    case mailboxDeleted(MailboxKey, name: MailboxName)
    /// A mailbox and its children, with their new names.
    case mailboxesRenamed(account: UInt32, [Renamed])
    case subscription(account: UInt32, MailboxName, isSubscribed: Bool)
    case metadata(MetadataSet)
    case accessList(AccessListSet)
    /// A message with its octets, for one mailbox or many.
    case added(MessageAdded)
    /// Messages that other programs put into the mailbox's files.
    case found(MessagesFound)
    case copied(MessagesCopied)
    case flagged(FlagsChanged)
    /// Flags that one reader of a shared mailbox has of his own.
    case privateFlagged(PrivateFlagsChanged)
    case vanished(MailboxKey, ModSeq, UIDSet)
    /// What became of a mail that waits for the MTA.
    case outgoingChanged(OutgoingChanged)
    /// The first UID that is recent to the next session.
    case recent(MailboxKey, firstRecent: UInt32)
    /// Keywords whose numbers are in use although the record that brought them was dropped.
    case keywords(MailboxKey, NewKeywords)
    /// A body copied on by cleaning: this record is its place now.
    case bodyMoved(BodyMoved)
    /// A message's octets are somewhere else now, and all else stays.
    case relocated(MessageRelocated)
    /// Something to be told of later: a `TraceRecord`.
    case traced([UInt8])
    /// A change that somebody is to deal with, right behind it.
    case eventNoted(RecordedEvent)
    /// Parts of that are done with.
    case eventDone(id: UInt64, parts: UInt8)
    case checkpoint(CheckpointPart)
    /// The volume was closed in order: nothing that anybody was told is missing before this.
    case closed(filesSynced: LogSequence)
    /// The volume was opened after an unclean end, for that time: see `MailboxHead.restarts`.
    case restarted(count: UInt64)
    /// Limits that an administrator set for an account; `nil`: those of the settings hold again.
    case quotaLimits(account: UInt32, QuotaLimits?)
    /// An account comes from another volume: see `AccountTransfer`.
    case accountArrived(AccountArrived)
    /// All of an account is in another volume now, or what came of it here is given up.
    case accountLeft(account: UInt32)
}

struct AccountSet: Sendable {
    var id: UInt32
    var identity: AccountIdentity
}

struct MailboxCreated: Sendable {
    var key: MailboxKey
    var name: MailboxName
    var header: MailboxHeader
    var highestModSeq: ModSeq
    var specialUse: SpecialUse?
}

/// Entries of a mailbox or of the server that got a value or lost it.
struct MetadataSet: Sendable {
    /// Mailbox 0 is the server.
    var key: MailboxKey
    var changes: [MetadataChange]
}

/// A mailbox's access control list as it is from now on.
struct AccessListSet: Sendable {
    enum Origin: UInt8, Sendable {
        /// A client or an administrator set it: the file is to follow.
        case store = 0
        /// The file was seen to have it.
        case file = 1
    }

    var key: MailboxKey
    var origin: Origin
    /// As `AccessList.text`; empty for none.
    var text: [UInt8]
}

struct Renamed: Sendable {
    var mailbox: UInt32
    var old: MailboxName
    var new: MailboxName
}

/// Keywords that a mailbox sees for the first time; their numbers follow each other.
struct NewKeywords: Sendable {
    var first: UInt16 = 0
    var names: [Keyword] = []

    var isEmpty: Bool { self.names.isEmpty }
}

/// A message as a mailbox gets it.
struct NewMessage: Sendable {
    var uid: UID
    var modSeq: ModSeq
    var flags: MessageFlags
    /// Ascending keyword numbers of the mailbox it goes into.
    var keywords: [UInt16]
    var internalDate: Int64
    var saveDate: Int64
    var size: UInt32
    var location: BodyLocation
    /// `nil`: the location is the GUID.
    var guid: String?
    var pop3UIDL: String?
    var pop3Order: UInt32?
}

struct MessageAdded: Sendable {
    struct Target: Sendable {
        var key: MailboxKey
        var newKeywords: NewKeywords
        var message: NewMessage
    }

    /// None where a delivery stores nothing.
    var targets: [Target]
    /// What the delivery does beside.
    var effects: RecordedEffects
    var octets: MessageOctets
    /// Octets of the body, also when `octets` are not held any more.
    let count: Int
    /// Whether `octets` are a `PackedBody`. Only where no target keeps them in a file.
    let isPacked: Bool

    init(
        targets: [Target], effects: RecordedEffects = RecordedEffects(), octets: MessageOctets, isPacked: Bool = false
    ) {
        self.isPacked = isPacked
        self.targets = targets
        self.effects = effects
        self.octets = octets
        self.count = octets.count
    }

    /// Whether every target keeps the octets in a file.
    var isForFilesOnly: Bool { self.targets.allSatisfy { !$0.message.location.isInLog } }

    /// Whether some target keeps the octets in a file.
    var hasFiles: Bool { self.targets.contains { !$0.message.location.isInLog } }
}

struct BodyMoved: Sendable {
    var id: BodyID
    var octets: MessageOctets
    /// Octets of the body, also when `octets` are not held any more.
    let count: Int
    /// Whether `octets` are a `PackedBody`.
    let isPacked: Bool

    init(id: BodyID, octets: MessageOctets, isPacked: Bool = false) {
        self.isPacked = isPacked
        self.id = id
        self.octets = octets
        self.count = octets.count
    }
}

struct MessageRelocated: Sendable {
    var key: MailboxKey
    var uid: UID
    /// Where it was; if the message is not there any more, the record means nothing.
    var old: BodyLocation
    var new: BodyLocation
    /// What its new file shows.
    var flags: MessageFlags
    var keywords: [UInt16]
    var internalDate: Int64
    /// What it had before, whatever the location says.
    var guid: String
    var octets: MessageOctets
    /// Octets of the body, also when `octets` are not held any more.
    let count: Int

    init(
        key: MailboxKey, uid: UID, old: BodyLocation, new: BodyLocation, flags: MessageFlags, keywords: [UInt16],
        internalDate: Int64, guid: String, octets: MessageOctets
    ) {
        self.key = key
        self.uid = uid
        self.old = old
        self.new = new
        self.flags = flags
        self.keywords = keywords
        self.internalDate = internalDate
        self.guid = guid
        self.octets = octets
        self.count = octets.count
    }
}

struct MessagesFound: Sendable {
    var key: MailboxKey
    var newKeywords: NewKeywords
    /// UIDNEXT afterwards; may leave a hole above the last message.
    var uidNext: UID
    var messages: [NewMessage]
}

struct MessagesCopied: Sendable {
    var source: MailboxKey
    /// A MOVE: the sources vanish with this MODSEQ.
    var vanishedModSeq: ModSeq?
    var target: MailboxKey
    var newKeywords: NewKeywords
    var messages: [Row]

    struct Row: Sendable {
        var source: UID
        /// Where the octets are until the copy's own file is on the disk.
        var sourceLocation: BodyLocation
        var message: NewMessage
    }
}

struct FlagsChanged: Sendable {
    struct Row: Sendable {
        var uid: UID
        var flags: MessageFlags
        var keywords: [UInt16]
    }

    enum Origin: UInt8, Sendable {
        /// A client or the engine changed them: the file is to follow.
        case store = 0
        /// The file was seen to have them.
        case file = 1
    }

    var key: MailboxKey
    var modSeq: ModSeq
    var origin: Origin
    var newKeywords: NewKeywords
    var rows: [Row]
}

extension StoreRecord {
    /// The record without a message's octets, which are in the log and in the files: what waits to be applied must
    /// not hold them.
    var withoutOctets: StoreRecord {
        switch self {
        case .added(var added):
            added.octets = Self.noOctets
            return .added(added)
        case .bodyMoved(var moved):
            moved.octets = Self.noOctets
            return .bodyMoved(moved)
        case .relocated(var relocated):
            relocated.octets = Self.noOctets
            return .relocated(relocated)
        case .checkpoint(let part):
            // The index has these rows already.
            return .checkpoint(CheckpointPart(base: part.base, .end(parts: 0)))
        default: return self
        }
    }

    /// Octets that make the record large, if it is.
    var octetCount: Int { self.body?.count ?? 0 }

    private static let noOctets = MessageOctets([])

    /// What must be kept of a record that is dropped: the keywords it brought.
    var keywordsAlone: [StoreRecord] {
        let all: [(MailboxKey, NewKeywords)] =
            switch self {
            case .added(let added): added.targets.map { ($0.key, $0.newKeywords) }
            case .copied(let copied): [(copied.target, copied.newKeywords)]
            case .found(let found): [(found.key, found.newKeywords)]
            case .flagged(let change): [(change.key, change.newKeywords)]
            case .account, .mailboxCreated, .mailboxDeleted, .mailboxesRenamed, .subscription, .metadata, .accessList,
                .vanished, .privateFlagged,
                .outgoingChanged, .recent,
                .keywords, .bodyMoved, .relocated, .traced, .eventNoted, .eventDone, .checkpoint, .closed, .restarted,
                .quotaLimits, .accountArrived, .accountLeft:
                []
            }
        return all.filter { !$0.1.isEmpty }.map { .keywords($0.0, $0.1) }
    }
}
