public import MailCore

/// A piece of a backup (Documentation/backup.md), in the order in which pieces stand there.
public enum BackupItem: Sendable, Hashable {
    case begin(BackupHead)
    /// A mailbox that the account has.
    case mailbox(BackupMailbox)
    /// UIDs of messages that a mailbox has; several pieces may follow each other.
    case uids(mailbox: UInt32, UIDSet)
    /// An entry of the mailbox's metadata, or of the server's when the number is 0.
    case metadata(mailbox: UInt32, entry: String, value: [UInt8])
    case subscription(MailboxName)
    /// A Sieve script.
    case script(name: String, isActive: Bool, content: [UInt8])
    /// Limits that an administrator set for the account, in octets and messages; `nil`: none of that kind.
    case quotaLimits(storage: UInt64?, messages: UInt64?)
    /// Messages for which another user has these flags of his own.
    case privateFlags(BackupPrivateFlags)
    /// The end of what is said of the account as a whole; messages follow.
    case messages
    case message(BackupMessage)
    /// Octets of the message before.
    case body([UInt8])
    /// Messages that were expunged before their octets could be read.
    case gone(mailbox: UInt32, UIDSet)
    /// The backup is whole.
    case end(messages: UInt64, octets: UInt64)
}

/// Names a backup.
public struct BackupID: Sendable, Hashable, CustomStringConvertible {
    public var high: UInt64
    public var low: UInt64

    public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// 32 lower-case hexadecimal digits.
    public var description: String {
        var text: [UInt8] = []
        for value in [self.high, self.low] {
            for shift in stride(from: 56, through: 0, by: -8) {
                text.appendHex(UInt8(truncatingIfNeeded: value >> UInt64(shift)))
            }
        }
        return String(decoding: text, as: UTF8.self)
    }
}

/// What a backup says of itself.
public struct BackupHead: Sendable, Hashable {
    /// Of the format.
    public static let version: UInt32 = 1

    public var id: BackupID
    /// The backup of which this one is an increment: it has the octets of messages that are not here.
    public var base: BackupID?
    /// The account's name.
    public var account: String
    /// Seconds since 1970.
    public var created: Int64
    /// What wrote it.
    public var writer: String

    public init(id: BackupID, base: BackupID?, account: String, created: Int64, writer: String) {
        self.id = id
        self.base = base
        self.account = account
        self.created = created
        self.writer = writer
    }
}

/// A mailbox in a backup.
public struct BackupMailbox: Sendable, Hashable {
    /// In this backup; from 1.
    public var number: UInt32
    /// Levels joined by `/`.
    public var name: MailboxName
    /// `nil`: of no server, as in an import; UIDs mean nothing then.
    public var uidValidity: UIDValidity?
    public var uidNext: UInt32
    public var highestModSeq: ModSeq
    /// 32 lower-case hexadecimal digits, or empty.
    public var guid: String
    /// Such as `\Sent`; `-` for none whatever the settings say; empty for what the settings say.
    public var specialUse: String
    /// The access control list's text, as in Dovecot's `dovecot-acl`.
    public var accessList: [UInt8]
    /// By their numbers.
    public var keywords: [Keyword]

    public init(
        number: UInt32, name: MailboxName, uidValidity: UIDValidity?, uidNext: UInt32, highestModSeq: ModSeq,
        guid: String, specialUse: String, accessList: [UInt8], keywords: [Keyword]
    ) {
        self.number = number
        self.name = name
        self.uidValidity = uidValidity
        self.uidNext = uidNext
        self.highestModSeq = highestModSeq
        self.guid = guid
        self.specialUse = specialUse
        self.accessList = accessList
        self.keywords = keywords
    }
}

/// Flags that one reader of a shared mailbox has of his own, and of which messages.
public struct BackupPrivateFlags: Sendable, Hashable {
    public var mailbox: UInt32
    /// The name of the reader's account.
    public var reader: String
    public var flags: MessageFlags
    public var keywords: [Keyword]
    public var uids: UIDSet

    public init(mailbox: UInt32, reader: String, flags: MessageFlags, keywords: [Keyword], uids: UIDSet) {
        self.mailbox = mailbox
        self.reader = reader
        self.flags = flags
        self.keywords = keywords
        self.uids = uids
    }
}

/// A message in a backup.
public struct BackupMessage: Sendable, Hashable {
    /// Whether its octets follow, or are in the backup before.
    public enum Body: UInt8, Sendable, Hashable { case before = 0, follows = 1 }

    public var mailbox: UInt32
    /// 0 in an import.
    public var uid: UInt32
    public var modSeq: ModSeq
    /// Seconds since 1970.
    public var internalDate: Int64
    public var saveDate: Int64
    /// Octets; 0 when that is not known beforehand.
    public var size: UInt32
    public var flags: MessageFlags
    /// Numbers in the mailbox's keywords.
    public var keywords: [UInt16]
    /// Keywords by name, beside those.
    public var keywordNames: [Keyword]
    public var guid: String
    public var pop3UIDL: String?
    public var pop3Order: UInt32?
    public var body: Body

    public init(
        mailbox: UInt32, uid: UInt32, modSeq: ModSeq, internalDate: Int64, saveDate: Int64, size: UInt32,
        flags: MessageFlags, keywords: [UInt16] = [], keywordNames: [Keyword] = [], guid: String,
        pop3UIDL: String? = nil, pop3Order: UInt32? = nil, body: Body
    ) {
        self.mailbox = mailbox
        self.uid = uid
        self.modSeq = modSeq
        self.internalDate = internalDate
        self.saveDate = saveDate
        self.size = size
        self.flags = flags
        self.keywords = keywords
        self.keywordNames = keywordNames
        self.guid = guid
        self.pop3UIDL = pop3UIDL
        self.pop3Order = pop3Order
        self.body = body
    }
}
