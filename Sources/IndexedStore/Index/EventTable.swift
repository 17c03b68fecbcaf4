internal import LMDB
internal import MailCore
internal import MailStore
internal import Synchronization
internal import VolumeLog

/// The changes of a volume that somebody is still to deal with: how many, and the number of the next.
final class EventTable: Sendable {
    private struct State {
        /// What is left to do of each.
        var waiting: [UInt64: UInt8] = [:]
        var last: UInt64 = 0
        /// The last one of an earlier process.
        var lastBefore: UInt64 = 0
    }

    private let state = Mutex(State())

    /// Changes noted and not done with; what comes above it is not noted.
    private static let maximumWaiting = 20_000

    func load(_ schema: IndexSchema) throws(StoreError) {
        let events = try schema.storedEvents()
        self.state.withLock { state in
            for event in events {
                guard let id = event.id else { continue }
                state.waiting[id] = event.parts
                state.last = max(state.last, id)
            }
            state.lastBefore = state.last
        }
    }

    /// A number that no other event has; `nil`: too many wait.
    ///
    /// - Parameter tag: tells the volume apart from others that are open.
    func take(_ parts: UInt8, at now: Int64, tag: UInt64) -> UInt64? {
        self.state.withLock { state in
            guard state.waiting.count < Self.maximumWaiting else { return nil }
            // Above those of earlier processes, whose last ones may be forgotten by now.
            let time = UInt64(clamping: now) & 0xFFF_FFFF_FFFF
            state.last = max(state.last &+ 1, (tag >> 57) << 56 | time << 12)
            state.waiting[state.last] = parts
            return state.last
        }
    }

    /// Whether an earlier process has noted it.
    func isEarlier(_ id: UInt64?) -> Bool {
        self.state.withLock { state in id.map { $0 <= state.lastBefore } ?? false }
    }

    func forget(_ id: UInt64) { self.state.withLock { $0.waiting[id] = nil } }

    /// `false`: it was done with, or is another volume's.
    func done(_ parts: UInt8, of id: UInt64) -> Bool {
        self.state.withLock { state in
            guard let left = state.waiting[id] else { return false }
            state.waiting[id] = left & ~parts == 0 ? nil : left & ~parts
            return true
        }
    }
}

/// A change with its note, as log and index have it.
struct RecordedEvent: Sendable {
    var id: UInt64
    /// Whose mail it is.
    var account: UInt32
    var event: NotedEvent

    init(id: UInt64, account: UInt32, event: NotedEvent) {
        self.id = id
        self.account = account
        self.event = event
    }

    func encode(into out: inout [UInt8]) {
        out.appendLittleEndian(self.id)
        out.append(self.event.parts)
        out.appendLittleEndian(self.account)
        out.appendLittleEndian(self.event.time)
        out.append(self.event.uids)
        out.append(self.event.sources)
        out.appendVarint(UInt64(self.event.changedFlags.count))
        for flag in self.event.changedFlags { out.appendText(flag) }
        out.append(contentsOf: self.event.octets)
    }

    init?(_ reader: inout ByteReader) {
        guard let id = reader.readLittleEndian(UInt64.self), let parts = reader.readLittleEndian(UInt8.self),
            let account = reader.readLittleEndian(UInt32.self), let time = reader.readLittleEndian(Int64.self),
            let uids = reader.readUIDSet(), let sources = reader.readUIDSet(), let count = reader.readCount(of: 1)
        else { return nil }
        var flags: [String] = []
        for _ in 0..<count {
            guard let flag = reader.readText() else { return nil }
            flags.append(flag)
        }
        guard let octets = reader.readBytes(reader.remaining) else { return nil }
        self.id = id
        self.account = account
        self.event = NotedEvent(
            id: id, parts: parts, time: time, uids: uids, sources: sources, changedFlags: flags, octets: Array(octets))
    }
}

