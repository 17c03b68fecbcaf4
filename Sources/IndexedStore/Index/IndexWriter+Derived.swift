internal import LMDB
internal import MIMECore
internal import MailCore
internal import MailStore

/// Rows made from messages: written with the message's own row, or later where its octets were not at hand.
extension IndexWriter {
    /// Of a new message. One without a signature or keys is left to the indexer.
    func put(
        _ derived: DerivedRows, _ key: MailboxKey, _ uid: UID, _ transaction: borrowing WriteTransaction
    ) throws(LMDBError) {
        let rowKey = IndexSchema.key(key, uid)
        if !derived.cache.isEmpty { try transaction.put(self.schema.caches, rowKey, derived.cache) }
        if !derived.signature.isEmpty { try transaction.put(self.schema.signatures, rowKey, derived.signature) }
        if !derived.headerKeys.isEmpty { try transaction.put(self.schema.headerKeys, rowKey, derived.headerKeys) }
        if derived.signature.isEmpty || derived.headerKeys.isEmpty {
            try self.schema.noteUnsigned(key, from: uid, transaction)
        }
    }

    /// Made later, for a message that is still there.
    func putDerived(
        _ key: MailboxKey, _ uid: UID, _ derived: DerivedRows, _ transaction: borrowing WriteTransaction
    ) throws(LMDBError) {
        let rowKey = IndexSchema.key(key, uid)
        guard try transaction.get(self.schema.messages, rowKey) != nil else { return }
        if !derived.cache.isEmpty { try transaction.put(self.schema.caches, rowKey, derived.cache) }
        if !derived.signature.isEmpty { try transaction.put(self.schema.signatures, rowKey, derived.signature) }
        if !derived.headerKeys.isEmpty { try transaction.put(self.schema.headerKeys, rowKey, derived.headerKeys) }
    }

    /// The indexer has seen the messages up to a UID. Those behind it may have come without signatures meanwhile.
    func noteSigned(
        _ key: MailboxKey, through uid: UID, _ transaction: borrowing WriteTransaction
    ) throws(LMDBError) {
        let prefix = IndexSchema.key(key)
        guard let first = try transaction.get(self.schema.unsigned, prefix).flatMap({ IndexSchema.uid(of: $0) }),
            first <= uid
        else { return }
        let last = try transaction.cursor(self.schema.messages).last(withPrefix: prefix).map {
            IndexSchema.lastNumber(of: $0.key)
        }
        if let last, last > uid.rawValue {
            var next: [UInt8] = []
            next.appendLittleEndian(uid.rawValue + 1)
            try transaction.put(self.schema.unsigned, prefix, next)
        } else {
            try transaction.delete(self.schema.unsigned, prefix)
        }
    }
}

extension IndexSchema {
    /// The UID that a row of `unsigned` has.
    static func uid(of value: UnsafeRawBufferPointer) -> UID? {
        guard value.count == 4 else { return nil }
        return UID(rawValue: UInt32(littleEndian: value.loadUnaligned(as: UInt32.self)))
    }

    /// Notes that a message, and those behind it, may have no signature.
    func noteUnsigned(
        _ key: MailboxKey, from uid: UID, _ transaction: borrowing WriteTransaction
    ) throws(LMDBError) {
        let prefix = IndexSchema.key(key)
        if let known = try transaction.get(self.unsigned, prefix).flatMap({ IndexSchema.uid(of: $0) }), known <= uid {
            return
        }
        var value: [UInt8] = []
        value.appendLittleEndian(uid.rawValue)
        try transaction.put(self.unsigned, prefix, value)
    }

    /// Has all signatures and keys made that an index of an earlier release, or one made again from the log, lacks.
    func checkSignatures(_ transaction: borrowing WriteTransaction) throws(LMDBError) {
        let version = UInt64(TextSignature.version) | UInt64(HeaderKeys.version) << 8
        guard try self.meta(.signatures, transaction.reading) != version else { return }
        var keys: [MailboxKey] = []
        do {
            let cursor = try transaction.cursor(self.mailboxes)
            var entry = try cursor.first()
            while let found = entry {
                keys.append(
                    MailboxKey(
                        account: IndexSchema.number(0, of: found.key), mailbox: IndexSchema.number(4, of: found.key)))
                entry = try cursor.next()
            }
        }
        for key in keys { try self.noteUnsigned(key, from: .first, transaction) }
        try self.setMeta(.signatures, version, transaction)
    }
}
