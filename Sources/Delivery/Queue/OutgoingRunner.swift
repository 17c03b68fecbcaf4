public import MailStore
import Synchronization

/// Hands the mails that wait in a store to the site's MTA, again and again until it takes them or their time is over.
///
/// Before the MTA gets a mail, that is noted durably; afterwards the mail leaves the queue. A crash in between leaves it
/// unknown whether the MTA has it. Then a vacation reply is dropped, for nobody misses one and two annoy; all else is
/// sent again, for a lost mail is worse than a second copy (RFC 5321 section 6.1 lets MTAs do the same).
public final class OutgoingRunner: Sendable {
    /// What the site decided. A reload gives another.
    public struct Options: Sendable {
        /// A program with sendmail's interface, and its first arguments; empty: nothing can be sent, and all waits.
        public var program: [String] = []
        /// How long the program may take.
        public var timeout: Duration = .seconds(60)
        /// Pauses between attempts, and how long a mail is tried.
        public var firstPause: Duration = .seconds(60)
        public var longestPause: Duration = .seconds(3600)
        public var lifetime: Duration = .seconds(5 * 86_400)
        /// The sender of what is told to users.
        public var postmaster = "postmaster@localhost"
        public var hostname = "localhost"
        /// Seconds since 1970.
        public var clock: @Sendable () -> Int64 = { 0 }
        /// Takes what went wrong, for the log.
        public var report: @Sendable (String) -> Void = { _ in }
        /// Takes what was done, for the log.
        public var log: @Sendable (String) -> Void = { _ in }

        public init() {}

        var schedule: RetrySchedule {
            RetrySchedule(
                first: self.firstPause.components.seconds, longest: self.longestPause.components.seconds,
                lifetime: self.lifetime.components.seconds)
        }
    }

    private let options: Mutex<Options>
    private let store: any MailStore
    private let queue: any OutgoingQueue
    private let threads: StorageThreads
    private let wake: AsyncStream<Void>.Continuation
    private let wakes: AsyncStream<Void>

    /// Mails handed over at the same time.
    static let width = 8
    /// After the store itself could not note something.
    private static let troublePause: Duration = .seconds(5)

    /// `nil` for a store that queues nothing.
    public init?(_ store: any MailStore, _ options: Options) {
        guard let queue = store.outgoingQueue else { return nil }
        self.store = store
        self.queue = queue
        self.options = Mutex(options)
        self.threads = StorageThreads(count: Self.width, maximumQueued: 1000)
        (self.wakes, self.wake) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    }

    deinit { self.threads.stop() }

    public func reload(_ options: Options) {
        self.options.withLock { $0 = options }
        self.wake.yield()
    }

    /// Works until the task is cancelled; what is being handed over then is finished first. Called once.
    public func run() async {
        let wake = self.wake
        self.queue.watch { wake.yield() }
        await self.settle()
        await withTaskGroup(of: OutgoingID?.self) { group in
            var busy = Set<OutgoingID>()
            var timer: Int64?
            group.addTask { await self.nextWake() }
            while !Task.isCancelled {
                let now = self.current.clock()
                var next: Int64?
                for mail in self.current.program.isEmpty ? [] : self.queue.mails where !busy.contains(mail.id) {
                    if mail.nextAttempt > now {
                        next = min(next ?? .max, mail.nextAttempt)
                        continue
                    }
                    guard busy.count < Self.width else { break }
                    busy.insert(mail.id)
                    group.addTask {
                        await self.send(mail)
                        return mail.id
                    }
                }
                // One sleeper for the earliest of those that wait; it wakes the loop as anything new does.
                if let next, next < timer ?? .max || timer.map({ $0 <= now }) ?? true {
                    timer = next
                    group.addTask {
                        try? await Task.sleep(for: .seconds(max(1, min(next - now, 86_400))))
                        wake.yield()
                        return OutgoingID(delivery: 0, number: .max)
                    }
                }
                switch await group.next() {
                case .some(.some(let id)): busy.remove(id)
                case .some(.none): group.addTask { await self.nextWake() }
                case .none: return
                }
            }
            self.wake.finish()
            // What is being handed over is not to be sent twice: cancelled sleeps end, programs do not.
            group.cancelAll()
            await group.waitForAll()
        }
    }

