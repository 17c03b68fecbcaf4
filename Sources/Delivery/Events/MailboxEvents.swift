public import MailCore
public import MailStore
import Synchronization

/// Deals with what IMAP clients do to messages, behind their backs: runs scripts (RFC 6785), and has the junk filter
/// taught.
///
/// An event is noted in the store with its change, so that a crash forgets none: what an earlier process did not get
/// done is done at the start, or as soon as the user's account can be opened, perhaps a second time. `post` is quick and
/// never waits. Events of one user are dealt with in order, by whoever runs `run()`; what fails for the moment is tried
/// again for a day. What a script does is no event, so scripts cannot run each other.
public final class MailboxEvents: Sendable {
    /// What the site decided. A reload gives another.
    public struct Options: Sendable {
        /// `nil`: no scripts run.
        public var scripts: EventScripts?
        /// `nil`: nothing is learned.
        public var junk: JunkRules?
        /// Takes what went wrong, for the log.
        public var report: @Sendable (String) -> Void = { _ in }
        /// Takes what waits for somebody to look after it.
        public var warn: @Sendable (String) -> Void = { _ in }

        public init() {}
    }

    /// The account of a user, for events that an earlier process has left or whose account has moved.
    public enum Resolution: Sendable {
        case account(any MailAccount)
        /// There is no such user any more.
        case gone
        /// It cannot be opened now, and why.
        case later(String)
    }

    private let options: Mutex<Options>
    private let trainer: JunkTrainer
    private let lanes: [Lane]
    /// Ends what scripts do when the server stops.
    private let ending = ScriptInterruption()
    private let state = Mutex(State())

    private struct State {
        /// Events posted and not yet dealt with, but for those that wait for another attempt.
        var waiting = 0
        /// Events to be tried again, and when.
        var later: [(event: MailboxEvent, due: ContinuousClock.Instant)] = []
        /// What an earlier process has left and was not posted yet.
        var backlog = EventBacklog()
        var isStopped = false
    }

    private struct Lane {
        let events: AsyncStream<MailboxEvent>
        let inbox: AsyncStream<MailboxEvent>.Continuation
    }

    private static let laneCount = 4
    /// Events that wait in one lane. Further ones stay in the store until the next start. One event is a whole command.
    private static let maximumWaiting = 4096
    /// How long an event waits after its first, second... failure; none is left after the last.
    static let pauses: [Duration] =
        [.seconds(10), .seconds(60), .seconds(600)]
        + Array(repeating: .seconds(3600), count: 24)

    public init(_ options: Options, trainer: JunkTrainer) {
        self.options = Mutex(options)
        self.trainer = trainer
        self.lanes = (0..<Self.laneCount).map { _ in
            let (events, inbox) = AsyncStream.makeStream(
                of: MailboxEvent.self, bufferingPolicy: .bufferingOldest(Self.maximumWaiting))
            return Lane(events: events, inbox: inbox)
        }
    }

    public func reload(_ options: Options) { self.options.withLock { $0 = options } }

    /// Whether anything comes of events of that kind; else they need not be posted.
    public func wants(_ cause: MailboxEvent.Cause) -> Bool { !self.parts(cause).isEmpty }

    private func parts(_ cause: MailboxEvent.Cause) -> MailboxEvent.Parts {
        self.options.withLock { options in
            var parts: MailboxEvent.Parts = []
            if options.scripts?.wants(cause) ?? false { parts.insert(.scripts) }
            if options.junk?.wants(cause) ?? false { parts.insert(.lesson) }
            return parts
        }
    }

    /// What the store is to note with a change; `nil` when nothing comes of it.
    public func note(
        _ cause: MailboxEvent.Cause, user: String, home: String?, session: String, mailbox: MailboxName,
        source: (mailbox: MailboxName, isMove: Bool)? = nil
    ) -> EventNote? {
        let parts = self.parts(cause)
        guard !parts.isEmpty else { return nil }
        let note = MailboxEventNote(
            cause, user: user, home: home, session: session, mailbox: mailbox, source: source)
        return EventNote(parts: parts.rawValue, octets: note.encode())
    }

