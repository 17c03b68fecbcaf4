public import MailCore
public import MailStore

/// Where the octets of messages live, and which plain files stay truthful beside the index.
///
/// The engine owns UIDs, flags, MODSEQ, caches and the log. A format is told what changed and answers with
/// locations, opaque to the engine. All calls block and run on engine threads, never on an event loop. Calls
/// that change what others see of a mailbox (`scan`, `publish`, `restore`, `record`, `setFlags`, `remove`) are
/// serialized by the engine; the others (`prepare…`, `discard`, `read`, `fingerprint`, `flush`) may run beside them.
public protocol BodyFormat: Sendable {
    /// Where messages of its accounts are.
    var home: BodyHome { get }

    /// Opens the files of an account, creating its root at first sight.
    func openAccount(_ identity: AccountIdentity) throws(StoreError) -> any AccountFiles

    /// The directory that should hold an account's mail and has nothing of it, or is not there at all: its file system
    /// is not mounted, most likely. `nil` when all is where it should be, or nothing is known to be there. Makes nothing.
    func missingPlace(of identity: AccountIdentity, _ known: KnownMail) throws(StoreError) -> String?
}

/// What the index knows to be among an account's files.
public struct KnownMail: OptionSet, Sendable, Hashable {
    public let rawValue: UInt8
    public init(rawValue: UInt8) { self.rawValue = rawValue }

    /// Messages in INBOX.
    public static let inbox = KnownMail(rawValue: 1)
    /// Other mailboxes.
    public static let mailboxes = KnownMail(rawValue: 2)
}

/// Where the octets of a format's messages are.
public enum BodyHome: Sendable, Hashable {
    /// In files of the format's, which other programs may change. The log keeps a message until its file is on the
    /// disk.
    case files
    /// In the volume's log, which is their home. The format has no files that could differ from the index: it is
    /// not asked to scan, publish, remove or read.
    case log
}

extension BodyFormat {
    public var home: BodyHome { .files }
    public func missingPlace(of identity: AccountIdentity, _ known: KnownMail) throws(StoreError) -> String? { nil }
}

/// The files of one account.
public protocol AccountFiles: Sendable {
    /// Says what is among the files. When nothing of that is there any more they are away, not empty: calls then make
    /// no root anew and throw `.temporary`.
    func expect(_ known: KnownMail)

    /// Where there should be mail, as `expect` and what was seen since say, and is nothing of it; `nil` when there is some, or
    /// none is known. Throws when that cannot be found out now.
    func missingPlace() throws(StoreError) -> String?

    /// Every mailbox that exists as files, INBOX included, in any order. Also what other programs made.
    func mailboxes() throws(StoreError) -> [MailboxName]

    /// Directories that have messages and were left out by `mailboxes()` the last time, since no mailbox can have their
    /// names; a few of them where they are many.
    var unnamedDirectories: [String] { get }

    /// A cheap value that changes when mailboxes may have been created, removed or renamed by other programs.
    func mailboxListFingerprint() -> UInt64

    /// Whether the last change was long enough ago for the next one to change `mailboxListFingerprint()`.
    var isMailboxListSettled: Bool { get }

    /// Directories in which other programs create, remove and rename mailboxes, as `mailboxes()` saw them last.
    var watchedDirectories: [String] { get }

    /// Opens a mailbox's files; `.notFound`.
    func mailbox(_ name: MailboxName) throws(StoreError) -> any MailboxFiles

    /// Makes an empty mailbox with these identifiers. Idempotent: replay after a crash may repeat it.
    func createMailbox(_ name: MailboxName, _ header: MailboxHeader) throws(StoreError) -> any MailboxFiles

    /// Removes a mailbox and its messages, not its children. Idempotent.
    func deleteMailbox(_ name: MailboxName) throws(StoreError)

    /// Renames one mailbox, not its children. Idempotent.
    func renameMailbox(_ name: MailboxName, to target: MailboxName) throws(StoreError)

    /// A UIDVALIDITY higher than any this account has given, also by a former server.
    func nextUIDValidity(now: Int64) throws(StoreError) -> UIDValidity

    func subscriptions() throws(StoreError) -> [MailboxName]

    /// Rewrites the subscriptions file when it differs, in the version that was found.
    func setSubscriptions(_ names: [MailboxName]) throws(StoreError)

    /// The attributes of mailboxes that files keep, so that metadata outlives the index; empty where it does anyway.
    func attributes() throws(StoreError) -> [StoredAttribute]

    /// Sets and, where there is no value, removes attributes. Idempotent.
    func changeAttributes(_ changes: [StoredAttribute]) throws(StoreError)

    /// Removes all attributes of the mailbox of that GUID. Idempotent.
    func removeAttributes(of guid: String) throws(StoreError)

    /// What a plain file that another server keeps says of the account's size; `nil` when there is none, which is
    /// so for formats without such a file.
    func sizeOnFile() -> QuotaUsage?

