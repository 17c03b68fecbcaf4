internal import LMDB
internal import MailCore
internal import MailStore
internal import VolumeLog

/// Flags of messages that one reader alone sees, as they are from now on.
struct PrivateFlagsChanged: Sendable {
    var key: MailboxKey
    /// The name of the reader's account, which may be in another volume.
    var reader: String
    var modSeq: ModSeq
    var rows: [Row]

    /// Keywords stand by their names: readers have no numbers for them.
    struct Row: Sendable, Hashable {
        var uid: UID
        var flags: MessageFlags
        var keywords: [Keyword]
    }

    func encode(into out: inout [UInt8]) {
        out.append(self.key)
        out.appendText(self.reader)
        out.appendVarint(self.modSeq.rawValue)
        out.appendVarint(UInt64(self.rows.count))
        for row in self.rows {
            out.appendLittleEndian(row.uid.rawValue)
            out.append(row.flags.rawValue)
            out.append(keywords: row.keywords)
        }
    }

    init(key: MailboxKey, reader: String, modSeq: ModSeq, rows: [Row]) {
        self.key = key
        self.reader = reader
        self.modSeq = modSeq
        self.rows = rows
    }

    init?(_ reader: inout ByteReader) {
        guard let key = reader.readKey(), let account = reader.readText(),
            let modSeq = reader.readVarint(), let count = reader.readCount(of: 6)
        else { return nil }
        var rows: [Row] = []
        rows.reserveCapacity(count)
        for _ in 0..<count {
            guard let uid = reader.readUID(), let flags = reader.readLittleEndian(UInt8.self),
                let keywords = reader.readKeywords()
            else { return nil }
            rows.append(Row(uid: uid, flags: MessageFlags(rawValue: flags), keywords: keywords))
        }
        self.init(key: key, reader: account, modSeq: ModSeq(rawValue: modSeq), rows: rows)
    }
}

extension [UInt8] {
    fileprivate mutating func append(keywords: [Keyword]) {
        self.appendVarint(UInt64(keywords.count))
        for keyword in keywords { self.appendText(keyword.name) }
    }
}

extension ByteReader {
    fileprivate mutating func readKeywords() -> [Keyword]? {
        guard let count = self.readCount(of: 2) else { return nil }
        var keywords: [Keyword] = []
        for _ in 0..<count {
            guard let name = self.readText().flatMap(Keyword.init) else { return nil }
            keywords.append(name)
        }
        return keywords
    }
}

/// What a reader has of his own of one message.
struct PrivateFlagRow: Sendable, Hashable {
    var modSeq: ModSeq
    var flags: MessageFlags
    var keywords: [Keyword]

    func encode() -> [UInt8] {
        var out: [UInt8] = [self.flags.rawValue]
        out.appendVarint(self.modSeq.rawValue)
        out.append(keywords: self.keywords)
        return out
    }

    init(modSeq: ModSeq, flags: MessageFlags, keywords: [Keyword]) {
        self.modSeq = modSeq
        self.flags = flags
        self.keywords = keywords
    }

    init?(_ bytes: UnsafeRawBufferPointer) {
        var reader = ByteReader(bytes)
        guard let flags = reader.readLittleEndian(UInt8.self), let modSeq = reader.readVarint(),
            let keywords = reader.readKeywords()
        else { return nil }
        self.init(modSeq: ModSeq(rawValue: modSeq), flags: MessageFlags(rawValue: flags), keywords: keywords)
    }
}

/// Rows of readers: account, mailbox, sum of the reader's name (8), UID -> `PrivateFlagRow`. With UID 0, how many of the
/// reader's rows have \Seen, 4 octets little-endian, and the name; every reader with rows has that one.
extension IndexSchema {
    static func key(_ mailbox: MailboxKey, reader: String, _ uid: UInt32) -> [UInt8] {
        self.key(mailbox, readerSum: self.sum(of: reader), uid)
    }

