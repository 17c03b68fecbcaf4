import Glibc
import MIMECore
import MailCore
import MailStore
import Synchronization

/// A mailbox's state, shared by its sessions.
final class MemoryMailbox: Sendable {
    struct NewMessage {
        var octets: MessageOctets
        var flags: MessageFlags
        var keywords: [Keyword]
        var date: Int64
        /// `nil`: a message that is new to the account.
        var guid: String?
    }

    struct State {
        var name: MailboxName
        var snapshot: MailboxSnapshot
        var messages: [UID: MessageOctets] = [:]
        var details: [UID: MessageDetails] = [:]
        var recent = UIDSet()
        var vanished: [(modSeq: ModSeq, uids: UIDSet)] = []
        var isDeleted = false
        var listeners: [Int: @Sendable () -> Void] = [:]
        var nextListener = 0
    }

    let uidValidity: UIDValidity
    let guid = memoryGUID()
    let state: Mutex<State>

    private let feed: AccountFeed

    init(_ name: MailboxName, _ validity: UIDValidity, _ feed: AccountFeed) {
        self.feed = feed
        self.uidValidity = validity
        self.state = Mutex(
            State(
                name: name,
                snapshot: MailboxSnapshot(uidValidity: validity, highestModSeq: ModSeq(rawValue: 1))))
    }

    func snapshot() -> MailboxSnapshot { self.state.withLock { $0.snapshot } }

    /// Changes the state, then tells all sessions.
    func change<Value: Sendable>(_ body: (inout State) -> Value) -> Value {
        let (value, listeners) = self.state.withLock { state in
            let value = body(&state)
            return (value, Array(state.listeners.values))
        }
        self.feed.touch(self.state.withLock { $0.name })
        for listener in listeners { listener() }
        return value
    }

    func rename(_ name: MailboxName) { self.change { $0.name = name } }
    func markDeleted() { self.change { $0.isDeleted = true } }

    func add(_ messages: [NewMessage]) -> [UID] {
        self.change { state in
            messages.map { message in
                let uid = state.snapshot.uidNext
                state.snapshot.uidNext = UID(nonZero: uid.rawValue + 1)
                let modSeq = state.nextModSeq()
                let numbers = message.keywords.compactMap { state.snapshot.keywords.add($0) }
                state.snapshot.append(
                    MessageRecord(
                        uid: uid, flags: message.flags, keywords: state.snapshot.keywords.set(of: numbers),
                        modSeq: modSeq, internalDate: message.date, size: UInt32(message.octets.count)))
                state.messages[uid] = message.octets
                state.details[uid] = MessageDetails(saveDate: Int64(time(nil)), guid: message.guid ?? memoryGUID())
                state.recent.insert(uid)
                return uid
            }
        }
    }

    func remove(_ uids: UIDSet) {
        self.change { state in
            guard !uids.isEmpty else { return }
            state.vanished.append((state.nextModSeq(), uids))
            state.snapshot.remove(uids)
            for uid in uids {
                state.messages[uid] = nil
                state.details[uid] = nil
            }
        }
    }
}

extension MemoryMailbox.State {
    mutating func nextModSeq() -> ModSeq {
        self.snapshot.highestModSeq = ModSeq(rawValue: self.snapshot.highestModSeq.rawValue + 1)
        return self.snapshot.highestModSeq
    }
}

/// A mailbox as one session has it open.
final class MemorySession: Mailbox {
    let mailbox: MemoryMailbox
    let account: MemoryAccount
    let access: MailboxAccess
    private let listener: Int

    init(
        _ mailbox: MemoryMailbox, _ account: MemoryAccount, _ access: MailboxAccess,
        _ onChange: @escaping @Sendable () -> Void
    ) {
        self.mailbox = mailbox
        self.account = account
        self.access = access
        self.listener = mailbox.state.withLock { state in
            state.nextListener += 1
            state.listeners[state.nextListener] = onChange
            return state.nextListener
        }
    }

    var name: MailboxName { self.mailbox.state.withLock { $0.name } }
    var guid: String { self.mailbox.guid }
    var isDeleted: Bool { self.mailbox.state.withLock { $0.isDeleted } }
    func snapshot() -> MailboxSnapshot { self.mailbox.snapshot() }
    func close() { self.mailbox.state.withLock { $0.listeners[self.listener] = nil } }

    func takeRecent() -> UIDSet {
        self.mailbox.state.withLock { state in
            defer { if self.access == .readWrite { state.recent = [] } }
            return state.recent
        }
    }

