internal import LMDB
internal import MailCore
internal import MailStore
internal import VolumeLog

/// What an index can be made from again: a checkpoint and all records behind it, or all records there ever were.
struct CheckpointSearch {
    let log: VolumeLog

    init(_ log: VolumeLog) { self.log = log }

    /// Where a rebuild begins.
    enum Start: Equatable {
        /// With the rows of the checkpoint of that base.
        case checkpoint(LogSequence)
        /// With nothing, at the first record.
        case firstRecord
        /// With the rows of a checkpoint of which parts, or records behind it, cannot be found.
        case incomplete(LogSequence)
        /// The log does not go back far enough.
        case nowhere
    }

    private struct Seen {
        var rows: UInt64 = 0
        /// Parts that there should be; `nil` while its end was not seen.
        var parts: UInt64?
        var isWhole: Bool { self.parts == self.rows }

        mutating func note(_ part: CheckpointPart) {
            switch part.content {
            case .begin:
                // Begun once more after a crash, under the same name: only its own rows count.
                self = Self()
            case .rows: self.rows += 1
            case .end(let parts): self.parts = parts
            }
        }
    }

    /// The best place. What the pointer beside the segments names is tried first; of a volume that was copied while it
    /// worked, the pointer may be of later than the segments.
    func start() throws(StoreError) -> Start {
        let pointer = self.log.note(CheckpointPointer.name).flatMap {
            CheckpointPointer(String(decoding: $0, as: UTF8.self))
        }
        if let base = pointer?.base, self.log.isContinuous(from: base.next) {
            var seen = Seen()
            try self.visit(from: base.next) { part in
                guard part.base == base else { return .next }
                seen.note(part)
                return seen.parts == nil ? .next : .stop
            }
            if seen.isWhole { return .checkpoint(base) }
        }
        guard let first = self.log.segments().first else { return .nowhere }
        var all: [LogSequence: Seen] = [:]
        try self.visit(from: .first) { part in
            all[part.base, default: Seen()].note(part)
            return .next
        }
        let whole = all.filter { $0.value.isWhole && self.log.isContinuous(from: $0.key.next) }.keys.max()
        if let whole { return .checkpoint(whole) }
        if first.firstSequence == .first, self.log.isContinuous(from: .first) { return .firstRecord }
        return all.filter { $0.value.parts != nil }.keys.max().map { .incomplete($0) } ?? .nowhere
    }

    /// Shows the parts of checkpoints from a record on.
    func visit(
        from first: LogSequence, _ body: (CheckpointPart) throws -> ReplayStep
    ) throws(StoreError) {
        do {
            try self.log.replay(from: first) { logged in
                guard logged.kind == StoreRecord.Kind.checkpoint.rawValue else { return .next }
                guard case .checkpoint(let part)? = StoreRecord(kind: logged.kind, logged.payload) else {
                    return .next
                }
                return try body(part)
            }
        } catch let error as StoreError {
            throw error
        } catch let error as VolumeLogError {
            throw StoreError(error)
        } catch let error as LMDBError {
            throw StoreError(error)
        } catch {
            throw StoreError(.temporary, "checkpoint: \(error)")
        }
    }
}