    /// Has an event dealt with soon.
    public func post(_ event: MailboxEvent) {
        // What was before it comes before it: the account is open. Where `takeUp` opens it in the same moment the two may
        // change places, which does no more harm than an event that is tried again.
        self.postBacklog(of: event.user, event.account)
        self.enqueue(event)
    }

    private func postBacklog(of user: String, _ account: any MailAccount) {
        for entry in self.state.withLock({ $0.backlog.take(user) }) {
            self.enqueue(entry.note.event(account, entry.event))
        }
    }

    private func enqueue(_ event: MailboxEvent) {
        guard !event.uids.isEmpty else { return }
        let lane = self.lanes[Int(UInt(bitPattern: event.account.identity.name.hashValue) % UInt(self.lanes.count))]
        self.state.withLock { $0.waiting += 1 }
        guard case .enqueued = lane.inbox.yield(event) else {
            let isStopped = self.state.withLock { state in
                state.waiting -= 1
                return state.isStopped
            }
            guard !isStopped || event.id == nil else { return }
            let report = self.options.withLock { $0.report }
            let fate = event.id == nil ? "was passed over" : "waits for the next start"
            return report(
                "user \(event.user): too many IMAP events wait for scripts; \(event.cause.rawValue) in \(event.mailbox) \(fate)"
            )
        }
    }

    /// What the junk filter was taught since the start.
    public var learned: JunkTrainer.Statistics { self.trainer.statistics }

    /// Whether all that was posted is done with.
    public var isIdle: Bool { self.state.withLock { $0.waiting } == 0 }

    /// Ends `run()` when what waits is done.
    public func stop() {
        self.state.withLock { $0.isStopped = true }
        for lane in self.lanes { lane.inbox.finish() }
    }

    /// Ends scripts that run. What they were to do is done after the next start.
    public func interrupt() { self.ending.interrupt() }

    /// Works until `stop`. Called once.
    ///
    /// - Parameter resolve: the account of a user as that sees it.
    public func run(_ store: any MailStore, resolve: @escaping @Sendable (String) async -> Resolution) async {
        await withTaskGroup { group in
            for lane in self.lanes {
                group.addTask {
                    for await event in lane.events {
                        await self.deal(with: event, store, resolve)
                        self.state.withLock { $0.waiting -= 1 }
                    }
                }
            }
            group.addTask { await self.takeUp(store, resolve) }
            group.addTask { await self.bringBack() }
        }
    }

    // MARK: Earlier and later

    private var isStopped: Bool { self.state.withLock { $0.isStopped } }

    /// Posts what an earlier process has left. A user whose account cannot be opened is passed over and tried again behind
    /// the others.
    private func takeUp(_ store: any MailStore, _ resolve: @Sendable (String) async -> Resolution) async {
        guard let queue = store.eventQueue else { return }
        let waiting: [NotedEvent]
        do throws(StoreError) {
            waiting = try await queue.waiting()
        } catch {
            return self.options.withLock { $0.report }("IMAP events of before the start cannot be read: \(error)")
        }
        var backlog = EventBacklog()
        for noted in waiting {
            guard let id = noted.id else { continue }
            if let note = MailboxEventNote(noted.octets) {
                backlog.add(note, noted)
            } else {
                queue.done(.max, of: id)
            }
        }
        let found = backlog
        self.state.withLock { $0.backlog = found }
        while !self.isStopped {
            let now = ContinuousClock.now
            let (user, isEmpty) = self.state.withLock { ($0.backlog.next(at: now), $0.backlog.isEmpty) }
            if isEmpty { return }
            guard let user else {
                do { try await Task.sleep(for: .seconds(1)) } catch { return }
                continue
            }
            let resolution = await resolve(user)
            // Who is stopped may have got no answer for that.
            guard !self.isStopped, !Task.isCancelled else { return }
            switch resolution {
            case .account(let account): self.postBacklog(of: user, account)
            case .gone:
                for entry in self.state.withLock({ $0.backlog.take(user) }) {
                    if let id = entry.event.id { queue.done(.max, of: id) }
                }
            case .later(let why):
                guard self.state.withLock({ $0.backlog.postpone(user, at: ContinuousClock.now) }) else { continue }
                self.options.withLock { $0.warn }(
                    "user \(user): IMAP events of before the start wait, since the account cannot be opened: \(why); mend that, and they are dealt with within five minutes"
                )
            }
        }
    }

