internal import MailCore
public import MailStore
import Synchronization

/// Deals with what IMAP clients do to messages, behind their backs: runs scripts (RFC 6785), and has the junk filter
/// taught.
///
/// `post` is quick and never waits. What is posted waits in memory, events of one user in order; the work is done by
/// whoever runs `run()`. What a script does is no event, so scripts cannot run each other.
public final class MailboxEvents: Sendable {
    /// What the site decided. A reload gives another.
    public struct Options: Sendable {
        /// `nil`: no scripts run.
        public var scripts: EventScripts?
        /// `nil`: nothing is learned.
        public var junk: JunkRules?
        /// Takes what went wrong, for the log.
        public var report: @Sendable (String) -> Void = { _ in }

        public init() {}
    }

    private let options: Mutex<Options>
    private let trainer: JunkTrainer
    private let lanes: [Lane]
    /// Events posted and not yet done with.
    private let waiting = Mutex(0)

    private struct Lane {
        let events: AsyncStream<MailboxEvent>
        let inbox: AsyncStream<MailboxEvent>.Continuation
    }

    private static let laneCount = 4
    /// Events that wait in one lane; further ones are passed over, and the log says so. One event is a whole command.
    private static let maximumWaiting = 4096

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
    public func wants(_ cause: MailboxEvent.Cause) -> Bool {
        self.options.withLock { options in
            (options.scripts?.wants(cause) ?? false) || (options.junk?.wants(cause) ?? false)
        }
    }

    /// Has an event dealt with soon.
    public func post(_ event: MailboxEvent) {
        guard !event.uids.isEmpty else { return }
        let lane = self.lanes[Int(UInt(bitPattern: event.account.identity.name.hashValue) % UInt(self.lanes.count))]
        self.waiting.withLock { $0 += 1 }
        guard case .enqueued = lane.inbox.yield(event) else {
            self.waiting.withLock { $0 -= 1 }
            let report = self.options.withLock { $0.report }
            return report(
                "user \(event.user): too many IMAP events wait for scripts; \(event.cause.rawValue) in \(event.mailbox) was passed over"
            )
        }
    }

    /// What the junk filter was taught since the start.
    public var learned: JunkTrainer.Statistics { self.trainer.statistics }

    /// Whether all that was posted is done with.
    public var isIdle: Bool { self.waiting.withLock { $0 } == 0 }

    /// Ends `run()` when what waits is done.
    public func stop() { for lane in self.lanes { lane.inbox.finish() } }

    /// Works until `stop`. Called once.
    public func run(_ store: any MailStore) async {
        await withTaskGroup { group in
            for lane in self.lanes {
                group.addTask {
                    for await event in lane.events {
                        await self.deal(with: event, store)
                        self.waiting.withLock { $0 -= 1 }
                    }
                }
            }
        }
    }

    private func deal(with event: MailboxEvent, _ store: any MailStore) async {
        let options = self.options.withLock { $0 }
        // A script may file the message elsewhere: it is learned first.
        if let junk = options.junk, junk.wants(event.cause) {
            do throws(StoreError) {
                if let lesson = junk.lesson(of: event, try await junk.mailboxes(for: event)) {
                    self.trainer.teach(lesson, event)
                }
            } catch {
                options.report("user \(event.user): junk: \(event.mailbox): \(error)")
            }
        }
        if let scripts = options.scripts, scripts.wants(event.cause) { await scripts.run(for: event, store) }
    }
}
