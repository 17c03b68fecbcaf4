internal import MailCore
internal import MailStore
internal import Synchronization
internal import Threads
internal import VolumeLog

/// Does what a recovery could not do to files, as soon as that is possible; tried each second while the volume works.
final class LateRestoring: Sendable {
    private struct State {
        var files: RecoveredFiles
        /// The files that copies are to be made of, by the record of the copies.
        var holds: [LogSequence: [CopySources.Hold]] = [:]
    }

    private let state: Mutex<State>
    /// Accounts that cannot be used before what is left is done, and why it is not.
    private let barred: Mutex<[UInt32: StoreError]>

    init(_ files: RecoveredFiles) {
        self.state = Mutex(State(files: files))
        self.barred = Mutex(files.barred)
    }

    /// Why the account cannot be used now.
    func refusal(of account: UInt32) -> StoreError? { self.barred.withLock { $0[account] } }

    func start(_ volume: Volume) {
        let isComplete = self.state.withLock { state in
            for record in state.files.unwritten {
                for message in record.messages { volume.missingFiles.add(message.key, message.uid) }
                state.holds[record.sequence] = record.sources.map { volume.fileWork.hold($0.key, $0.value) }
            }
            return state.files.isComplete
        }
        guard !isComplete else { return }
        volume.fileWork.retry { [weak volume] _ in volume.map { self.tryAgain($0) } ?? true }
    }

    /// Whether nothing is left. On the thread of file work.
    private func tryAgain(_ volume: Volume) -> Bool {
        // The index says where messages are by now.
        guard (try? volume.waitApplied(volume.committer.lastTicket)) != nil else { return false }
        return self.state.withLock { state in
            // Who scans a mailbox finds a message missing and noted as missing, or there.
            let mailboxes = Self.openMailboxes(state.files.unwritten, volume)
            for mailbox in mailboxes { mailbox.filesLock.lock() }
            defer { for mailbox in mailboxes { mailbox.filesLock.unlock() } }
            let progress = state.files.restoreRest(from: volume.log) { (record) throws(StoreError) in
                guard let ticket = volume.committer.enqueue(PendingRecord(record: record, isAwaited: true)) else {
                    throw StoreError(.temporary, "volume closed")
                }
                try volume.waitApplied(ticket)
            }
            for sequence in progress.changes { volume.fileWork.done(sequence, []) }
            for record in progress.written {
                for message in record.messages { volume.missingFiles.remove(message.key, message.uid) }
                // They were flushed, too.
                for hold in state.holds.removeValue(forKey: record.sequence) ?? [] { volume.fileWork.letGo(hold) }
                volume.fileWork.done(record.sequence, [])
            }
            self.barred.withLock { $0 = state.files.barred }
            return state.files.isComplete
        }
    }

    /// Those that somebody uses, in the order in which they are locked.
    private static func openMailboxes(_ records: [RecoveredFiles.Unwritten], _ volume: Volume) -> [MailboxState] {
        let keys = Set(records.lazy.flatMap(\.messages).map(\.key))
        var states: [MailboxState] = []
        for id in Set(keys.map(\.account)) {
            guard let name = ((try? volume.schema.accountRow(id)) ?? nil)?.identity.name,
                let account = volume.accounts.find(name)
            else { continue }
            for case .indexed(let state) in account.directory.withLock({ Array($0.entries.values) })
            where keys.contains(state.key) {
                states.append(state)
            }
        }
        return states.sorted { $0.key < $1.key }
    }

    /// The account begins anew: what was to be done to its mailboxes is not done any more.
    func giveUp(_ account: UInt32, _ volume: Volume) {
        let given = self.state.withLock { $0.files.giveUp(account) }
        for sequence in given { volume.fileWork.done(sequence, []) }
        self.barred.withLock { $0[account] = nil }
    }
}