    /// Tries what is due, one after the other, and ends.
    package func sendDue() async {
        await self.settle()
        let now = self.current.clock()
        for mail in self.queue.mails where mail.nextAttempt <= now { await self.send(mail) }
    }

    private func nextWake() async -> OutgoingID? {
        for await _ in self.wakes { return nil }
        return nil
    }

    private var current: Options { self.options.withLock { $0 } }

    // MARK: After a crash

    /// Decides of mails that were being handed over when the last process ended.
    private func settle() async {
        for mail in self.queue.mails where mail.isHandedOver {
            let options = self.current
            if mail.purpose == .vacation {
                options.report("\(mail.title): the server ended while it was handed over; it is not sent again")
                await self.note(.gone, mail)
            } else {
                options.report("\(mail.title): the server ended while it was handed over; it is sent, perhaps again")
                await self.note(.deferred(until: options.clock(), reason: "the server ended"), mail)
            }
        }
    }

    // MARK: One mail

    private func send(_ mail: QueuedMail) async {
        let options = self.current
        let content: QueuedContent
        do throws(StoreError) {
            content = try await self.queue.content(of: mail.id)
            try await self.queue.note(.handedOver, of: mail.id)
        } catch {
            // Deleted meanwhile, or nothing can be written now.
            guard error.code != .notFound else { return }
            options.report("\(mail.title): \(error)")
            guard error.code == .damaged || error.code == .expunged else {
                try? await Task.sleep(for: Self.troublePause)
                return
            }
            await self.note(.gone, mail)
            return
        }
        let program = SendmailProgram(
            arguments: options.program + [
                "-i", "-f", mail.sender.isEmpty ? "<>" : mail.sender, "--", mail.recipient,
            ], timeout: options.timeout)
        let isRedirect = mail.purpose == .redirect
        do throws(StoreError) {
            try await self.threads.run { () throws(StoreError) in
                try content.message.withUnsafeBytes { (bytes) throws(StoreError) in
                    try program.run(
                        isRedirect ? UnixMessage(bytes, sentOnWith: content.prefix) : UnixMessage(bytes))
                }
            }
            options.log("\(mail.title): handed to the MTA")
            await self.note(.gone, mail)
        } catch {
            await self.failed(mail, content, error, options)
        }
    }

    private func failed(_ mail: QueuedMail, _ content: QueuedContent, _ error: StoreError, _ options: Options) async {
        let now = options.clock()
        let next = options.schedule.next(after: mail.attempts + 1, at: now, queuedAt: mail.queuedAt)
        if error.code != .cannot, let next {
            options.report("\(mail.title): \(error.detail); tried again in \(next - now) s")
            await self.note(.deferred(until: next, reason: error.detail), mail)
            return
        }
        let why = error.code == .cannot ? "refused" : "given up after \(now - mail.queuedAt) s"
        options.report("\(mail.title): \(why): \(error.detail)")
        // The user may have no other copy of what was to be sent on.
        if mail.purpose == .redirect {
            let letter = UndeliveredLetter(mail, error.detail, options)
            do throws(StoreError) {
                try await letter.deposit(content, self.store)
            } catch {
                options.report("\(mail.title): the user cannot be told: \(error)")
                let later = now + max(1, options.longestPause.components.seconds)
                await self.note(.deferred(until: later, reason: "\(why), and the user cannot be told"), mail)
                return
            }
        }
        await self.note(.gone, mail)
    }

    /// Notes what happened, and does not give up: a mail that is out must leave the queue.
    private func note(_ change: OutgoingChange, _ mail: QueuedMail) async {
        while true {
            do throws(StoreError) {
                return try await self.queue.note(change, of: mail.id)
            } catch {
                guard error.code != .notFound else { return }
                self.current.report("\(mail.title): \(error)")
                guard (try? await Task.sleep(for: Self.troublePause)) != nil else { return }
            }
        }
    }
}

extension QueuedMail {
    /// As logs name it.
    var title: String {
        "user \(self.account.name): outgoing \(self.id): \(self.purpose) to <\(self.recipient)>"
    }
}
