internal import DequeModule
internal import VolumeLog

/// Records of the log that need work on files, from their flush until that work is on the disk.
///
/// As a rule they come and go in order. One whose work the disk does not allow is set aside: it must not keep those
/// behind it from being done with, for whatever is not done with is repeated by the next start.
struct OutstandingRecords: Sendable {
    private var inOrder: Deque<(sequence: LogSequence, isDone: Bool)> = []
    /// Few: what a start could not do, and what is tried again since.
    private var aside: [LogSequence: Bool] = [:]
    private var flushedThrough: LogSequence

    /// So many can be named one by one; with more, all behind the first of them count as not done.
    private static let maximumNamed = 4096

    /// - Parameter aside: records of before the start.
    init(flushedThrough: LogSequence, aside: [LogSequence]) {
        self.flushedThrough = flushedThrough
        for sequence in aside { self.aside[sequence] = false }
    }

    /// Records up to `sequence` are flushed, and those of `withFiles`, ascending, have work.
    mutating func flushed(through sequence: LogSequence, withFiles: [LogSequence]) {
        self.flushedThrough = max(self.flushedThrough, sequence)
        for sequence in withFiles { self.inOrder.append((sequence, false)) }
    }

    mutating func done(_ sequence: LogSequence) {
        if self.aside[sequence] != nil {
            self.aside[sequence] = true
        } else if let index = self.index(of: sequence) {
            self.inOrder[index].isDone = true
        }
    }

    /// Its work cannot be done now.
    mutating func setAside(_ sequence: LogSequence) {
        guard let index = self.index(of: sequence) else { return }
        self.aside[sequence] = self.inOrder.remove(at: index).isDone
    }

    private func index(of sequence: LogSequence) -> Int? {
        var low = 0
        var high = self.inOrder.count
        while low < high {
            let middle = (low + high) / 2
            if self.inOrder[middle].sequence < sequence { low = middle + 1 } else { high = middle }
        }
        return low < self.inOrder.count && self.inOrder[low].sequence == sequence ? low : nil
    }

    // MARK: What the disk has

    /// Whose work is done: on the disk with the next sync.
    struct Done: Sendable {
        fileprivate var through = LogSequence.none
        fileprivate var aside: [LogSequence] = []
    }

    var done: Done {
        var done = Done()
        for record in self.inOrder {
            guard record.isDone else { break }
            done.through = record.sequence
        }
        for (sequence, isDone) in self.aside where isDone { done.aside.append(sequence) }
        return done
    }

    /// A sync has ended that began after `done` was asked.
    mutating func synced(_ done: Done) {
        while let first = self.inOrder.first, first.sequence <= done.through { self.inOrder.removeFirst() }
        for sequence in done.aside { self.aside[sequence] = nil }
    }

    /// Which work is on the disk.
    var synced: SyncedRecords {
        let through = self.inOrder.first.map { LogSequence(rawValue: $0.sequence.rawValue - 1) } ?? self.flushedThrough
        let aside = self.aside.keys.filter { $0 <= through }.sorted()
        if aside.count > Self.maximumNamed, let first = aside.first {
            return SyncedRecords(through: LogSequence(rawValue: first.rawValue - 1))
        }
        return SyncedRecords(through: through, except: aside)
    }
}

/// The records whose work on files is on the disk.
struct SyncedRecords: Sendable, Equatable {
    var through: LogSequence
    /// Those before it, ascending, whose work is not.
    var except: [LogSequence] = []

    /// All before it are: so far the log is not needed.
    var completeThrough: LogSequence {
        self.except.first.map { LogSequence(rawValue: $0.rawValue - 1) } ?? self.through
    }

    func contains(_ sequence: LogSequence) -> Bool {
        guard sequence <= self.through else { return false }
        // Nearly all are behind the last exception.
        guard let last = self.except.last, sequence <= last else { return true }
        return !self.except.contains(sequence)
    }

    /// No further than `last`.
    func limited(to last: LogSequence) -> SyncedRecords {
        SyncedRecords(through: min(self.through, last), except: self.except.filter { $0 <= last })
    }
}
