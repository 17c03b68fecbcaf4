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
    fileprivate private(set) var starts: ContiguousArray<Int>
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
        let low = self.firstChunk(endingAtOrAfter: uid.rawValue, from: 0)
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
        /// Chunks that lose messages, and how many each.
        var cuts: [(number: Int, count: Int, isEmpty: Bool)] = []
        var removed = 0
        var ranges = uids.ranges[...]
        var number = 0
        while let range = ranges.first {
            number = self.firstChunk(endingAtOrAfter: range.lowerBound, from: number)
            guard number < self.chunks.count else { break }
            let records = self.chunks[number].records
            let last = records[records.count - 1].uid.rawValue
            if records[0].uid.rawValue <= range.upperBound {
                let kept = records.filter { !uids.contains($0.uid) }
                if kept.count < records.count {
                    removed += records.count - kept.count
                    cuts.append((number, records.count - kept.count, kept.isEmpty))
                    if !kept.isEmpty { self.chunks[number] = Chunk(ContiguousArray(kept)) }
                }
                ranges = ranges.drop { $0.upperBound <= last }
                number += 1
            } else {
                ranges = ranges.drop { $0.upperBound < records[0].uid.rawValue }
            }
        }
        self.close(cuts)
        return removed
    }

    /// Takes out the chunks that are empty now, and brings up to date where those behind begin. Of chunks that stay where they
    /// are nothing is looked at: a mailbox of a million messages has two thousand.
    private mutating func close(_ cuts: [(number: Int, count: Int, isEmpty: Bool)]) {
        guard let first = cuts.first?.number else { return }
        var gone = 0
        var next = 0
        var target = first
        for number in first..<self.chunks.count {
            let start = self.starts[number] - gone
            if next < cuts.count, cuts[next].number == number {
                gone += cuts[next].count
                next += 1
                if cuts[next - 1].isEmpty { continue }
            }
            if target < number { self.chunks[target] = self.chunks[number] }
            self.starts[target] = start
            target += 1
        }
        self.chunks.removeLast(self.chunks.count - target)
        self.starts.removeLast(self.starts.count - target)
        self.count -= gone
    }

    /// The first chunk at or after `number` that has a message with that UID or a higher one; `chunks.count` when none has.
    private func firstChunk(endingAtOrAfter uid: UInt32, from number: Int) -> Int {
        var low = number
        var high = self.chunks.count
        while low < high {
            let middle = (low + high) / 2
            let records = self.chunks[middle].records
            if records[records.count - 1].uid.rawValue < uid { low = middle + 1 } else { high = middle }
        }
        return low
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
                repeat {
                    oldChunk += 1
                    newChunk += 1
                } while oldChunk < old.chunks.count && newChunk < new.chunks.count
                    && old.chunks[oldChunk] === new.chunks[newChunk]
                oldIndex = oldChunk < old.chunks.count ? old.starts[oldChunk] : old.count
                newIndex = newChunk < new.chunks.count ? new.starts[newChunk] : new.count
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