    func store(
        _ change: FlagChange, _ uids: UIDSet, unchangedSince: ModSeq?
    ) async throws(StoreError) -> FlagChangeResult {
        self.mailbox.change { state in
            var result = FlagChangeResult()
            let modSeq = state.nextModSeq()
            let numbers = change.keywords.compactMap { state.snapshot.keywords.add($0) }
            var changed: [MessageRecord] = []
            for uid in uids {
                guard var record = state.snapshot.record(of: uid) else { continue }
                if let unchangedSince, record.modSeq > unchangedSince {
                    result.modified.insert(uid)
                    continue
                }
                let old = record
                let before = state.snapshot.keywords.numbers(in: record.keywords)
                var after: [UInt16]
                switch change.mode {
                case .add:
                    record.flags.formUnion(change.flags)
                    after = before + numbers
                case .remove:
                    record.flags.subtract(change.flags)
                    after = before.filter { !numbers.contains($0) }
                case .replace:
                    record.flags = change.flags
                    after = numbers
                }
                record.keywords = state.snapshot.keywords.set(of: after)
                guard record != old else { continue }
                record.modSeq = modSeq
                result.modSeq = modSeq
                changed.append(record)
            }
            state.snapshot.update(changed)
            return result
        }
    }

    func expunge(_ uids: UIDSet?) async throws(StoreError) -> UIDSet {
        var gone = UIDSet()
        self.snapshot().forEach { _, record in
            if record.flags.contains(.deleted), uids?.contains(record.uid) ?? true { gone.insert(record.uid) }
            return true
        }
        self.mailbox.remove(gone)
        return gone
    }

    func remove(_ uids: UIDSet) async throws(StoreError) -> UIDSet {
        self.mailbox.remove(uids)
        return uids
    }

    func vanished(_ uids: UIDSet, since modSeq: ModSeq) async throws(StoreError) -> UIDSet? {
        self.mailbox.state.withLock { state in
            // As a store that was made anew would, it does not remember what was before its beginning.
            guard modSeq.rawValue > 0 else { return nil }
            var gone = UIDSet()
            for entry in state.vanished where entry.modSeq > modSeq {
                for uid in entry.uids where uids.contains(uid) { gone.insert(uid) }
            }
            return gone
        }
    }

    func copy(_ uids: UIDSet, to target: MailboxName) async throws(StoreError) -> CopyResult {
        let other = try self.account.mailbox(target)
        // A store waits for its disk.
        for _ in 0..<4 { await Task.yield() }
        let (sources, messages) = self.mailbox.state.withLock { state in
            var sources = UIDSet()
            var messages: [MemoryMailbox.NewMessage] = []
            for uid in uids {
                guard let record = state.snapshot.record(of: uid), let octets = state.messages[uid] else {
                    continue
                }
                sources.insert(uid)
                let table = state.snapshot.keywords
                messages.append(
                    .init(
                        octets: octets, flags: record.flags,
                        keywords: table.numbers(in: record.keywords).map { table.keywords[Int($0)] },
                        date: record.internalDate, guid: state.details[uid]?.guid))
            }
            return (sources, messages)
        }
        return CopyResult(
            uidValidity: other.uidValidity, source: sources, target: UIDSet(other.add(messages)))
    }

    func move(_ uids: UIDSet, to target: MailboxName) async throws(StoreError) -> CopyResult {
        let result = try await self.copy(uids, to: target)
        self.mailbox.remove(result.source)
        return result
    }

    func caches(
        of records: some Sequence<MessageRecord> & Sendable,
        _ visit: (MessageRecord, MessageCache.View?) -> Bool
    ) async throws(StoreError) {
        for record in records {
            let octets = self.mailbox.state.withLock { $0.messages[record.uid] }
            let blob = octets.map { $0.withUnsafeBytes { MessageCache.build(from: $0) } } ?? []
            let goesOn = blob.withUnsafeBytes { visit(record, MessageCache.View($0)) }
            if !goesOn { return }
        }
    }

    func octets(
        of records: [MessageRecord], limit: Int
    ) async throws(StoreError) -> [Result<MessageOctets, StoreError>] {
        var out: [Result<MessageOctets, StoreError>] = []
        var total = 0
        for record in records {
            let octets = self.mailbox.state.withLock { $0.messages[record.uid] }
            total += octets?.count ?? 0
            if !out.isEmpty, total > limit { break }
            let isReadable = octets?.withUnsafeBytes { !$0.starts(with: Array("Unreadable:".utf8)) } ?? true
            guard isReadable else {
                out.append(.failure(StoreError(.damaged, "the message cannot be read")))
                continue
            }
            out.append(octets.map { .success($0) } ?? .failure(StoreError(.expunged)))
        }
        return out
    }

    func details(of uid: UID) async throws(StoreError) -> MessageDetails {
        guard let details = self.mailbox.state.withLock({ $0.details[uid] }) else { throw StoreError(.expunged) }
        return details
    }
}

private func memoryGUID() -> String {
    var text = ""
    while text.utf8.count < 32 { text += String(UInt8.random(in: 0...15), radix: 16) }
    return text
}
