internal import Glibc
internal import LMDB
internal import MailCore
internal import MailStore
internal import Synchronization
internal import Threads
internal import VolumeLog

/// An account at one moment: the rows of all its messages, read in one transaction into an unlinked file, so that
/// neither memory nor the index holds them while somebody reads slowly.
final class AccountSnapshot: AccountArchive {
    let mailboxes: [ArchivedMailbox]
    let messageCount: Int
    private let account: StoreAccount
    /// By their numbers; those that came since are behind.
    private let states: Mutex<[MailboxState]>
    private let file: SnapshotFile
    private let position = Mutex<Int>(0)

    /// The parts of one message in the file, before its row: mailbox (4), UID (4), octets of the row (4), octets of
    /// the place of its body (1), that place.
    private static let headSize = 13

    private init(
        _ account: StoreAccount, _ states: [MailboxState], _ mailboxes: [ArchivedMailbox], _ file: SnapshotFile,
        _ count: Int
    ) {
        self.account = account
        self.states = Mutex(states)
        self.mailboxes = mailboxes
        self.file = file
        self.messageCount = count
    }

    /// With the account's mailboxes all indexed, on a storage thread.
    static func take(_ account: StoreAccount) throws(StoreError) -> AccountSnapshot {
        let volume = account.volume
        try volume.waitApplied(volume.committer.lastTicket)
        let all = account.directory.withLock { directory in
            directory.entries.values.compactMap { entry -> MailboxState? in
                if case .indexed(let state) = entry { return state }
                return nil
            }
        }
        let file = try SnapshotFile(directory: volume.configuration.directory)
        let schema = volume.schema
        let restarts = volume.restarts
        var failure: StoreError?
        var states: [MailboxState] = []
        var mailboxes: [ArchivedMailbox] = []
        var count = 0
        try schema.read { (transaction) throws(LMDBError) in
            var heads: [(MailboxState, MailboxHead)] = []
            for state in all {
                guard let value = try transaction.get(schema.mailboxes, IndexSchema.key(state.key)),
                    let head = MailboxHead(value, restarts: restarts)
                else { continue }
                heads.append((state, head))
            }
            heads.sort { $0.1.name < $1.1.name }
            for (number, (state, head)) in heads.enumerated() {
                var keywords: [Keyword] = []
                let prefix = IndexSchema.key(state.key)
                let names = try transaction.cursor(schema.keywords)
                var entry = try names.seek(prefix)
                while let found = entry, found.key.starts(with: prefix) {
                    // One that cannot be read must not shift the others.
                    if let keyword = Keyword(String(decoding: found.value, as: UTF8.self)) ?? Keyword("unknown") {
                        keywords.append(keyword)
                    }
                    entry = try names.next()
                }
                var uids = UIDSet()
                let rows = try transaction.cursor(schema.messages)
                var row = try rows.seek(prefix)
                while let found = row, found.key.starts(with: prefix), failure == nil {
                    if let uid = UID(rawValue: IndexSchema.lastNumber(of: found.key)) {
                        let body = try Self.body(found.value, uid, schema, transaction)
                        do throws(StoreError) {
                            try file.append(UInt32(truncatingIfNeeded: number), uid, found.value, body)
                            uids.insert(uid)
                            count += 1
                        } catch {
                            failure = error
                        }
                    }
                    row = try rows.next()
                }
                states.append(state)
                mailboxes.append(
                    ArchivedMailbox(
                        name: head.name, uidValidity: head.uidValidity, uidNext: UID(rawValue: head.uidNext) ?? .first,
                        highestModSeq: head.highestModSeq, guid: head.guid, specialUse: head.specialUse.text,
                        keywords: keywords, uids: uids))
            }
        }
        if let failure { throw failure }
        try file.finish()
        return AccountSnapshot(account, states, mailboxes, file, count)
    }

    /// The row of the body that a message names, as the index has it.
    private static func body(
        _ value: UnsafeRawBufferPointer, _ uid: UID, _ schema: IndexSchema, _ transaction: borrowing ReadTransaction
    ) throws(LMDBError) -> [UInt8] {
        var reader = ByteReader(value)
        guard let id = reader.readRow(uid)?.location.bodyID,
            let body = try transaction.get(schema.bodies, IndexSchema.key(id))
        else { return [] }
        return Array(body)
    }

    func privateFlags(of mailbox: Int) async throws(StoreError) -> [ArchivedFlags] {
        let state = self.states.withLock { mailbox < $0.count ? $0[mailbox] : nil }
        guard let state, mailbox < self.mailboxes.count else { return [] }
        let known = self.mailboxes[mailbox].uids
        let volume = self.account.volume
        return try await volume.threads.run { () throws(StoreError) -> [ArchivedFlags] in
            try volume.waitApplied(state.lock.withLock { state.lastTicket })
            let readers = try volume.schema.read { (transaction) throws(LMDBError) in
                try volume.schema.readers(of: state.key, transaction)
            }
            var found: [ArchivedFlags] = []
            for reader in readers {
                var groups: [PrivateFlagRow: UIDSet] = [:]
                for (uid, row) in try volume.schema.privateFlags(state.key, reader: reader) where known.contains(uid) {
                    if row.flags.isEmpty, row.keywords.isEmpty { continue }
                    let group = PrivateFlagRow(modSeq: .zero, flags: row.flags, keywords: row.keywords)
                    groups[group, default: []].insert(uid)
                }
                let sorted = groups.sorted {
                    ($0.value.ranges.first?.lowerBound ?? 0) < ($1.value.ranges.first?.lowerBound ?? 0)
                }
                for (group, uids) in sorted {
                    found.append(
                        ArchivedFlags(reader: reader, flags: group.flags, keywords: group.keywords, uids: uids))
                }
            }
            return found
        }
    }

