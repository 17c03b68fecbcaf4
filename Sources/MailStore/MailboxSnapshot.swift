public import MailCore

/// A mailbox at one moment: its messages in UID order, in shared immutable chunks.
///
/// A change copies one chunk and the list of chunks, never the mailbox. A session holds a snapshot, and
/// sequence numbers are positions in it.
public struct MailboxSnapshot: Sendable {
    /// A run of messages in UID order. Never empty, never changed.
    public final class Chunk: Sendable {
        public let records: ContiguousArray<MessageRecord>
        public init(_ records: ContiguousArray<MessageRecord>) { self.records = records }
    }

    /// Messages in a full chunk.
    public static let chunkSize = 512

    public private(set) var chunks: ContiguousArray<Chunk>
    /// The index of each chunk's first message.
    private var starts: ContiguousArray<Int>
    public private(set) var count: Int
    public var uidValidity: UIDValidity
    /// UIDNEXT; 2^32 cannot occur because the store refuses the last UIDs.
    public var uidNext: UID
    /// At least every message's MODSEQ that a session could have been told, and below any that it was not.
    public var highestModSeq: ModSeq
    public var keywords: KeywordTable

    public init(uidValidity: UIDValidity, uidNext: UID = .first, highestModSeq: ModSeq = .zero) {
        self.chunks = []
        self.starts = []
        self.count = 0
        self.uidValidity = uidValidity
        self.uidNext = uidNext
        self.highestModSeq = highestModSeq
        self.keywords = KeywordTable()
    }

    public var isEmpty: Bool { self.count == 0 }

    /// The message at a 0-based index. Precondition: `index` is below `count`.
    public subscript(index: Int) -> MessageRecord {
        let chunk = self.chunk(holding: index)
        return self.chunks[chunk].records[index - self.starts[chunk]]
    }

    /// The UIDs at some indices, in their order. Precondition: each is below `count`.
    public func uids(at indices: [Int]) -> [UInt32] {
        var uids: [UInt32] = []
        uids.reserveCapacity(indices.count)
        // Neighbours mostly are in one chunk.
        var first = 0
        var records: ContiguousArray<MessageRecord> = []
        for index in indices {
            if index < first || index - first >= records.count {
                let number = self.chunk(holding: index)
                first = self.starts[number]
                records = self.chunks[number].records
            }
            uids.append(records[index - first].uid.rawValue)
        }
        return uids
    }

    public var last: MessageRecord? { self.chunks.last?.records.last }

    /// The 0-based index of the first message whose UID is `uid` or higher; `count` when there is none.
    public func firstIndex(atOrAfter uid: UID) -> Int {
        var low = 0
        var high = self.chunks.count
        while low < high {
            let middle = (low + high) / 2
            let records = self.chunks[middle].records
            if records[records.count - 1].uid < uid { low = middle + 1 } else { high = middle }
        }
        guard low < self.chunks.count else { return self.count }
        return self.starts[low] + Self.lowerBound(self.chunks[low].records, uid)
    }

    /// The 0-based index of the message with that UID, or `nil`.
    public func index(of uid: UID) -> Int? {
        let index = self.firstIndex(atOrAfter: uid)
        return index < self.count && self[index].uid == uid ? index : nil
    }

    public func record(of uid: UID) -> MessageRecord? { self.index(of: uid).map { self[$0] } }

    /// Calls `visit` with every message from index `start` on, until it answers `false`.
    public func forEach(from start: Int = 0, _ visit: (Int, MessageRecord) -> Bool) {
        guard start < self.count else { return }
        var index = max(0, start)
        for number in self.chunk(holding: index)..<self.chunks.count {
            let records = self.chunks[number].records
            for position in (index - self.starts[number])..<records.count {
                guard visit(index, records[position]) else { return }
                index += 1
            }
        }
    }

    /// Calls `visit` with the messages at some indices, run by run, and the index of each run's first one.
    public func forEachRun(of range: Range<Int>, _ visit: (Int, ContiguousArray<MessageRecord>.SubSequence) -> Void) {
        let range = range.clamped(to: 0..<self.count)
        guard !range.isEmpty else { return }
        var index = range.lowerBound
        var number = self.chunk(holding: index)
        while index < range.upperBound {
            let records = self.chunks[number].records
            let first = index - self.starts[number]
            let end = min(records.count, range.upperBound - self.starts[number])
            visit(index, records[first..<end])
            index += end - first
            number += 1
        }
    }

    // MARK: Changes, made by the store

    /// Adds a message with a UID higher than all others. Precondition: the UID is.
    public mutating func append(_ record: MessageRecord) {
        precondition(self.last.map { $0.uid < record.uid } ?? true, "UIDs only ascend")
        if let last = self.chunks.last, last.records.count < Self.chunkSize {
            var records = last.records
            records.append(record)
            self.chunks[self.chunks.count - 1] = Chunk(records)
        } else {
            self.starts.append(self.count)
            self.chunks.append(Chunk([record]))
        }
        self.count += 1
    }

    /// Adds many messages in ascending UID order, all higher than those here.
    public mutating func append(contentsOf records: some Sequence<MessageRecord>) {
        var open: ContiguousArray<MessageRecord> = []
        if let last = self.chunks.last, last.records.count < Self.chunkSize {
            open = last.records
            self.chunks.removeLast()
            self.starts.removeLast()
            self.count -= open.count
        }
        func close(_ snapshot: inout MailboxSnapshot) {
            guard !open.isEmpty else { return }
            snapshot.starts.append(snapshot.count)
            snapshot.count += open.count
            snapshot.chunks.append(Chunk(open))
            open = []
        }
        for record in records {
            open.append(record)
            if open.count == Self.chunkSize { close(&self) }
        }
        close(&self)
    }

