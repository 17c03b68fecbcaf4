internal import MailCore
internal import MailStore

/// What the index keeps of an account beside its name.
struct AccountRow: Sendable {
    /// The number of the next mailbox; numbers are never used again.
    var nextMailbox: UInt32 = 1
    var identity: AccountIdentity
    /// The highest that a mailbox of the account has had; 0: not known.
    var lastUIDValidity: UInt32 = 0
    /// Set by an administrator.
    var quotaLimits: QuotaLimits?
    /// How often it has come from another volume: of two accounts with one name the one that has more often is it.
    var moves: UInt64 = 0

    func encode() -> [UInt8] {
        var out: [UInt8] = [1]
        out.appendLittleEndian(self.nextMailbox)
        out.appendIdentity(self.identity)
        out.appendLittleEndian(self.lastUIDValidity)
        // Rows of the first release end here.
        if self.quotaLimits != nil || self.moves > 0 { out.append(self.quotaLimits) }
        if self.moves > 0 { out.appendVarint(self.moves) }
        return out
    }

    init(identity: AccountIdentity) { self.identity = identity }

    init?(_ bytes: UnsafeRawBufferPointer) {
        var reader = ByteReader(bytes)
        guard reader.readLittleEndian(UInt8.self) == 1, let next = reader.readLittleEndian(UInt32.self),
            let identity = reader.readIdentity()
        else { return nil }
        self.nextMailbox = next
        self.identity = identity
        self.lastUIDValidity = reader.readLittleEndian(UInt32.self) ?? 0
        if reader.remaining > 0 { self.quotaLimits = reader.readQuotaLimits()?.value }
        if reader.remaining > 0 { self.moves = reader.readVarint() ?? 0 }
    }
}

/// The counters of a mailbox's messages.
struct MailboxCounters: Sendable, Hashable {
    var messages = 0
    var unseen = 0
    var deleted = 0
    /// Those whose UID is at least the mailbox's first recent one.
    var recent = 0
    var size: UInt64 = 0

    mutating func add(uid: UID, flags: MessageFlags, size: UInt32, firstRecent: UInt32) {
        self.messages += 1
        if !flags.contains(.seen) { self.unseen += 1 }
        if flags.contains(.deleted) { self.deleted += 1 }
        if uid.rawValue >= firstRecent { self.recent += 1 }
        self.size &+= UInt64(size)
    }

    mutating func remove(uid: UID, flags: MessageFlags, size: UInt32, firstRecent: UInt32) {
        self.messages -= 1
        if !flags.contains(.seen) { self.unseen -= 1 }
        if flags.contains(.deleted) { self.deleted -= 1 }
        if uid.rawValue >= firstRecent { self.recent -= 1 }
        self.size &-= UInt64(size)
    }

    mutating func change(from old: MessageFlags, to new: MessageFlags) {
        if old.contains(.seen) != new.contains(.seen) { self.unseen += new.contains(.seen) ? -1 : 1 }
        if old.contains(.deleted) != new.contains(.deleted) {
            self.deleted += new.contains(.deleted) ? 1 : -1
        }
    }
}

/// What a mailbox is for, as far as its user said.
enum SpecialUseChoice: Hashable, Sendable {
    /// As the settings say for its name.
    case byDefault
    /// For nothing, whatever the settings say.
    case noUse
    case use(SpecialUse)

    /// From the value of the metadata entry; one without a meaning here is as if it had never been given.
    init(_ value: [UInt8]?) {
        guard let value else {
            self = .byDefault
            return
        }
        self = value.isEmpty ? .noUse : SpecialUse(metadata: value).map { .use($0) } ?? .byDefault
    }

    init(text: String) { self = text == "-" ? .noUse : SpecialUse(rawValue: text).map { .use($0) } ?? .byDefault }

    var text: String {
        switch self {
        case .byDefault: ""
        case .noUse: "-"
        case .use(let use): use.rawValue
        }
    }

    /// The use of a mailbox for which the settings have `wanted`.
    func resolved(_ wanted: SpecialUse?) -> SpecialUse? {
        switch self {
        case .byDefault: wanted
        case .noUse: nil
        case .use(let use): use
        }
    }
}

extension SpecialUse {
    /// From the value of `/private/specialuse`: one attribute, in any case.
    init?(metadata value: [UInt8]) {
        guard let use = Self.allCases.first(where: { ASCII.equalsIgnoringCase($0.rawValue.utf8, value) }) else {
            return nil
        }
        self = use
    }
}

/// What the index keeps of a mailbox as a whole.
struct MailboxHead: Sendable {
    var name: MailboxName
    var uidValidity: UIDValidity
    var uidNext: UInt32
    var highestModSeq: ModSeq
    var firstRecent: UInt32
    var counters = MailboxCounters()
    var guid: String
    var specialUse: SpecialUseChoice
    /// How often the volume had been restarted uncleanly when `highestModSeq` was written. MODSEQs that were told
    /// but not yet flushed are lost then, so that each later restart adds `lostModSeqs`.
    var restarts: UInt64
    /// Runs in `vanished`.
    var vanishedRuns: UInt32 = 0
    /// Vanished messages up to this MODSEQ have been forgotten.
    var forgottenModSeq = ModSeq.zero

