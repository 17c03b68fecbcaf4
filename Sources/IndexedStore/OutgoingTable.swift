internal import LMDB
internal import MailCore
internal import MailStore
internal import Synchronization

/// The mails of a volume that wait for the MTA, in memory without their octets: read from the index at the start,
/// kept up to date by who changes them.
final class OutgoingTable: Sendable {
    private struct State {
        var mails: [OutgoingID: (account: UInt32, mail: QueuedMail)] = [:]
        var octets: UInt64 = 0
        var watcher: (@Sendable () -> Void)?
    }

    private let state = Mutex(State())

    func load(_ schema: IndexSchema) throws(StoreError) {
        let rows = try schema.outgoingRows()
        for (key, row) in rows {
            guard let identity = try schema.accountRow(key.account)?.identity else { continue }
            self.add(key, row, identity)
        }
    }

    var mails: [QueuedMail] { self.state.withLock { $0.mails.values.map(\.mail) }.sorted { $0.id < $1.id } }

    var load: (count: Int, octets: UInt64) { self.state.withLock { ($0.mails.count, $0.octets) } }

    func find(_ id: OutgoingID) -> (key: OutgoingKey, mail: QueuedMail)? {
        self.state.withLock { $0.mails[id] }.map { (OutgoingKey(account: $0.account, id: id), $0.mail) }
    }

    func add(_ key: OutgoingKey, _ row: OutgoingRow, _ account: AccountIdentity) {
        let mail = QueuedMail(
            id: key.id, account: account, purpose: row.purpose, sender: row.sender, recipient: row.recipient,
            size: row.size, queuedAt: row.queuedAt, attempts: Int(clamping: row.attempts),
            nextAttempt: row.nextAttempt, lastError: row.lastError, isHandedOver: row.isHandedOver)
        self.state.withLock { state in
            guard state.mails.updateValue((key.account, mail), forKey: key.id) == nil else { return }
            state.octets &+= row.size
        }
    }

    func apply(_ changed: OutgoingChanged) {
        self.state.withLock { state in
            guard var entry = state.mails[changed.key.id] else { return }
            guard let new = changed.state else {
                state.mails[changed.key.id] = nil
                state.octets -= min(state.octets, entry.mail.size)
                return
            }
            entry.mail.attempts = Int(clamping: new.attempts)
            entry.mail.nextAttempt = new.nextAttempt
            entry.mail.lastError = new.lastError
            entry.mail.isHandedOver = new.isHandedOver
            state.mails[changed.key.id] = entry
        }
    }

    func watch(_ body: @escaping @Sendable () -> Void) { self.state.withLock { $0.watcher = body } }

    /// Tells who watches that there is something new.
    func tell() {
        let watcher = self.state.withLock { $0.watcher }
        watcher?()
    }
}

extension IndexSchema {
    /// Account, delivery, number.
    static func key(_ mail: OutgoingKey) -> [UInt8] {
        var key = self.key(mail.account)
        key.appendBigEndian(mail.id.delivery)
        key.appendBigEndian(mail.id.number)
        return key
    }

    /// `nil` when it is not one.
    static func outgoingKey(_ octets: UnsafeRawBufferPointer) -> OutgoingKey? {
        guard octets.count == 16 else { return nil }
        let delivery = UInt64(bigEndian: octets.loadUnaligned(fromByteOffset: 4, as: UInt64.self))
        return OutgoingKey(
            account: self.number(0, of: octets),
            id: OutgoingID(delivery: delivery, number: self.lastNumber(of: octets)))
    }

    func outgoingRows() throws(StoreError) -> [(OutgoingKey, OutgoingRow)] {
        try self.read { (transaction) throws(LMDBError) in
            var rows: [(OutgoingKey, OutgoingRow)] = []
            let cursor = try transaction.cursor(self.outgoing)
            var entry = try cursor.first()
            while let found = entry {
                if let key = Self.outgoingKey(found.key), var row = OutgoingRow(found.value) {
                    row.inline = []
                    rows.append((key, row))
                }
                entry = try cursor.next()
            }
            return rows
        }
    }

    func outgoingRow(_ key: OutgoingKey) throws(StoreError) -> OutgoingRow? {
        try self.read { (transaction) throws(LMDBError) in
            try transaction.get(self.outgoing, IndexSchema.key(key)).flatMap { OutgoingRow($0) }
        }
    }
}