    /// FNV-1a.
    private static func sum(of reader: String) -> UInt64 {
        var sum: UInt64 = 0xCBF2_9CE4_8422_2325
        for octet in reader.utf8 { sum = (sum ^ UInt64(octet)) &* 0x100_0000_01B3 }
        return sum
    }

    private static func key(_ mailbox: MailboxKey, readerSum: UInt64, _ uid: UInt32) -> [UInt8] {
        var key = self.key(mailbox)
        key.appendBigEndian(readerSum)
        key.appendBigEndian(uid)
        return key
    }

    private static func count(_ value: UnsafeRawBufferPointer) -> UInt32 {
        value.count >= 4 ? UInt32(littleEndian: value.loadUnaligned(as: UInt32.self)) : 0
    }

    /// Messages of a mailbox that a reader has marked \Seen for himself.
    func seenCount(_ mailbox: MailboxKey, reader: String) throws(StoreError) -> Int {
        try self.read { (transaction) throws(LMDBError) in
            try transaction.get(self.privateFlags, Self.key(mailbox, reader: reader, 0)).map { Int(Self.count($0)) }
                ?? 0
        }
    }

    /// Those who have flags of their own in a mailbox.
    func readers(
        of mailbox: MailboxKey, _ transaction: borrowing ReadTransaction
    ) throws(LMDBError) -> [String] {
        var readers: [String] = []
        let prefix = Self.key(mailbox)
        let cursor = try transaction.cursor(self.privateFlags)
        var entry = try cursor.seek(prefix)
        while let found = entry, found.key.starts(with: prefix) {
            guard found.key.count == 20 else { break }
            if Self.lastNumber(of: found.key) == 0, found.value.count > 4 {
                readers.append(String(decoding: found.value.dropFirst(4), as: UTF8.self))
            }
            let sum = UInt64(bigEndian: found.key.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
            guard sum < .max else { break }
            entry = try cursor.seek(Self.key(mailbox, readerSum: sum + 1, 0))
        }
        return readers
    }

    /// All that a reader has of his own in a mailbox, ascending by UID.
    func privateFlags(
        _ mailbox: MailboxKey, reader: String
    ) throws(StoreError) -> [(uid: UID, row: PrivateFlagRow)] {
        try self.read { (transaction) throws(LMDBError) in
            var rows: [(uid: UID, row: PrivateFlagRow)] = []
            let start = Self.key(mailbox, reader: reader, 1)
            let prefix = start.dropLast(4)
            let cursor = try transaction.cursor(self.privateFlags)
            var entry = try cursor.seek(start)
            while let found = entry, found.key.starts(with: prefix) {
                if let uid = UID(rawValue: Self.lastNumber(of: found.key)), let row = PrivateFlagRow(found.value) {
                    rows.append((uid, row))
                }
                entry = try cursor.next()
            }
            return rows
        }
    }

    /// What all readers have of some messages.
    func privateFlags(
        _ mailbox: MailboxKey, of uids: [UID]
    ) throws(StoreError) -> [String: [UID: PrivateFlagRow]] {
        try self.read { (transaction) throws(LMDBError) in
            var found: [String: [UID: PrivateFlagRow]] = [:]
            for reader in try self.readers(of: mailbox, transaction) {
                for uid in uids {
                    let key = Self.key(mailbox, reader: reader, uid.rawValue)
                    guard let row = try transaction.get(self.privateFlags, key).flatMap({ PrivateFlagRow($0) }) else {
                        continue
                    }
                    found[reader, default: [:]][uid] = row
                }
            }
            return found
        }
    }

    /// Counts again what readers have seen, and forgets rows of messages that are not there: after a rebuild.
    func sumUpPrivateFlags(_ transaction: borrowing WriteTransaction) throws(LMDBError) {
        var counts: [[UInt8]: UInt32] = [:]
        var names: [[UInt8]: String] = [:]
        let cursor = try transaction.cursor(self.privateFlags)
        var entry = try cursor.first()
        while let found = entry {
            let key = Array(found.key)
            let head = key.dropLast(4) + [0, 0, 0, 0]
            let uid = Self.lastNumber(of: found.key)
            if uid == 0 {
                counts[key] = counts[key] ?? 0
                names[key] = String(decoding: found.value.dropFirst(4), as: UTF8.self)
            } else {
                let isSeen = PrivateFlagRow(found.value)?.flags.contains(.seen) ?? false
                if key.count == 20, try transaction.get(self.messages, Array(key.prefix(8) + key.suffix(4))) != nil {
                    counts[Array(head), default: 0] += isSeen ? 1 : 0
                } else {
                    try cursor.delete()
                }
            }
            entry = try cursor.next()
        }
        for (key, count) in counts { try self.putSeenCount(count, key, of: names[key] ?? "", transaction) }
    }

    fileprivate func putSeenCount(
        _ count: UInt32, _ key: [UInt8], of reader: String, _ transaction: borrowing WriteTransaction
    ) throws(LMDBError) {
        var value: [UInt8] = []
        value.appendLittleEndian(count)
        value.append(contentsOf: reader.utf8)
        try transaction.put(self.privateFlags, key, value)
    }
}

extension IndexWriter {
    mutating func apply(
        _ change: PrivateFlagsChanged, _ transaction: borrowing WriteTransaction
    ) throws(LMDBError) {
        guard try self.raise(change.key, to: change.modSeq, transaction) else { return }
        var seen = Int64(0)
        for row in change.rows {
            guard try transaction.get(self.schema.messages, IndexSchema.key(change.key, row.uid)) != nil else {
                continue
            }
            let key = IndexSchema.key(change.key, reader: change.reader, row.uid.rawValue)
            let old = try transaction.get(self.schema.privateFlags, key).flatMap { PrivateFlagRow($0) }
            if old?.flags.contains(.seen) ?? false { seen -= 1 }
            if row.flags.contains(.seen) { seen += 1 }
            // One without flags stays: it has the MODSEQ with which they went.
            let new = PrivateFlagRow(
                modSeq: max(old?.modSeq ?? .zero, change.modSeq), flags: row.flags, keywords: row.keywords)
            try transaction.put(self.schema.privateFlags, key, new.encode())
        }
        try self.addSeen(seen, change.key, change.reader, transaction)
    }