    // MARK: Messages

    func next(_ limit: Int) async throws(StoreError) -> [ArchivedMessage] {
        let start = self.position.withLock { $0 }
        let (messages, end) = try await self.account.volume.threads.run {
            () throws(StoreError) -> ([ArchivedMessage], Int) in
            var messages: [ArchivedMessage] = []
            var position = start
            while messages.count < limit, let (message, next) = try self.message(at: position) {
                if let message { messages.append(message) }
                position = next
            }
            return (messages, position)
        }
        self.position.withLock { $0 = end }
        return messages
    }

    private func message(at position: Int) throws(StoreError) -> (message: ArchivedMessage?, next: Int)? {
        let head = try self.file.read(at: position, Self.headSize)
        guard head.count == Self.headSize else { return nil }
        var reader: (UInt32, UInt32, UInt32, UInt8) = (0, 0, 0, 0)
        head.withUnsafeBytes { bytes in
            var fields = ByteReader(bytes)
            reader.0 = fields.readLittleEndian() ?? 0
            reader.1 = fields.readLittleEndian() ?? 0
            reader.2 = fields.readLittleEndian() ?? 0
            reader.3 = fields.readLittleEndian() ?? 0
        }
        let (mailbox, number, length, placeLength) = reader
        let start = position + Self.headSize
        let place = try self.file.read(at: start, Int(placeLength))
        let octets = try self.file.read(at: start + Int(placeLength), Int(length))
        let next = start + Int(placeLength) + Int(length)
        guard octets.count == Int(length), let uid = UID(rawValue: number) else { return (nil, next) }
        let row = octets.withUnsafeBytes { bytes -> NewMessage? in
            var reader = ByteReader(bytes)
            return reader.readRow(uid)
        }
        guard let row else { return (nil, next) }
        return (
            ArchivedMessage(
                mailbox: Int(mailbox), uid: uid, modSeq: row.modSeq, internalDate: row.internalDate,
                saveDate: row.saveDate, size: row.size, flags: row.flags, keywords: row.keywords,
                guid: self.account.volume.guid(of: row), pop3UIDL: row.pop3UIDL, pop3Order: row.pop3Order,
                place: head + place + octets),
            next
        )
    }

    /// Mailbox, body and row of a message in the file.
    private static func place(_ bytes: [UInt8]) -> (mailbox: Int, body: BodyRow?, row: NewMessage)? {
        bytes.withUnsafeBytes { bytes in
            var reader = ByteReader(bytes)
            guard let mailbox = reader.readLittleEndian(UInt32.self),
                let uid = reader.readLittleEndian(UInt32.self).flatMap({ UID(rawValue: $0) }),
                reader.readLittleEndian(UInt32.self) != nil, let length = reader.readLittleEndian(UInt8.self),
                let body = reader.readBytes(Int(length)), let row = reader.readRow(uid)
            else { return nil }
            return (Int(mailbox), BodyRow(body), row)
        }
    }

    func octets(of message: ArchivedMessage) async throws(StoreError) -> MessageOctets {
        let volume = self.account.volume
        return try await volume.threads.run { () throws(StoreError) -> MessageOctets in
            guard let (mailbox, body, row) = Self.place(message.place),
                let state = self.states.withLock({ mailbox < $0.count ? $0[mailbox] : nil })
            else { throw StoreError(.damaged, "snapshot") }
            // Where it was then: a segment that is given back stays for a while, so that this still works when the
            // message has been removed since.
            if let body, let location = body.location,
                let octets = try? volume.unpacked(volume.log.body(body.count, at: location), body)
            {
                return octets
            }
            return try state.readOctets(row).get()
        }
    }

    func found(_ messages: [ArchivedMessage]) async throws(StoreError) -> [ArchivedMessage] {
        guard !messages.isEmpty else { return [] }
        let volume = self.account.volume
        let account = self.account
        let now = try await volume.threads.run { () throws(StoreError) in try Self.take(account) }
        var wanted: [String: [ArchivedMessage]] = [:]
        for message in messages { wanted[message.guid, default: []].append(message) }
        var found: [ArchivedMessage] = []
        while !wanted.isEmpty {
            let some = try await now.next(512)
            if some.isEmpty { break }
            for candidate in some {
                guard let lost = wanted[candidate.guid], lost.allSatisfy({ $0.size == candidate.size }) else {
                    continue
                }
                let state = now.states.withLock { $0[candidate.mailbox] }
                let number = self.states.withLock { states -> Int in
                    if let known = states.firstIndex(where: { $0 === state }) { return known }
                    states.append(state)
                    return states.count - 1
                }
                var place: [UInt8] = []
                place.appendLittleEndian(UInt32(truncatingIfNeeded: number))
                place.append(contentsOf: candidate.place.dropFirst(4))
                for message in lost {
                    var moved = message
                    moved.place = place
                    found.append(moved)
                }
                wanted[candidate.guid] = nil
            }
        }
        return found
    }
}