extension Volume {
    /// The record of an event, to stand right behind that of its change; `nil` when nobody wants to know, or too much
    /// waits.
    func noted(
        _ note: EventNote?, of account: UInt32, _ uids: UIDSet, from sources: UIDSet = [], changed flags: [String] = [],
        isAwaited: Bool
    ) -> PendingRecord? {
        guard let note, !uids.isEmpty else { return nil }
        let id = self.events.take(note.parts, at: self.now, tag: self.log.tag)
        let event = NotedEvent(
            id: id, parts: note.parts, time: self.now, uids: uids, sources: sources, changedFlags: flags,
            octets: note.octets)
        note.add(event)
        guard let id else { return nil }
        return PendingRecord(
            record: .eventNoted(RecordedEvent(id: id, account: account, event: event)), isAwaited: isAwaited,
            joinsPrevious: true,
            completion: { [events = self.events] in if case .failure = $0 { events.forget(id) } })
    }
}

extension MailboxState {
    /// Which flags a change sets or takes away, by the messages on which it does; with `lock` held.
    struct FlagDifferences {
        private(set) var groups: [[String]: UIDSet] = [:]

        mutating func add(_ old: MessageRecord, _ new: MessageRecord, _ now: KeywordTable) {
            var names = old.flags.symmetricDifference(new.flags).names
            if old.keywords != new.keywords {
                // The table only grows, so numbers keep their meaning.
                let numbers = Set(now.numbers(in: old.keywords)).symmetricDifference(now.numbers(in: new.keywords))
                names += numbers.sorted().compactMap {
                    Int($0) < now.keywords.count ? now.keywords[Int($0)].name : nil
                }
            }
            if !names.isEmpty { self.groups[names, default: []].insert(new.uid) }
        }
    }
}

extension IndexWriter {
    mutating func apply(_ noted: RecordedEvent, _ transaction: borrowing WriteTransaction) throws(LMDBError) {
        var row: [UInt8] = []
        noted.encode(into: &row)
        try transaction.put(self.schema.events, IndexSchema.key(event: noted.id), row)
    }

    mutating func apply(
        eventDone parts: UInt8, of id: UInt64, _ transaction: borrowing WriteTransaction
    ) throws(LMDBError) {
        let key = IndexSchema.key(event: id)
        let found = try transaction.get(self.schema.events, key).flatMap { value -> RecordedEvent? in
            var reader = ByteReader(value)
            return RecordedEvent(&reader)
        }
        guard var event = found else { return }
        event.event.parts &= ~parts
        if event.event.parts == 0 {
            try transaction.delete(self.schema.events, key)
        } else {
            try self.apply(event, transaction)
        }
    }
}

extension IndexSchema {
    static func key(event id: UInt64) -> [UInt8] {
        var key: [UInt8] = []
        key.appendBigEndian(id)
        return key
    }

    /// The oldest first.
    func storedEvents() throws(StoreError) -> [NotedEvent] {
        try self.read { (transaction) throws(LMDBError) in
            var events: [NotedEvent] = []
            let cursor = try transaction.cursor(self.events)
            var entry = try cursor.first()
            while let found = entry {
                var reader = ByteReader(found.value)
                if let event = RecordedEvent(&reader) { events.append(event.event) }
                entry = try cursor.next()
            }
            return events
        }
    }
}

/// The events of several volumes.
struct VolumeEvents: EventQueue {
    private let queues: [StoreEvents]

    init(_ stores: [IndexedStore]) { self.queues = stores.map { StoreEvents($0.volume) } }

    func waiting() async throws(StoreError) -> [NotedEvent] {
        var events: [NotedEvent] = []
        for queue in self.queues { events += try await queue.waiting() }
        return events.sorted { $0.time < $1.time }
    }

    /// Only the volume that has the event knows its number.
    func done(_ parts: UInt8, of id: UInt64) { for queue in self.queues { queue.done(parts, of: id) } }
}

/// The events of a volume as others see them.
final class StoreEvents: EventQueue {
    private let volume: Volume

    init(_ volume: Volume) { self.volume = volume }

    func waiting() async throws(StoreError) -> [NotedEvent] {
        let volume = self.volume
        // Those of this process are in the hands of who asked for them.
        return try await volume.threads.run { () throws(StoreError) in
            try volume.schema.storedEvents().filter { volume.events.isEarlier($0.id) }
        }
    }

    func done(_ parts: UInt8, of id: UInt64) {
        guard self.volume.events.done(parts, of: id) else { return }
        _ = self.volume.committer.enqueue(
            PendingRecord(record: .eventDone(id: id, parts: parts), isAwaited: false))
    }
}