    /// Replaces records that have the UIDs of messages here; others are ignored. `changed` is ascending by UID.
    public mutating func update(_ changed: [MessageRecord]) {
        var next = 0
        while next < changed.count {
            let index = self.firstIndex(atOrAfter: changed[next].uid)
            guard index < self.count else { return }
            let number = self.chunk(holding: index)
            var records = self.chunks[number].records
            let lastUID = records[records.count - 1].uid
            while next < changed.count, changed[next].uid <= lastUID {
                let position = Self.lowerBound(records, changed[next].uid)
                if position < records.count, records[position].uid == changed[next].uid {
                    records[position] = changed[next]
                }
                next += 1
            }
            self.chunks[number] = Chunk(records)
        }
    }

    /// Removes the messages of a set of UIDs; answers how many were here.
    @discardableResult
    public mutating func remove(_ uids: UIDSet) -> Int {
        guard !uids.isEmpty else { return 0 }
        var kept: ContiguousArray<Chunk> = []
        kept.reserveCapacity(self.chunks.count)
        var removed = 0
        for chunk in self.chunks {
            guard uids.intersects(chunk.records[0].uid...chunk.records[chunk.records.count - 1].uid) else {
                kept.append(chunk)
                continue
            }
            let records = chunk.records.filter { !uids.contains($0.uid) }
            removed += chunk.records.count - records.count
            if records.count == chunk.records.count {
                kept.append(chunk)
            } else if !records.isEmpty {
                kept.append(Chunk(ContiguousArray(records)))
            }
        }
        self.chunks = kept
        self.starts = []
        self.count = 0
        for chunk in self.chunks {
            self.starts.append(self.count)
            self.count += chunk.records.count
        }
        return removed
    }

    /// The same messages with other records. Each chunk has as many as before, with the same UIDs.
    package func with(_ chunks: ContiguousArray<Chunk>) -> MailboxSnapshot {
        precondition(chunks.count == self.chunks.count, "the same messages")
        var other = self
        other.chunks = chunks
        return other
    }

    // MARK: Search inside

    private func chunk(holding index: Int) -> Int {
        precondition(index >= 0 && index < self.count, "message index out of range")
        // Chunks are full unless something was expunged, so the first guess nearly always hits.
        var low = 0
        var high = self.chunks.count - 1
        let guess = min(high, index / Self.chunkSize)
        if self.starts[guess] <= index, index < self.starts[guess] + self.chunks[guess].records.count {
            return guess
        }
        while low < high {
            let middle = (low + high + 1) / 2
            if self.starts[middle] <= index { low = middle } else { high = middle - 1 }
        }
        return low
    }

    private static func lowerBound(_ records: ContiguousArray<MessageRecord>, _ uid: UID) -> Int {
        var low = 0
        var high = records.count
        while low < high {
            let middle = (low + high) / 2
            if records[middle].uid < uid { low = middle + 1 } else { high = middle }
        }
        return low
    }
}

/// What separates a session's view of a mailbox from a later one.
public struct MailboxChanges: Sendable {
    /// 0-based indices in the old snapshot of messages that are gone, ascending, with their UIDs.
    public var expunged: [(index: Int, uid: UID)] = []
    /// 0-based indices in the new snapshot of messages whose record changed (flags, keywords, MODSEQ).
    public var updated: [Int] = []
    /// Messages at the end of the new snapshot that the old one does not have.
    public var appended: Int = 0

    public var isEmpty: Bool { self.expunged.isEmpty && self.updated.isEmpty && self.appended == 0 }

    /// Compares two snapshots of one mailbox. Chunks that both share are skipped.
    public init(from old: MailboxSnapshot, to new: MailboxSnapshot) {
        var oldChunk = 0
        var newChunk = 0
        var oldPosition = 0
        var newPosition = 0
        var oldIndex = 0
        var newIndex = 0
        while oldChunk < old.chunks.count {
            if oldPosition == 0, newPosition == 0, newChunk < new.chunks.count,
                old.chunks[oldChunk] === new.chunks[newChunk]
            {
                oldIndex += old.chunks[oldChunk].records.count
                newIndex += new.chunks[newChunk].records.count
                oldChunk += 1
                newChunk += 1
                continue
            }
            let before = old.chunks[oldChunk].records[oldPosition]
            let after: MessageRecord? =
                newChunk < new.chunks.count ? new.chunks[newChunk].records[newPosition] : nil
            if let after, after.uid <= before.uid {
                // An equal UID is the same message; a lower one cannot be here, because UIDs only ascend.
                if after.uid == before.uid {
                    if after != before { self.updated.append(newIndex) }
                    oldPosition += 1
                    oldIndex += 1
                }
                newPosition += 1
                newIndex += 1
                if newPosition == new.chunks[newChunk].records.count {
                    newPosition = 0
                    newChunk += 1
                }
            } else {
                self.expunged.append((oldIndex, before.uid))
                oldPosition += 1
                oldIndex += 1
            }
            if oldPosition == old.chunks[oldChunk].records.count {
                oldPosition = 0
                oldChunk += 1
            }
        }
        self.appended = new.count - newIndex
    }
}