    /// Posts events again whose time has come.
    private func bringBack() async {
        while !self.isStopped {
            do { try await Task.sleep(for: .seconds(1)) } catch { return }
            let now = ContinuousClock.now
            let due = self.state.withLock { state in
                let due = state.later.filter { $0.due <= now }.map(\.event)
                if !due.isEmpty { state.later.removeAll { $0.due <= now } }
                return due
            }
            for event in due { self.post(event) }
        }
    }

    // MARK: One event

    private func deal(
        with event: MailboxEvent, _ store: any MailStore, _ resolve: @Sendable (String) async -> Resolution
    ) async {
        let options = self.options.withLock { $0 }
        let queue = store.eventQueue
        var event = event
        // As it was when the event came it can be used no more.
        if event.account.isRetired, case .account(let account) = await resolve(event.user) { event.account = account }
        @Sendable func done(_ parts: MailboxEvent.Parts, _ event: MailboxEvent) {
            if let id = event.id { queue?.done(parts.rawValue, of: id) }
        }
        var failure: StoreError?
        // A script may file the message elsewhere: it is learned first.
        if event.parts.contains(.lesson) {
            do throws(StoreError) {
                let lesson = try await self.lesson(of: event, options)
                let learned = event
                if let lesson {
                    self.trainer.teach(lesson, event) { done(.lesson, learned) }
                } else {
                    done(.lesson, event)
                }
                event.parts.remove(.lesson)
            } catch {
                options.report("user \(event.user): junk: \(event.mailbox): \(error)")
                failure = error
            }
        }
        if event.parts.contains(.scripts) {
            do throws(StoreError) {
                try await self.runScripts(event, options, store)
                done(.scripts, event)
                event.parts.remove(.scripts)
            } catch {
                options.report("user \(event.user): sieve: \(event.cause.rawValue) in \(event.mailbox): \(error)")
                failure = error
            }
        }
        guard let failure else { return }
        self.tryAgain(event, failure) { done(event.parts, event) }
    }

    private func lesson(of event: MailboxEvent, _ options: Options) async throws(StoreError) -> JunkRules.Lesson? {
        guard let junk = options.junk, junk.wants(event.cause) else { return nil }
        do throws(StoreError) {
            return junk.lesson(of: event, try await junk.mailboxes(for: event))
        } catch {
            guard Self.isPassing(error) else { return nil }
            throw error
        }
    }

    private func runScripts(_ event: MailboxEvent, _ options: Options, _ store: any MailStore) async throws(StoreError)
    {
        guard let scripts = options.scripts, scripts.wants(event.cause) else { return }
        let actor = MailActor(service: "imapsieve", session: event.session, address: "")
        let ending = self.ending
        let result = await MailActor.$current.withValue(actor) { () async -> Result<Void, StoreError> in
            do throws(StoreError) {
                return .success(try await scripts.run(for: event, store, until: ending))
            } catch {
                return .failure(error)
            }
        }
        try result.get()
    }

    /// Whether it may go well another time.
    private static func isPassing(_ error: StoreError) -> Bool {
        switch error.code {
        case .temporary, .diskFull, .limit, .inUse: true
        case .notFound, .noPermission, .overQuota, .tooBig, .alreadyExists, .cannot, .expunged, .damaged: false
        }
    }

    private func tryAgain(_ event: MailboxEvent, _ failure: StoreError, _ giveUp: () -> Void) {
        // What was interrupted is done after the next start.
        guard !self.ending.isInterrupted else { return }
        guard Self.isPassing(failure), event.attempts < Self.pauses.count else { return giveUp() }
        var again = event
        again.attempts += 1
        let due = ContinuousClock.now + Self.pauses[event.attempts]
        self.state.withLock { state in
            // Those that are too many are in the store.
            if state.later.count < Self.maximumWaiting { state.later.append((again, due)) }
        }
    }
}
