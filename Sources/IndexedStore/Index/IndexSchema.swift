internal import LMDB
internal import MailCore
internal import MailStore
internal import VolumeLog

/// The databases of a volume's index and the form of their keys. Keys begin with the account's number, big-endian,
/// so that an account is one run of keys in each.
struct IndexSchema: Sendable {
    /// What this code writes. A file of a higher version is refused, one of a lower is upgraded or made again.
    static let version: UInt64 = 2
    /// LMDB's limit for a key.
    static let maximumAccountName = 500

    let environment: Environment
    /// Account name -> account number, 4 octets little-endian.
    let accounts: Database
    /// Account number -> `AccountRow`.
    let identities: Database
    /// Account, mailbox -> `MailboxHead`.
    let mailboxes: Database
    /// Account, mailbox, keyword number (2 octets) -> name.
    let keywords: Database
    /// Account, mailbox, UID -> row of a message.
    let messages: Database
    /// Account, mailbox, UID -> cache (MIMECore.MessageCache).
    let caches: Database
    /// Account, mailbox, MODSEQ (8 octets), first UID -> last UID of a run that vanished with that MODSEQ. What
    /// changed otherwise carries its MODSEQ in its row.
    let vanished: Database
    /// Account, mailbox (0: the server), entry name -> value.
    let metadata: Database
    /// Account, mailbox, UID -> `FileTask`: what is still to be done to the message's file.
    let fileTasks: Database
    /// Account, mailbox of a deleted mailbox whose rows are still to be removed -> nothing.
    let garbage: Database
    /// Body (8 octets) -> `BodyRow`: bodies that live in the log.
    let bodies: Database
    /// Segment (4 octets) -> octets of records that hold a body which some message names, 8 octets little-endian.
    let segments: Database
    /// Account, name -> nothing: what accounts are subscribed to. Those with files read theirs.
    let subscriptions: Database
    /// Account, mailbox -> text of the access control list (`AccessList.text`).
    let accessLists: Database
    /// Account, delivery (8 octets), number (4 octets) -> `OutgoingRow`: mails that wait for the MTA.
    let outgoing: Database
    /// Number of an event -> `RecordedEvent`: changes that somebody is still to deal with.
    let events: Database
    /// Account, `RememberedKey` -> when it ends, seconds since 1970, 8 octets little-endian.
    let remembered: Database
    /// Sequence number of its record -> `TraceRecord`.
    let trace: Database
    /// Account, mailbox, UID -> signature (MIMECore.TextSignature).
    let signatures: Database
    /// Account, mailbox, UID -> keys of its header (MIMECore.HeaderKeys).
    let headerKeys: Database
    /// Account, mailbox -> the lowest UID, 4 octets little-endian, that may be of a message without signature or keys.
    let unsigned: Database
    /// Flags that readers have of their own; see `PrivateFlagRow`.
    let privateFlags: Database
    /// Name -> 8 octets little-endian.
    let meta: Database

    enum Meta: String {
        case version
        /// Sequence number of the last record applied.
        case applied
        /// File work of all records up to this sequence number is on the disk.
        case filesSynced
        /// Those up to there of which that is not so.
        case filesLeft
        /// How often the volume was opened after an unclean end; see `MailboxHead.restarts`.
        case restarts
        /// Octets of the rows of `trace`.
        case traceOctets
        /// 1 after a clean close.
        case clean
        /// `VolumeLog.tag` of the log to which it belongs.
        case log
        /// The versions of signatures and keys for which `unsigned` is complete.
        case signatures
    }

    init(_ environment: Environment) throws(LMDBError) {
        self.environment = environment
        self.accounts = try environment.database("accounts")
        self.identities = try environment.database("identities")
        self.mailboxes = try environment.database("mailboxes")
        self.keywords = try environment.database("keywords")
        self.messages = try environment.database("messages")
        self.caches = try environment.database("caches")
        self.vanished = try environment.database("vanished")
        self.metadata = try environment.database("metadata")
        self.fileTasks = try environment.database("filetasks")
        self.garbage = try environment.database("garbage")
        self.bodies = try environment.database("bodies")
        self.segments = try environment.database("segments")
        self.subscriptions = try environment.database("subscriptions")
        self.accessLists = try environment.database("accesslists")
        self.outgoing = try environment.database("outgoing")
        self.events = try environment.database("events")
        self.remembered = try environment.database("remembered")
        self.trace = try environment.database("trace")
        self.signatures = try environment.database("signatures")
        self.headerKeys = try environment.database("headerkeys")
        self.unsigned = try environment.database("unsigned")
        self.privateFlags = try environment.database("privateflags")
        self.meta = try environment.database("meta")
    }

    /// Whether a database is made from the others, so that a checkpoint need not have it. `caches` are made from the
    /// messages when somebody asks, `signatures` and
    /// `headerkeys` in the background; of `trace` a rebuild keeps what the log still has.
    static func isDerived(_ database: String) -> Bool {
        ["caches", "segments", "trace", "signatures", "headerkeys", "unsigned", "meta"].contains(database)
    }

    // MARK: Keys

    static func key(_ account: UInt32) -> [UInt8] {
        var key: [UInt8] = []
        key.reserveCapacity(4)
        key.appendBigEndian(account)
        return key
    }