    /// Brings that file up to date with what was published and removed since the last call; makes it when there are
    /// limits. Formats without such a file do nothing.
    ///
    /// - Parameter isTrusted: `false` when others may have changed messages without writing it down, so that it is
    ///   to be made anew.
    func updateSizeFile(
        _ limits: QuotaLimits, counting: (MailboxName) -> Bool, isTrusted: Bool
    ) throws(StoreError)

    /// Whether the files hold access control lists. They are then what counts, and not the index.
    var keepsAccessLists: Bool { get }

    /// A cheap value that changes when another program may have changed a mailbox's access control list; 0 when
    /// there is none.
    func accessListFingerprint(of name: MailboxName) -> UInt64

    /// The text of a mailbox's access control list as its file has it (`AccessList.text`); empty when there is none.
    func accessList(of name: MailboxName) throws(StoreError) -> [UInt8]

    /// Writes a mailbox's access control list, or removes it when the text is empty. Idempotent.
    func setAccessList(_ text: [UInt8], of name: MailboxName) throws(StoreError)
}

extension AccountFiles {
    public func expect(_ known: KnownMail) {}
    public func missingPlace() throws(StoreError) -> String? { nil }
    public var watchedDirectories: [String] { [] }
    public func attributes() throws(StoreError) -> [StoredAttribute] { [] }
    public func changeAttributes(_ changes: [StoredAttribute]) throws(StoreError) {}
    public func removeAttributes(of guid: String) throws(StoreError) {}
    public func sizeOnFile() -> QuotaUsage? { nil }
    public func updateSizeFile(
        _ limits: QuotaLimits, counting: (MailboxName) -> Bool, isTrusted: Bool
    ) throws(StoreError) {}
    public var keepsAccessLists: Bool { false }
    public func accessListFingerprint(of name: MailboxName) -> UInt64 { 0 }
    public func accessList(of name: MailboxName) throws(StoreError) -> [UInt8] { [] }
    public func setAccessList(_ text: [UInt8], of name: MailboxName) throws(StoreError) {}
}

/// What identifies a mailbox.
public struct MailboxHeader: Sendable, Hashable {
    public var uidValidity: UIDValidity
    public var uidNext: UID
    /// 32 lower-case hexadecimal digits.
    public var guid: String

    public init(uidValidity: UIDValidity, uidNext: UID, guid: String) {
        self.uidValidity = uidValidity
        self.uidNext = uidNext
        self.guid = guid
    }
}

/// The place of a message's octets as its format knows it: for a Maildir the base name of the file.
public struct BodyLocation: Sendable, Hashable {
    public let bytes: [UInt8]
    public init(_ bytes: [UInt8]) { self.bytes = bytes }
}

/// A message as a format's list of UIDs has it.
public struct UIDListRow: Sendable {
    public var uid: UID
    public var location: BodyLocation
    /// The GUID where the location does not say it: of copies and of deliveries to several mailboxes.
    public var guid: String?

    public init(_ uid: UID, _ location: BodyLocation, guid: String? = nil) {
        self.uid = uid
        self.location = location
        self.guid = guid
    }
}

/// The flags and keywords of a message as a format writes them.
public struct FileFlags: Sendable, Hashable {
    public var flags: MessageFlags
    /// In the order of their numbers.
    public var keywords: [Keyword]

    public init(_ flags: MessageFlags = [], _ keywords: [Keyword] = []) {
        self.flags = flags
        self.keywords = keywords
    }
}

/// A message whose file is written but not yet visible.
public struct PreparedBody: Sendable {
    public var location: BodyLocation
    /// Where the file lies now, for `publish` and `discard`; opaque to the engine.
    public var temporaryPath: String
    /// The file of the message it is a copy of, in place of a temporary one; opaque, too. The engine keeps that file there
    /// until the copy is published.
    public var sourcePath: [UInt8]?

    public init(location: BodyLocation, temporaryPath: String) {
        self.location = location
        self.temporaryPath = temporaryPath
    }

    public init(location: BodyLocation, sourcePath: [UInt8]) {
        self.location = location
        self.temporaryPath = ""
        self.sourcePath = sourcePath
    }
}

/// A message found among the files of a mailbox.
public struct FoundMessage: Sendable {
    public var location: BodyLocation
    /// `nil`: no row gives it a UID yet; the engine assigns the next, in the order of the list.
    public var uid: UID?
    public var flags: FileFlags
    /// The file's time: INTERNALDATE, seconds since 1970.
    public var internalDate: Int64
    /// RFC822.SIZE when a name or row tells it.
    public var size: UInt32?
    public var guid: String?
    public var pop3UIDL: String?
    public var pop3Order: UInt32?

    public init(
        location: BodyLocation, uid: UID?, flags: FileFlags, internalDate: Int64, size: UInt32? = nil,
        guid: String? = nil, pop3UIDL: String? = nil, pop3Order: UInt32? = nil
    ) {
        self.location = location
        self.uid = uid
        self.flags = flags
        self.internalDate = internalDate
        self.size = size
        self.guid = guid
        self.pop3UIDL = pop3UIDL
        self.pop3Order = pop3Order
    }
}

