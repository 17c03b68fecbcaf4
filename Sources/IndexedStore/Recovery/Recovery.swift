internal import Glibc
internal import LMDB
internal import MailCore
internal import MailStore
internal import VolumeLog

/// Opens a volume's log and index and brings them together after whatever happened: records that the index lacks
/// are applied, message files that the file system lost are written again from the log, and what was still to be
/// done to files is done.
struct Recovery {
    struct Result {
        var schema: IndexSchema
        var log: VolumeLog
        var restarts: UInt64
        /// Records whose files could not be written; the log must keep them.
        var unrestored: [LogSequence] = []
        /// What knows how to write them.
        var files: RecoveredFiles
        /// A record that the log still has to get, before any other: there was no space for it.
        var unlogged: StoreRecord?
        var checkpoint: CheckpointPointer?
        var report: IndexedStore.OpenReport
    }

    private let configuration: IndexedStore.Configuration
    private let schema: IndexSchema
    private let log: VolumeLog
    private var applied: LogSequence
    private var synced: SyncedRecords
    private var restarts: UInt64
    private var report = IndexedStore.OpenReport()
    private var batch: [(record: StoreRecord, derived: DerivedRows, place: PlacedRecord)] = []
    private var batchSize = 0
    private var files: RecoveredFiles
    private var purpose = IndexWriter.Purpose.apply

    private static let batchRecords = 10_000
    private static let batchOctets = 64 << 20

    static func open(_ configuration: IndexedStore.Configuration) throws(StoreError) -> Result {
        var recovery = try Recovery(configuration)
        return try recovery.run()
    }

    /// What is kept for reuse is no large part of a small disk.
    private static func spares(of configuration: IndexedStore.Configuration) -> Int {
        let usual = LogOptions().maximumSpares
        var space = statvfs()
        guard statvfs(configuration.directory, &space) == 0 else { return usual }
        let total = UInt64(space.f_blocks) * UInt64(space.f_frsize)
        return min(usual, Int(clamping: total / 16 / UInt64(max(1, configuration.logSegmentSize))))
    }

    private init(_ configuration: IndexedStore.Configuration) throws(StoreError) {
        self.configuration = configuration
        if mkdir(configuration.directory, 0o700) != 0, errno != EEXIST {
            throw StoreError.fromErrno("mkdir \(configuration.directory)")
        }
        var options = LogOptions()
        options.segmentSize = configuration.logSegmentSize
        options.maximumSpares = Self.spares(of: configuration)
        options.clock = configuration.clock
        options.files = configuration.logFiles
        do throws(VolumeLogError) {
            // First, because it locks the volume.
            self.log = try VolumeLog.open(directory: configuration.directory + "/log", options: options)
        } catch {
            throw StoreError(error)
        }
        self.schema = try IndexOpening(configuration, self.log).run()
        let schema = self.schema
        let meta = try schema.read { (transaction) throws(LMDBError) in
            (
                version: try schema.meta(.version, transaction),
                applied: try schema.meta(.applied, transaction),
                synced: try schema.synced(transaction),
                restarts: try schema.meta(.restarts, transaction),
                clean: try schema.meta(.clean, transaction)
            )
        }
        self.applied = LogSequence(rawValue: meta.applied ?? 0)
        self.synced = meta.synced ?? SyncedRecords(through: .none)
        self.restarts = meta.restarts ?? 0
        self.files = RecoveredFiles(configuration, schema)
        self.report.isIndexNew = meta.version == nil
        self.report.wasClean = meta.version == nil ? self.log.openReport.isNew : meta.clean == 1
        self.report.tornOctets = self.log.openReport.tornOctets
        self.report.damages = self.log.openReport.damages.count
    }