    static func key(_ body: BodyID) -> [UInt8] {
        var key: [UInt8] = []
        key.reserveCapacity(8)
        key.appendBigEndian(body.rawValue)
        return key
    }

    static func key(_ account: UInt32, subscription name: MailboxName) -> [UInt8] {
        let name = Array(name.text.utf8)
        // A name may be longer than a key can be. Its sum tells it from others that begin like it.
        guard name.count > 480 else { return self.key(account) + name }
        var sum: UInt64 = 0xCBF2_9CE4_8422_2325
        for octet in name { sum = (sum ^ UInt64(octet)) &* 0x100_0000_01B3 }
        var key = self.key(account) + name.prefix(480)
        key.appendBigEndian(sum)
        return key
    }

    static func key(_ mailbox: MailboxKey) -> [UInt8] {
        var key: [UInt8] = []
        key.reserveCapacity(20)
        key.appendBigEndian(mailbox.account)
        key.appendBigEndian(mailbox.mailbox)
        return key
    }

    static func key(_ mailbox: MailboxKey, _ uid: UID) -> [UInt8] {
        var key = self.key(mailbox)
        key.appendBigEndian(uid.rawValue)
        return key
    }

    static func key(_ mailbox: MailboxKey, keyword: UInt16) -> [UInt8] {
        var key = self.key(mailbox)
        key.appendBigEndian(keyword)
        return key
    }

    /// The number in a key of `keywords`.
    static func keywordNumber(of key: UnsafeRawBufferPointer) -> Int {
        guard key.count >= 2 else { return 0 }
        return Int(UInt16(bigEndian: key.loadUnaligned(fromByteOffset: key.count - 2, as: UInt16.self)))
    }

    static func key(_ mailbox: MailboxKey, _ entry: MetadataEntry) -> [UInt8] {
        self.key(mailbox) + Array(entry.text.utf8)
    }

    static func key(_ mailbox: MailboxKey, _ modSeq: ModSeq, _ uid: UInt32) -> [UInt8] {
        var key = self.key(mailbox)
        key.appendBigEndian(modSeq.rawValue)
        key.appendBigEndian(uid)
        return key
    }

    /// The last four octets of a key: the UID in `messages`, the mailbox in `mailboxes`.
    static func lastNumber(of key: UnsafeRawBufferPointer) -> UInt32 {
        guard key.count >= 4 else { return 0 }
        return UInt32(bigEndian: key.loadUnaligned(fromByteOffset: key.count - 4, as: UInt32.self))
    }

    static func number(_ offset: Int, of key: UnsafeRawBufferPointer) -> UInt32 {
        guard key.count >= offset + 4 else { return 0 }
        return UInt32(bigEndian: key.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
    }

    // MARK: Meta

    func meta(_ name: Meta, _ transaction: borrowing ReadTransaction) throws(LMDBError) -> UInt64? {
        guard let value = try transaction.get(self.meta, Array(name.rawValue.utf8)), value.count == 8 else {
            return nil
        }
        return UInt64(littleEndian: value.loadUnaligned(as: UInt64.self))
    }

    func setMeta(
        _ name: Meta, _ value: UInt64, _ transaction: borrowing WriteTransaction
    ) throws(LMDBError) {
        var bytes: [UInt8] = []
        bytes.appendLittleEndian(value)
        try transaction.put(self.meta, Array(name.rawValue.utf8), bytes)
    }

    /// `nil` in an index that was never written to.
    func synced(_ transaction: borrowing ReadTransaction) throws(LMDBError) -> SyncedRecords? {
        guard let through = try self.meta(.filesSynced, transaction) else { return nil }
        var synced = SyncedRecords(through: LogSequence(rawValue: through))
        guard let value = try transaction.get(self.meta, Array(Meta.filesLeft.rawValue.utf8)) else { return synced }
        var reader = ByteReader(value)
        while let sequence = reader.readLittleEndian(UInt64.self) {
            synced.except.append(LogSequence(rawValue: sequence))
        }
        return synced
    }

    func setSynced(_ synced: SyncedRecords, _ transaction: borrowing WriteTransaction) throws(LMDBError) {
        try self.setMeta(.filesSynced, synced.through.rawValue, transaction)
        let key = Array(Meta.filesLeft.rawValue.utf8)
        guard !synced.except.isEmpty else {
            _ = try transaction.delete(self.meta, key)
            return
        }
        var bytes: [UInt8] = []
        for sequence in synced.except { bytes.appendLittleEndian(sequence.rawValue) }
        try transaction.put(self.meta, key, bytes)
    }
}

extension [UInt8] {
    mutating func appendBigEndian<T: FixedWidthInteger>(_ value: T) {
        Swift.withUnsafeBytes(of: value.bigEndian) { self.append(contentsOf: $0) }
    }
}

extension StoreError {
    /// The error for the peer; the detail says what the library said.
    init(_ error: LMDBError) {
        let code: StoreError.Code =
            switch error.code {
            case .diskFull, .mapFull: .diskFull
            case .corrupted, .invalid, .versionMismatch: .damaged
            default: .temporary
            }
        self.init(code, "index: \(error)")
    }
}
