public import MailStore
import Synchronization

/// Hands the mails that wait in a store to the site's MTA, again and again until it takes them or their time is over.
///
/// Before a mail is handed over, that is noted durably; afterwards the mail leaves the queue. Who takes it on
/// (`MailTransport`) remembers what became of it, and is asked after a crash in between. Where that does not know either,
/// because it ended or lost the MTA's answer while the MTA may have taken the mail, a vacation reply is dropped, for nobody
/// misses one and two annoy; all else is sent again, for a lost mail is worse than a second copy (RFC 5321 section 6.1 lets
/// MTAs do the same), with the same Message-ID.
public final class OutgoingRunner: Sendable {
    /// What the site decided. A reload gives another.
    public struct Options: Sendable {
        public var transport: any MailTransport
        /// Pauses between attempts, and how long a mail is tried.
        public var firstPause: Duration = .seconds(60)
        public var longestPause: Duration = .seconds(3600)
        public var lifetime: Duration = .seconds(5 * 86_400)
        /// The sender of what is told to users.
        public var postmaster = "postmaster@localhost"
        public var hostname = "localhost"
        /// After the store itself could not read or note something.
        package var troublePause: Duration = .seconds(5)
        /// Seconds since 1970.
        public var clock: @Sendable () -> Int64 = { 0 }
        /// Takes what went wrong, for the log.
        public var report: @Sendable (String) -> Void = { _ in }
        /// Takes what was done, for the log.
        public var log: @Sendable (String) -> Void = { _ in }

        public init(_ transport: any MailTransport) { self.transport = transport }

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
    /// Between questions to a transport that cannot answer now.
    private static let askPause: Duration = .seconds(1)

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
        await withTaskGroup(of: OutgoingID?.self) { group in
            var busy = Set<OutgoingID>()
            // Put back or hurried before who had them was done.
            var again = Set<OutgoingID>()
            var timer: Int64?
            group.addTask { await self.nextWake() }
            while !Task.isCancelled {
                let now = self.current.clock()
                let longest = self.longest
                var next: Int64?
                while busy.count < Self.width, next == nil, self.current.transport.canSend {
                    let due = self.queue.takeDue(at: now, longest: longest)
                    guard case .mail(let mail) = due else {
                        if case .later(let time) = due { next = time }
                        break
                    }
                    guard busy.insert(mail.id).inserted else {
                        again.insert(mail.id)
                        continue
                    }
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
                case .some(.some(let id)):
                    busy.remove(id)
                    if again.remove(id) != nil { self.queue.putBack(id) }
                case .some(.none): group.addTask { await self.nextWake() }
                case .none: return
                }
            }
            self.wake.finish()
            // What is being handed over is not to be sent twice: cancelled sleeps end, handing over does not.
            group.cancelAll()
            await group.waitForAll()
        }
    }

    /// Tries what is due, one after the other, and ends.
    package func sendDue() async {
        var mails: [QueuedMail] = []
        let longest = self.longest
        while case .mail(let mail) = self.queue.takeDue(at: self.current.clock(), longest: longest) {
            mails.append(mail)
        }
        for mail in mails { await self.send(mail) }
    }

    /// Seconds for which a mail is put off at most.
    private var longest: Int64 { max(1, self.current.longestPause.components.seconds) }

    private func nextWake() async -> OutgoingID? {
        for await _ in self.wakes { return nil }
        return nil
    }

    private var current: Options { self.options.withLock { $0 } }

    // MARK: One mail