    private mutating func run() throws(StoreError) -> Result {
        for damage in self.log.openReport.damages { self.tell(damage) }
        if self.log.openReport.cutOctets > 0 {
            self.configuration.log(
                .warning,
                "the volume was copied while a server wrote to it: \(self.log.openReport.cutOctets) octets behind a "
                    + "gap at the log's end, written after the copy began, are set aside as cut-... in the log")
        }
        if self.report.isIndexNew { try self.beginRebuild() }
        // The log has lost what the index has seen: its numbers must not be used again.
        if self.applied > self.log.lastSequence { self.log.skip(to: self.applied.next) }
        try self.replay()
        if self.purpose == .rebuild { try self.finishRebuild() }
        let unrestored = self.files.restore(
            from: self.log, report: &self.report,
            { [log, schema, restarts] (record) throws(StoreError) in
                try Self.commit([record], log, schema, restarts: restarts)
            }
        ).sorted()
        try self.files.finishTasks()
        var unlogged: StoreRecord?
        // Clients may have been told of more than a copy knows.
        if self.log.openReport.isCopy { self.report.wasClean = false }
        if !self.report.wasClean {
            self.restarts += 1
            unlogged = try self.logRestart()
        }
        if self.log.openReport.isCopy { try self.raiseUIDs() }
        try self.writeMeta(unrestored)
        self.confirmPlace()
        return Result(
            schema: self.schema, log: self.log, restarts: self.restarts, unrestored: unrestored, files: self.files,
            unlogged: unlogged,
            checkpoint: self.log.note(CheckpointPointer.name).flatMap {
                CheckpointPointer(String(decoding: $0, as: UTF8.self))
            }, report: self.report)
    }

    /// Counted in the log, too, so that an index made again from it knows. Answers a record for which there is no space.
    private func logRestart() throws(StoreError) -> StoreRecord? {
        var batch = RecordBatch()
        let record = StoreRecord.restarted(count: self.restarts)
        batch.append(kind: record.kind.rawValue) { (out: inout [UInt8]) in record.encode(into: &out) }
        do throws(VolumeLogError) {
            try self.log.commit(&batch)
            return nil
        } catch {
            // A full disk must not keep mail from being read.
            guard error.code == .diskFull else { throw StoreError(error) }
            return record
        }
    }

    /// UIDs that were given behind a copy's back must not be given again. Of accounts with files, these say what was
    /// given; of those without, nothing does.
    private mutating func raiseUIDs() throws(StoreError) {
        let schema = self.schema
        let restarts = self.restarts
        for identity in try schema.accountIdentities() {
            guard let format = self.configuration.bodyFormats[identity.driver], format.home == .log,
                let account = try schema.accountID(identity.name)
            else { continue }
            var records: [StoreRecord] = []
            for (key, head, _) in try schema.mailboxes(of: account, restarts: restarts) {
                guard head.uidNext > 1, head.uidNext < .max - 2 * MailboxRestoring.lostUIDs else { continue }
                let next = UID(nonZero: head.uidNext + MailboxRestoring.lostUIDs)
                records.append(
                    .found(MessagesFound(key: key, newKeywords: NewKeywords(), uidNext: next, messages: [])))
            }
            do throws(StoreError) {
                try Self.commit(records, self.log, schema, restarts: restarts)
            } catch {
                // A full disk must not keep mail from being read.
                guard error.code == .diskFull else { throw error }
                return
            }
        }
    }

    /// Writes records of the recovery itself into the log and applies them.
    private static func commit(
        _ records: [StoreRecord], _ log: VolumeLog, _ schema: IndexSchema, restarts: UInt64
    ) throws(StoreError) {
        guard !records.isEmpty else { return }
        var batch = RecordBatch()
        for record in records {
            batch.append(kind: record.kind.rawValue) { (out: inout [UInt8]) in record.encode(into: &out) }
        }
        var sequence: LogSequence
        do throws(VolumeLogError) { sequence = try log.commit(&batch).first } catch { throw StoreError(error) }
        let locations = batch.locations()
        do throws(LMDBError) {
            try schema.environment.write { (transaction) throws(LMDBError) in
                var writer = IndexWriter(schema, restarts: restarts)
                for (record, location) in zip(records, locations) {
                    try writer.apply(
                        record, derived: .none, at: PlacedRecord(sequence: sequence, location: location), transaction)
                    sequence = sequence.next
                }
                try writer.finish(transaction)
                try schema.setMeta(.applied, log.lastSequence.rawValue, transaction)
            }
        } catch {
            throw StoreError(error)
        }
    }

