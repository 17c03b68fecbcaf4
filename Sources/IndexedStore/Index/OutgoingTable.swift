internal import HeapModule
internal import LMDB
internal import MailCore
internal import MailStore
internal import Synchronization

/// The mails of a volume that wait for the MTA, in memory without their octets: read from the index at the start,
/// kept up to date by who changes them.
final class OutgoingTable: Sendable {
    private struct State {
        /// `turn` is that of the mail's entry in `due`; 0: it has none that counts.
        var mails: [OutgoingID: (account: UInt32, mail: QueuedMail, turn: UInt64)] = [:]
        var octets: UInt64 = 0
        /// When mails are to be tried, the earliest first. An entry that is not the mail's last one is passed over.
        var due = Heap<Due>()
        var lastTurn: UInt64 = 0
        var watcher: (@Sendable () -> Void)?

        mutating func schedule(_ id: OutgoingID) {
            guard let mail = self.mails[id]?.mail else { return }
            self.lastTurn += 1
            self.mails[id]?.turn = self.lastTurn
            self.due.insert(Due(time: mail.dueTime, id: id, turn: self.lastTurn))
        }
    }

    private struct Due: Comparable {
        var time: Int64
        var id: OutgoingID
        var turn: UInt64

        static func < (a: Due, b: Due) -> Bool { a.time != b.time ? a.time < b.time : a.id < b.id }
    }

    private let state = Mutex(State())

    func load(_ schema: IndexSchema) throws(StoreError) {
        let rows = try schema.outgoingRows()
        for (key, row) in rows {
            guard var identity = try schema.accountRow(key.account)?.identity else { continue }
            // One that has left for another volume has its mails sent from here.
            identity.name = identity.shownName
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
            let isNew = state.mails.updateValue((key.account, mail, 0), forKey: key.id) == nil
            if isNew { state.octets &+= row.size }
            state.schedule(key.id)
        }
    }

    func takeDue(at now: Int64, longest: Int64) -> DueMail {
        let (horizon, overflow) = now.addingReportingOverflow(longest)
        return self.state.withLock { state in
            while !overflow, let last = state.due.max, last.time > horizon {
                state.due.removeMax()
                guard let (_, mail, turn) = state.mails[last.id], turn == last.turn else { continue }
                state.mails[last.id]?.turn = 0
                return .mail(mail)
            }
            while let first = state.due.min {
                guard let (_, mail, turn) = state.mails[first.id], turn == first.turn else {
                    state.due.removeMin()
                    continue
                }
                guard first.time <= now else { return .later(first.time) }
                state.due.removeMin()
                state.mails[first.id]?.turn = 0
                return .mail(mail)
            }
            return .none
        }
    }

    func putBack(_ id: OutgoingID) {
        self.state.withLock { $0.schedule(id) }
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
            entry.turn = 0
            state.mails[changed.key.id] = entry
            if !new.isHandedOver { state.schedule(changed.key.id) }
        }
    }

    func watch(_ body: @escaping @Sendable () -> Void) { self.state.withLock { $0.watcher = body } }

    /// Tells who watches that there is something new.
    func tell() {
        let watcher = self.state.withLock { $0.watcher }
        watcher?()
    }
}

extension QueuedMail {
    /// What was being handed over is to be settled before all else.
    fileprivate var dueTime: Int64 { self.isHandedOver ? .min : self.nextAttempt }
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