    /// More than a mailbox can hand out within the second that a flush may be behind.
    static let lostModSeqs: UInt64 = 1 << 20
    /// More than any clock can lead to; a damaged row must not bring the numbers to their end.
    static let largestModSeq: UInt64 = 1 << 62

    init(_ created: MailboxCreated, restarts: UInt64) {
        self.name = created.name
        self.uidValidity = created.header.uidValidity
        self.uidNext = created.header.uidNext.rawValue
        self.highestModSeq = created.highestModSeq
        self.firstRecent = created.header.uidNext.rawValue
        self.guid = created.header.guid
        self.specialUse = created.specialUse.map { .use($0) } ?? .byDefault
        // Where the index was lost, what vanished before is not known.
        self.forgottenModSeq = created.highestModSeq
        self.restarts = restarts
    }

    func encode() -> [UInt8] {
        var out: [UInt8] = [1]
        out.reserveCapacity(160)
        out.appendLittleEndian(self.uidValidity.rawValue)
        out.appendLittleEndian(self.uidNext)
        out.appendLittleEndian(self.firstRecent)
        out.appendLittleEndian(self.highestModSeq.rawValue)
        out.appendLittleEndian(self.restarts)
        out.appendLittleEndian(self.vanishedRuns)
        out.appendLittleEndian(self.forgottenModSeq.rawValue)
        out.appendVarint(UInt64(clamping: self.counters.messages))
        out.appendVarint(UInt64(clamping: self.counters.unseen))
        out.appendVarint(UInt64(clamping: self.counters.deleted))
        out.appendVarint(UInt64(clamping: self.counters.recent))
        out.appendVarint(self.counters.size)
        out.appendText(self.guid)
        out.appendText(self.name.text)
        out.appendText(self.specialUse.text)
        return out
    }

    /// Reads a head and raises its MODSEQ for the restarts since it was written.
    init?(_ bytes: UnsafeRawBufferPointer, restarts: UInt64) {
        var reader = ByteReader(bytes)
        guard reader.readLittleEndian(UInt8.self) == 1,
            let uidValidity = reader.readLittleEndian(UInt32.self).flatMap(UIDValidity.init(rawValue:)),
            let uidNext = reader.readLittleEndian(UInt32.self), uidNext > 0,
            let firstRecent = reader.readLittleEndian(UInt32.self),
            let modSeq = reader.readLittleEndian(UInt64.self),
            let written = reader.readLittleEndian(UInt64.self),
            let runs = reader.readLittleEndian(UInt32.self),
            let forgotten = reader.readLittleEndian(UInt64.self)
        else { return nil }
        guard let messages = reader.readVarint(), let unseen = reader.readVarint(),
            let deleted = reader.readVarint(), let recent = reader.readVarint(),
            let size = reader.readVarint(),
            let guid = reader.readText(), let name = reader.readName(), let use = reader.readText()
        else { return nil }
        self.name = name
        self.uidValidity = uidValidity
        self.uidNext = uidNext
        self.firstRecent = firstRecent
        let lost = restarts > written ? (restarts - written) &* Self.lostModSeqs : 0
        self.highestModSeq = ModSeq(rawValue: min(modSeq &+ lost, Self.largestModSeq))
        self.restarts = max(restarts, written)
        self.vanishedRuns = runs
        self.forgottenModSeq = ModSeq(rawValue: forgotten)
        self.guid = guid
        self.specialUse = SpecialUseChoice(text: use)
        // There are no more messages than UIDs, whatever a damaged row says; so that counting on cannot overflow.
        func count(_ number: UInt64) -> Int { Int(min(number, UInt64(UInt32.max))) }
        self.counters = MailboxCounters(
            messages: count(messages), unseen: count(unseen), deleted: count(deleted), recent: count(recent), size: size)
    }
}

/// What is still to be done to a message's file, kept until it is done and on the disk.
struct FileTask: Sendable {
    enum Kind: UInt8, Sendable {
        /// The name is to show the flags of the message's row.
        case rename = 1
        /// The message is gone from the index.
        case remove = 2
    }

    var kind: Kind
    var location: BodyLocation
    /// What the file's name shows as far as is known.
    var flags: MessageFlags
    var keywords: [UInt16]

    func encode() -> [UInt8] {
        var out: [UInt8] = [1, self.kind.rawValue, self.flags.rawValue]
        out.append(keywordNumbers: self.keywords)
        out.append(contentsOf: self.location.bytes)
        return out
    }

    init(_ kind: Kind, _ location: BodyLocation, _ flags: MessageFlags, _ keywords: [UInt16]) {
        self.kind = kind
        self.location = location
        self.flags = flags
        self.keywords = keywords
    }

    init?(_ bytes: UnsafeRawBufferPointer) {
        var reader = ByteReader(bytes)
        guard reader.readLittleEndian(UInt8.self) == 1,
            let kind = reader.readLittleEndian(UInt8.self).flatMap(Kind.init(rawValue:)),
            let flags = reader.readLittleEndian(UInt8.self), let keywords = reader.readKeywordNumbers(),
            let location = reader.readBytes(reader.remaining)
        else { return nil }
        self.init(kind, BodyLocation(Array(location)), MessageFlags(rawValue: flags), keywords)
    }
}