    /// Only now: what a copy needs has been done.
    private func confirmPlace() {
        do throws(VolumeLogError) {
            try self.log.confirmPlace()
        } catch {
            // The next start takes it for a copy once more, which costs time only.
            self.configuration.log(.warning, "log: \(error)")
        }
    }

    /// A stretch of the log that cannot be read: nobody may overlook that.
    private func tell(_ damage: LogDamage) {
        let lost = damage.lost.map { ", records \($0.lowerBound) to \($0.upperBound)" } ?? ""
        self.configuration.log(
            .error,
            "log segment \(damage.segment) is damaged at \(damage.offset), \(damage.length) octets\(lost): "
                + "acknowledged changes in it are lost")
    }

    // MARK: Without an index

    /// Without an index its rows come from the last checkpoint, and what happened since from the records behind it.
    private mutating func beginRebuild() throws(StoreError) {
        guard !self.log.segments().isEmpty else { return }
        do throws(LMDBError) {
            // What an earlier try has left.
            try self.schema.environment.write { [schema] (transaction) throws(LMDBError) in
                for database in schema.environment.openDatabases { try transaction.deleteAll(database) }
            }
        } catch {
            throw StoreError(error)
        }
        self.applied = .none
        self.synced = SyncedRecords(through: .none)
        let loading = CheckpointLoading(schema: self.schema, log: self.log)
        switch try CheckpointSearch(self.log).start() {
        case .checkpoint(let base), .incomplete(let base):
            self.purpose = .rebuild
            let loaded = try loading.load(base)
            self.restarts = loaded.restarts
            self.applied = base
            self.synced = SyncedRecords(through: base)
            self.configuration.log(.warning, "the index is gone: it is made again from the log")
            if loaded.missing > 0 || !self.log.isContinuous(from: base.next) {
                self.configuration.log(
                    .error,
                    "\(loaded.missing) parts of the log's last checkpoint cannot be read, or records behind it are "
                        + "gone: mail may be missing")
                self.report.damages += 1
            }
        case .firstRecord:
            // The log goes back to its first record.
            self.configuration.log(.warning, "the index is gone: it is made again from the log")
        case .nowhere:
            // Numbers in the records mean nothing then.
            self.applied = self.log.lastSequence
            self.synced = SyncedRecords(through: self.log.lastSequence)
            self.configuration.log(
                .warning,
                "the index is gone, and the log has no checkpoint: mailboxes are read from their files again. Mail "
                    + "that reached neither the files nor a former index before a crash stays in the log alone")
            return
        }
        if let synced = try self.closingRecord() {
            self.report.wasClean = true
            self.synced.through = max(self.synced.through, synced)
        }
    }

    /// What the log's last record says of files, when that record is the one of a volume closed in order.
    private func closingRecord() throws(StoreError) -> LogSequence? {
        var closed: LogSequence?
        do {
            try self.log.replay(from: self.log.lastSequence) { logged in
                guard logged.kind == StoreRecord.Kind.closed.rawValue,
                    case .closed(let synced)? = StoreRecord(kind: logged.kind, logged.payload)
                else { return .next }
                closed = synced.next == logged.sequence ? logged.sequence : synced
                return .next
            }
        } catch {
            throw error as? StoreError ?? StoreError(.temporary, "log: \(error)")
        }
        return closed
    }

    private func finishRebuild() throws(StoreError) {
        let loading = CheckpointLoading(schema: self.schema, log: self.log)
        let lost = try loading.finish(restarts: self.restarts)
        if lost > 0 {
            self.configuration.log(.error, "\(lost) messages have no body in the log any more")
        }
    }

    // MARK: Replay

