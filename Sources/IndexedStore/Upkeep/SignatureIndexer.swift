internal import LMDB
internal import MIMECore
package import MailStore
internal import Threads

/// The thread that has the signatures made that messages lack (see `SignatureWork`).
final class SignatureIndexer: @unchecked Sendable {
    // Proof of Sendable: the fields below are touched only with `monitor.lock` held.
    private let monitor = Monitor()
    /// Somebody waits for a whole round: the number of the last one wanted, and of the last one done.
    private var wantedRound = 0
    private var doneRound = 0
    private var closing = false
    private let thread = ThreadSlot()

    /// How often it looks for work.
    private static let interval: UInt64 = 5_000_000_000

    func start(_ volume: Volume) throws(StoreError) {
        // The thread keeps the volume until it ends, which is before the volume is closed.
        try self.thread.start("signatures") { self.run(SignatureWork(volume, self)) }
    }

    /// Makes all that are lacking now. Waits on this thread.
    func runNow() {
        self.monitor.lock.withLock {
            self.wantedRound += 1
            let round = self.wantedRound
            self.monitor.wakeAll()
            while self.doneRound < round, !self.closing { self.monitor.wait() }
        }
    }

    /// Ends the thread; what it was at is left for the next start.
    func close() {
        self.monitor.lock.withLock {
            self.closing = true
            self.monitor.wakeAll()
        }
        self.thread.join()
    }

    // MARK: For the work

    var isClosing: Bool { self.monitor.lock.withLock { self.closing } }

    /// Whether somebody waits for its end.
    var isAwaited: Bool { self.monitor.lock.withLock { self.wantedRound > self.doneRound } }

    /// Waits until then, unless there is a reason not to.
    func pause(until end: UInt64) {
        self.monitor.lock.withLock {
            while !self.closing, self.wantedRound == self.doneRound, SteadyClock.nanoseconds() < end {
                self.monitor.wait(until: end)
            }
        }
    }

    private func run(_ work: SignatureWork) {
        while !self.isClosing {
            let round = self.monitor.lock.withLock { self.wantedRound }
            work.round()
            self.monitor.lock.withLock {
                self.doneRound = max(self.doneRound, round)
                self.monitor.wakeAll()
            }
            self.pause(until: SteadyClock.nanoseconds() &+ Self.interval)
        }
    }
}

extension IndexedStore {
    /// Makes all signatures and header keys that are lacking, without regard to budgets.
    package func finishSignatures() async throws(StoreError) {
        let volume = self.volume
        try await self.threads.run { () throws(StoreError) in volume.indexer.runNow() }
    }

    /// Messages without a signature or header keys, those counted that the indexer has not seen to.
    package func unsignedMessages() async throws(StoreError) -> Int {
        let volume = self.volume
        return try await self.threads.run { () throws(StoreError) in
            try volume.waitApplied(volume.committer.lastTicket)
            let schema = volume.schema
            return try schema.read { (transaction) throws(LMDBError) in
                var count = 0
                let cursor = try transaction.cursor(schema.messages)
                var entry = try cursor.first()
                while let found = entry {
                    let signature = try transaction.get(schema.signatures, found.key).flatMap { TextSignature.View($0) }
                    let keys = try transaction.get(schema.headerKeys, found.key).flatMap { HeaderKeys.View($0) }
                    if signature == nil || keys == nil {
                        count += 1
                    }
                    entry = try cursor.next()
                }
                return count
            }
        }
    }
}
