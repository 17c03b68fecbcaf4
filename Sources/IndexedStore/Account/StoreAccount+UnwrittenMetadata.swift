internal import MailCore
internal import MailStore
internal import Synchronization
internal import Threads
internal import VolumeLog

/// Metadata of one mailbox, or the server's, that the log has and the file beside the Maildir does not.
struct UnwrittenMetadata: Sendable {
    let state: MailboxState
    let isServer: Bool
    /// `nil`: to be removed.
    var values: [MetadataEntry: [UInt8]?] = [:]
    /// The records that the log keeps for it.
    var sequences: [LogSequence] = []

    var changes: [MetadataChange] { self.values.sorted { $0.key < $1.key }.map { MetadataChange($0.key, $0.value) } }
}

/// A file of metadata that cannot be written now is written as soon as that is possible; meanwhile clients see the changes
/// all the same. At a start the file counts, so a record of each change has to stay in the log until then. Old records would
/// keep all that is behind them in the log as well; so after each try that fails there is a new one.
extension StoreAccount {
    /// With the gate held.
    func noteUnwritten(
        _ changes: [MetadataChange], _ key: MailboxKey, _ state: MailboxState, _ sequence: LogSequence
    ) {
        self.unwritten.withLock { unwritten in
            var known = unwritten[key] ?? UnwrittenMetadata(state: state, isServer: key.mailbox == 0)
            for change in changes { known.values[change.entry] = .some(change.value) }
            known.sequences.append(sequence)
            unwritten[key] = known
        }
    }

    /// Writes all of it. With the gate held, on a storage thread.
    func writeUnwritten() throws(StoreError) {
        let unwritten = self.unwritten.withLock { $0 }
        var attributes: [StoredAttribute] = []
        for (_, metadata) in unwritten.sorted(by: { $0.key < $1.key }) where !metadata.state.isGone {
            attributes += StoredAttribute.changes(
                metadata.changes, guid: metadata.state.guid, isServer: metadata.isServer)
        }
        let changed = attributes
        if !changed.isEmpty {
            try self.changeList { () throws(StoreError) in try self.core.files.changeAttributes(changed) }
        }
        let written = self.unwritten.withLock { known in
            defer { known = [:] }
            return known
        }
        for metadata in written.values {
            for sequence in metadata.sequences { self.volume.fileWork.done(sequence, [metadata.state]) }
        }
    }

    /// Has it written again and again until that succeeds.
    func writeLater(_ failure: StoreError, _ state: MailboxState) {
        for sequence in self.unwritten.withLock({ $0.values.flatMap(\.sequences) }) {
            self.volume.fileWork.setAside(sequence)
        }
        guard !self.writesLater.exchange(true, ordering: .acquiringAndReleasing) else { return }
        self.volume.configuration.log(
            .warning,
            "\(state.description): attributes cannot be written now: \(failure). Tried again until it succeeds; log and "
                + "index have them")
        self.volume.fileWork.retry(of: self.core.id) { [self] attempt in
            // Under the lock: what comes right behind it begins anew.
            let isWritten = self.unwritten.withLock { unwritten in
                if unwritten.isEmpty { self.writesLater.store(false, ordering: .releasing) }
                return unwritten.isEmpty
            }
            if isWritten {
                self.volume.configuration.log(.notice, "\(self.identity.name): attributes are written again")
                return true
            }
            // The next start writes them. That of an account that moves has to.
            if self.isRetired { return true }
            if attempt == .another { self.writeSoon() }
            return false
        }
    }

    /// Not on the thread of other file work: whoever changes metadata at the same time has the gate.
    private func writeSoon() {
        self.gate.whenEntered { [self] in
            let isSubmitted = self.volume.threads.submit { [self] in
                defer { self.gate.leave() }
                guard !self.isRetired else { return }
                do throws(StoreError) { try self.writeUnwritten() } catch { self.logUnwritten() }
            }
            if !isSubmitted { self.gate.leave() }
        }
    }

    /// Queues new records in place of the old ones. With the gate held, so that nothing newer is in the log.
    private func logUnwritten() {
        for (key, metadata) in self.unwritten.withLock({ $0 }) {
            let state = metadata.state
            guard !state.isGone else {
                let dropped = self.unwritten.withLock { $0.removeValue(forKey: key) }
                for sequence in dropped?.sequences ?? [] { self.volume.fileWork.done(sequence, []) }
                continue
            }
            let record = PendingRecord(
                record: .metadata(MetadataSet(key: key, changes: metadata.changes)), isAwaited: false,
                hasFileWork: true,
                completion: { [self] result in
                    guard case .success(let sequence) = result else { return }
                    self.volume.fileWork.setAside(sequence)
                    let replaced = self.unwritten.withLock { unwritten in
                        guard unwritten[key] != nil else { return [sequence] }
                        let older = unwritten[key]?.sequences.filter { $0 < sequence } ?? []
                        unwritten[key]?.sequences.removeAll { $0 < sequence }
                        unwritten[key]?.sequences.append(sequence)
                        return older
                    }
                    for sequence in replaced { self.volume.fileWork.done(sequence, []) }
                })
            // A volume that takes nothing more keeps the old ones.
            state.lock.withLock {
                if !state.isDeleted { _ = try? state.queue(record) }
            }
        }
    }
}