    private mutating func replay() throws(StoreError) {
        let start = min(self.applied, self.synced.completeThrough).next
        guard start <= self.log.lastSequence else { return }
        do {
            let replayed = try self.log.replay(from: start) { record in
                try self.take(record)
                return .next
            }
            self.report.damages += replayed.damages.count
            for damage in replayed.damages where !self.log.openReport.damages.contains(damage) { self.tell(damage) }
            try self.applyBatch()
        } catch let error as StoreError {
            throw error
        } catch let error as VolumeLogError {
            throw StoreError(error)
        } catch {
            throw StoreError(.temporary, "replay: \(error)")
        }
    }

    private mutating func take(_ logged: LogRecord) throws {
        let held = logged.payload.count > VolumeLog.largeBody ? try self.log.map(logged.location) : nil
        guard let record = StoreRecord(kind: logged.kind, held?.octets ?? logged.payload, heldBy: held) else {
            guard !StoreRecord.isOfNewerRelease(kind: logged.kind, logged.payload) else {
                throw StoreError(
                    .damaged,
                    "log record \(logged.sequence.rawValue) was written by a newer release (kind \(logged.kind), version "
                        + "\(logged.payload.first ?? 0)): start that release again. This one would lose it")
            }
            self.report.damages += 1
            self.configuration.log(
                .error, "log record \(logged.sequence.rawValue) of kind \(logged.kind) cannot be understood")
            return
        }
        if !self.synced.contains(logged.sequence) { self.files.note(record, logged.sequence, logged.location) }
        guard logged.sequence > self.applied else { return }
        if case .restarted(let count) = record, count > self.restarts {
            // What comes now was numbered by a server that knew.
            try self.applyBatch()
            self.restarts = count
        }
        var derived = DerivedRows.none
        if case .added(let added) = record, !added.targets.isEmpty {
            // Without the library they are made when somebody asks.
            let octets =
                added.isPacked ? try? PackedBody.unpack(added.octets, self.configuration.bodyCodec) : added.octets
            if let octets { derived = CacheBuilder.build(octets) }
        }
        self.batch.append(
            (record.withoutOctets, derived, PlacedRecord(sequence: logged.sequence, location: logged.location)))
        self.batchSize += 256 + derived.count
        self.report.replayedRecords += 1
        self.lastTaken = logged.sequence
        if self.batch.count >= Self.batchRecords || self.batchSize >= Self.batchOctets {
            try self.applyBatch()
        }
    }

    private var lastTaken = LogSequence.none

    private mutating func applyBatch() throws(StoreError) {
        guard !self.batch.isEmpty else { return }
        let batch = self.batch
        let schema = self.schema
        let restarts = self.restarts
        let last = self.lastTaken
        let purpose = self.purpose
        do throws(LMDBError) {
            try schema.environment.write { (transaction) throws(LMDBError) in
                var writer = IndexWriter(schema, restarts: restarts, purpose)
                for (record, derived, place) in batch {
                    try writer.apply(record, derived: derived, at: place, transaction)
                }
                try writer.finish(transaction)
                try schema.setMeta(.applied, last.rawValue, transaction)
            }
        } catch {
            throw StoreError(error)
        }
        self.batch = []
        self.batchSize = 0
    }

    private func writeMeta(_ unrestored: [LogSequence]) throws(StoreError) {
        let last = self.log.lastSequence
        let synced = OutstandingRecords(flushedThrough: last, aside: unrestored).synced
        let schema = self.schema
        let restarts = self.restarts
        let tag = self.log.tag
        do throws(LMDBError) {
            try schema.environment.write { (transaction) throws(LMDBError) in
                try schema.setMeta(.version, IndexSchema.version, transaction)
                try schema.setMeta(.log, tag, transaction)
                try schema.setMeta(.applied, last.rawValue, transaction)
                try schema.setSynced(synced, transaction)
                try schema.setMeta(.restarts, restarts, transaction)
                try schema.setMeta(.clean, 0, transaction)
                try schema.checkSignatures(transaction)
            }
            // NOMETASYNC may undo the last transaction; this one must stay.
            try schema.environment.sync()
        } catch {
            throw StoreError(error)
        }
    }
}