    private func addSeen(
        _ change: Int64, _ mailbox: MailboxKey, _ reader: String, _ transaction: borrowing WriteTransaction
    ) throws(LMDBError) {
        let key = IndexSchema.key(mailbox, reader: reader, 0)
        let old = try transaction.get(self.schema.privateFlags, key).map { value in
            value.count >= 4 ? Int64(UInt32(littleEndian: value.loadUnaligned(as: UInt32.self))) : 0
        }
        guard change != 0 || old == nil else { return }
        try self.schema.putSeenCount(UInt32(clamping: (old ?? 0) + change), key, of: reader, transaction)
    }

    /// What readers have of messages that vanish goes with these.
    func removePrivateFlags(
        _ mailbox: MailboxKey, _ uids: UIDSet, _ transaction: borrowing WriteTransaction
    ) throws(LMDBError) {
        for reader in try self.schema.readers(of: mailbox, transaction.reading) {
            var seen = Int64(0)
            let prefix = IndexSchema.key(mailbox, reader: reader, 0).dropLast(4)
            for range in uids.ranges {
                let cursor = try transaction.cursor(self.schema.privateFlags)
                var entry = try cursor.seek(IndexSchema.key(mailbox, reader: reader, range.lowerBound))
                while let found = entry, found.key.starts(with: prefix),
                    IndexSchema.lastNumber(of: found.key) <= range.upperBound
                {
                    if PrivateFlagRow(found.value)?.flags.contains(.seen) ?? false { seen -= 1 }
                    try cursor.delete()
                    entry = try cursor.next()
                }
            }
            try self.addSeen(seen, mailbox, reader, transaction)
        }
    }
}