/// Everything that lies in a mailbox's files.
public struct MailboxScan: Sendable {
    /// `nil`: the mailbox had none yet.
    public var header: MailboxHeader?
    /// Those with a UID ascending by it, then those without in the order in which they get UIDs.
    public var messages: [FoundMessage]
    /// Left out of `messages`: their files are as the caller knows them.
    public var unchanged = UIDSet()
    /// The keyword names that files know, in their order.
    public var keywords: [Keyword]

    public init(header: MailboxHeader?, messages: [FoundMessage], keywords: [Keyword]) {
        self.header = header
        self.messages = messages
        self.keywords = keywords
    }
}

/// The files of one mailbox.
public protocol MailboxFiles: Sendable {
    /// Reads everything: names, UIDs, flags. For first sight, and to verify.
    func scan() throws(StoreError) -> MailboxScan

    /// Like `scan()` for a caller that knows these messages: those whose files are just so may be left out, and the
    /// `internalDate` of others with UIDs up to the highest known may be 0, so that no file's status is asked. When
    /// `fingerprint` changed, and for `resync`.
    func scan(besides known: KnownMessages) throws(StoreError) -> MailboxScan

    /// A cheap value (no directory listing) that changes when another program may have changed the files. Our own
    /// changes may change it too; the engine then scans once more than needed.
    func fingerprint() -> UInt64

    /// Whether the last change was long enough ago for the next one to change `fingerprint()`: times of files are as coarse
    /// as the ticks of the kernel's clock.
    var isSettled: Bool { get }

    /// The device that holds the files; `nil`: that of the account's root.
    var fileSystem: UInt64? { get }

    /// When another server that keeps MODSEQs of its own last changed the mailbox, in seconds since 1970; `nil` when
    /// none has.
    func lastForeignUse() -> Int64?

    /// Directories to watch by inotify.
    var watchedDirectories: [String] { get }

    /// The directories with whose end or move the mailbox is gone: its own, and those above it that are mailboxes'.
    var watchedHomes: [String] { get }

    /// Writes the message to a temporary file; may run in parallel for one mailbox. Not flushed.
    func prepare(
        _ octets: MessageOctets, flags: FileFlags, internalDate: Int64
    ) throws(StoreError) -> PreparedBody

    /// Like `prepare` from a message already prepared or stored elsewhere in this store: a hard link where the
    /// file system and the owner allow it, else a copy. `nil`: the source is gone; use `prepare`.
    func prepareLink(
        to source: PreparedBody, flags: FileFlags, internalDate: Int64
    ) throws(StoreError) -> PreparedBody?

    /// Makes a prepared message visible: rename into `new/`, or `cur/` when it has flags. Idempotent.
    func publish(_ body: PreparedBody, flags: FileFlags) throws(StoreError)

    /// Forgets a prepared message.
    func discard(_ body: PreparedBody)

    /// After a crash: writes a message again at exactly this location if it is not there. Idempotent.
    func restore(
        _ octets: MessageOctets, at location: BodyLocation, flags: FileFlags, internalDate: Int64
    ) throws(StoreError)

    /// Copies a message of another mailbox of the same account into this one, ready to `publish`: a hard link, made then or
    /// now, under the same name where that is free, else under a new one. `publish` fails when the source's file was renamed
    /// or removed by then.
    func prepareCopy(
        of location: BodyLocation, flags: FileFlags, in source: any MailboxFiles, as target: FileFlags
    ) throws(StoreError) -> PreparedBody

    /// Rows for new messages: UID and location. Appended to the list of UIDs before clients rely on them.
    func record(_ rows: [UIDListRow], header: MailboxHeader) throws(StoreError)

    /// Renames the file so that its name shows `new`; `old` is what it showed last as far as is known. Idempotent;
    /// silent when the file is gone.
    func setFlags(_ location: BodyLocation, from old: FileFlags, to new: FileFlags) throws(StoreError)

    /// Removes the file. Idempotent.
    func remove(_ location: BodyLocation, flags: FileFlags) throws(StoreError)

    /// Reads a message, CRLF line ends. `.expunged` when no file of that base name is left. Thread-safe.
    func read(_ location: BodyLocation, flags: FileFlags) throws(StoreError) -> MessageOctets

    /// What `read` answers, when that takes no waiting for a disk, a lock or another program; `nil` otherwise and when
    /// `read` would throw. Runs on event loops, too.
    func readAtHand(_ location: BodyLocation, flags: FileFlags) -> MessageOctets?

    /// Makes what was published, removed and renamed survive power loss (syncfs of the file system). `.damaged`: some of what
    /// was written is lost, and no later call says so again.
    func flush() throws(StoreError)
}

extension MailboxFiles {
    public var fileSystem: UInt64? { nil }
    public var watchedHomes: [String] { [] }
    public func lastForeignUse() -> Int64? { nil }
    public func readAtHand(_ location: BodyLocation, flags: FileFlags) -> MessageOctets? { nil }
    public func scan(besides known: KnownMessages) throws(StoreError) -> MailboxScan { try self.scan() }
}