    private func send(_ mail: QueuedMail) async {
        let options = self.current
        let transport = options.transport
        let queue = self.queue.identity
        if mail.isHandedOver {
            // The last process has not lived to hear it.
            guard let fate = await self.fate(of: mail) else { return }
            return await self.conclude(mail, fate, options, at: options.clock())
        }
        let content: QueuedContent
        do throws(StoreError) {
            content = try await self.queue.content(of: mail.id)
            try await self.queue.note(.handedOver, of: mail.id)
        } catch {
            // Deleted meanwhile, or nothing can be written now.
            guard error.code != .notFound else { return }
            guard error.isLoss else {
                options.report("\(mail.title): \(error)")
                try? await Task.sleep(for: options.troublePause)
                return self.queue.putBack(mail.id)
            }
            // A restart may bring back what a damaged index does not find now.
            return await self.failed(mail, "its content cannot be read: \(error)", isFinal: false, options)
        }
        let isRedirect = mail.purpose == .redirect
        let given: MailFate
        do throws(StoreError) {
            given = try await self.threads.run { () throws(StoreError) in
                content.message.withUnsafeBytes { bytes in
                    var message = isRedirect ? UnixMessage(bytes, sentOnWith: content.prefix) : UnixMessage(bytes)
                    return transport.send(mail, of: queue, mail.sendmailArguments) { message.next() }
                }
            }
        } catch {
            given = .failed(error.detail)
        }
        var fate = given
        if case .lost = given {
            guard let told = await self.fate(of: mail) else { return }
            fate = told
        }
        await self.conclude(mail, fate, options, at: nil)
    }

    /// Asks until somebody knows. `nil` when the server stops meanwhile: the next one asks.
    private func fate(of mail: QueuedMail) async -> MailFate? {
        let queue = self.queue.identity
        while !Task.isCancelled {
            let transport = self.current.transport
            let fate = try? await self.threads.run { () throws(StoreError) in transport.fate(of: mail, of: queue) }
            if let fate, fate != .lost { return fate }
            guard (try? await Task.sleep(for: Self.askPause)) != nil else { return nil }
        }
        return nil
    }

    /// - Parameter again: when a mail that nobody was given is tried again; `nil`: as after any failure.
    private func conclude(_ mail: QueuedMail, _ fate: MailFate, _ options: Options, at again: Int64?) async {
        switch fate {
        case .sent:
            options.log("\(mail.title): handed to the MTA")
            await self.note(.gone, mail)
        case .refused(let reason): await self.failed(mail, reason, isFinal: true, options)
        case .failed(let reason): await self.failed(mail, reason, isFinal: false, options)
        case .notBegun, .lost:
            guard let again else { return await self.failed(mail, "the submit role ended", isFinal: false, options) }
            await self.note(.deferred(until: again, reason: mail.lastError), mail)
        case .unknown:
            guard mail.purpose != .vacation else {
                options.report("\(mail.title): the MTA's answer was lost, and it may have it; it is not sent again")
                return await self.note(.gone, mail)
            }
            options.report("\(mail.title): the MTA's answer was lost; it is sent, perhaps again")
            await self.failed(mail, "the MTA's answer was lost", isFinal: false, options)
        }
    }

    private func failed(_ mail: QueuedMail, _ reason: String, isFinal: Bool, _ options: Options) async {
        let now = options.clock()
        // One that was being handed over by the last process is counted already.
        let attempts = mail.isHandedOver ? mail.attempts : mail.attempts + 1
        let next = options.schedule.next(after: attempts, at: now, queuedAt: mail.queuedAt)
        if !isFinal, let next {
            options.report("\(mail.title): \(reason); tried again in \(next - now) s")
            await self.note(.deferred(until: next, reason: reason), mail)
            return
        }
        let why = isFinal ? "refused" : "given up after \(now - mail.queuedAt) s"
        options.report("\(mail.title): \(why): \(reason)")
        // The user may have no other copy of what was to be sent on.
        if mail.purpose == .redirect {
            do throws(StoreError) {
                let content = try await self.queue.content(of: mail.id)
                try await UndeliveredLetter(mail, reason, options).deposit(content, self.store)
            } catch  where error.isLoss {
                options.report("\(mail.title): its content is lost, and it leaves the queue: \(error)")
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
                guard (try? await Task.sleep(for: self.current.troublePause)) != nil else { return }
            }
        }
    }
}

extension StoreError {
    /// Whether a mail's content is not there or not what it was.
    fileprivate var isLoss: Bool { self.code == .damaged || self.code == .expunged }
}

extension QueuedMail {
    /// As logs name it.
    var title: String {
        "user \(self.account.name): outgoing \(self.id): \(self.purpose) to <\(self.recipient)>"
    }
}
