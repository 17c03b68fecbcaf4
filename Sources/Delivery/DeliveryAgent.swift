import MIMECore
import MailCore
public import MailStore
import SieveCore
import Threads

/// Delivers messages: from envelope and octets, through the users' scripts, to mailboxes.
///
/// Holds compiled scripts. Safe to use from any thread.
public final class DeliveryAgent: Sendable {
    /// What the site decided.
    public struct Options: Sendable {
        public var keep = ImplicitKeep()
        /// Mail with this field goes into the mailbox of \Junk, before any script; `nil`: none does.
        public var junkHeader: JunkHeader?
        /// `nil`: no scripts run.
        public var sieve: SieveOptions?

        public init() {}
    }

    /// Where messages go that no script files elsewhere.
    public var keep: ImplicitKeep { self.options.keep }

    let store: any MailStore
    let options: Options
    let planner: SievePlanner?
    let programs = ScriptThreads()
    /// Scripts run on threads of their own: those that compute for seconds must not take the ones on which all sessions
    /// read their mail.
    private let scripts = ScriptThreads()

    /// One slice of running scripts on one of their threads ends after this, and the next waits its turn.
    private static let slice: Duration = .milliseconds(50)
    private let ending = ScriptInterruption()

    public convenience init(store: any MailStore, options: Options) {
        self.init(store: store, options: options, clock: SteadyClock.milliseconds)
    }

    /// - Parameter clock: milliseconds of a clock that only goes on.
    init(store: any MailStore, options: Options, clock: @escaping @Sendable () -> Int64) {
        self.store = store
        self.options = options
        if let sieve = options.sieve {
            self.planner = SievePlanner(
                options: sieve,
                library: ScriptLibrary(
                    personal: SieveCompiler(registry: sieve.registry, limits: sieve.limits),
                    global: SieveCompiler(registry: sieve.globalRegistry, limits: sieve.limits), clock: clock),
                memory: store.deliveryMemory)
        } else {
            self.planner = nil
        }
    }

    /// Delivers one message to its recipients, its body stored once. Answered when all of it is durable, with what is
    /// sent and remembered; the outcomes are in the order of the recipients.
    ///
    /// - Parameter interruption: ends what scripts do; the outcome is a temporary failure then, and nothing of theirs is
    ///   done.
    ///
    /// A recipient for whom one of several mailboxes failed is answered as failed, and the MTA tries again: a second
    /// copy in the mailboxes where it went well is better than a lost one. Nothing is sent then.
    public func deliver(
        _ message: IncomingMessage, _ envelope: DeliveryEnvelope, to recipients: [DeliveryRecipient],
        until interruption: ScriptInterruption? = nil
    ) async -> [DeliveryOutcome] {
        let interruption = ScriptInterruption(within: interruption ?? self.ending)
        var plans = await self.plans(message, envelope, recipients, interruption)
        // What is remembered by now stays so.
        defer { for plan in plans { plan.memory?.release() } }
        for index in plans.indices where !plans[index].edits.isEmpty {
            do throws(StoreError) {
                plans[index].editedMessages = try await self.composed(plans[index].edits, message.octets)
                plans[index].edits = []
            } catch {
                plans[index].failure = error
            }
        }
        self.limitQueue(envelope, recipients, &plans)
        await self.pipe(message, envelope, recipients, &plans, interruption)
        return await self.store(message, envelope, recipients, plans)
    }

    /// Ends what scripts do now, and lets none begin: the server stops.
    public func stop() { self.ending.interrupt() }

    // MARK: Plans

    private func plans(
        _ message: IncomingMessage, _ envelope: DeliveryEnvelope, _ recipients: [DeliveryRecipient],
        _ interruption: ScriptInterruption
    ) async -> [DeliveryPlan] {
        let keeps = recipients.map { self.keepMailbox($0) }
        var plans = keeps.map { DeliveryPlan(storing: $0) }
        let junk = await self.junkMailboxes(message, recipients)
        for (index, mailbox) in junk { plans[index] = DeliveryPlan(storing: mailbox) }
        guard let planner = self.planner else { return plans }
        var pending = recipients.indices.filter {
            junk[$0] == nil && !planner.library.isKnownScriptless(recipients[$0].account.identity.name)
        }
        var mailboxes: [Int: MailboxDirectory] = [:]
        var waiting: [Int] = []
        while !pending.isEmpty {
            let (rest, known) = (pending, mailboxes)
            let made: [SievePlanner.Attempt]
            do throws(StoreError) {
                let user = recipients[rest[0]].account.identity.name
                made = try await self.scripts.run(for: user) { () throws(StoreError) -> [SievePlanner.Attempt] in
                    let started = ContinuousClock.now
                    return message.octets.withUnsafeBytes { bytes in
                        let view = SieveMessage(
                            Octets(bytes), limits: planner.options.limits, converter: .system)
                        var made: [SievePlanner.Attempt] = []
                        for index in rest {
                            made.append(
                                planner.plan(
                                    bytes, view, envelope, recipients[index], keepMailbox: keeps[index],
                                    mailboxes: known[index], mayWait: false, until: interruption))
                            if ContinuousClock.now - started > Self.slice { break }
                        }
                        return made
                    }
                }
            } catch {
                for index in rest { plans[index] = DeliveryPlan(failure: error) }
                return plans
            }
            pending.removeFirst(made.count)
            for (index, attempt) in zip(rest, made) {
                guard case .lacks(let lacksMailboxes, let waits) = attempt else {
                    if case .plan(let plan) = attempt { plans[index] = plan }
                    continue
                }
                do throws(StoreError) {
                    if lacksMailboxes {
                        // Asked for a second time, it is the ids that were missing; who waits is not asked twice.
                        mailboxes[index] = try await MailboxDirectory.load(
                            recipients[index].account, withIDs: waits || mailboxes[index] != nil)
                    }
                    if waits { waiting.append(index) } else { pending.append(index) }
                } catch {
                    plans[index] = DeliveryPlan(failure: error)
                }
            }
        }
        for (index, plan) in await self.waitingPlans(
            waiting, keeps, mailboxes, message, envelope, recipients, interruption)
        {
            plans[index] = plan
        }
        return plans
    }

    /// Where implicit keep files a message.
    func keepMailbox(_ recipient: DeliveryRecipient) -> MailboxName {
        self.keep.mailbox(of: recipient.account, detail: recipient.detail, named: recipient.mailbox)
    }

    /// While too many mails wait for the MTA, no more are taken: what must be sent is delivered later, what need not be
    /// is left out.
    private func limitQueue(
        _ envelope: DeliveryEnvelope, _ recipients: [DeliveryRecipient], _ plans: inout [DeliveryPlan]
    ) {
        guard let options = self.options.sieve, let load = self.store.outgoingQueue?.load,
            options.maximumQueued > 0 && load.count >= options.maximumQueued
                || options.maximumQueuedOctets > 0 && load.octets >= options.maximumQueuedOctets
        else { return }
        for index in plans.indices where !plans[index].mails.isEmpty {
            let mails = plans[index].mails
            plans[index].mails.removeAll { $0.purpose == .vacation || $0.purpose == .notification }
            options.report(
                "user \(recipients[index].account.identity.name): \(load.count) mails wait for the MTA: "
                    + "\(mails.count) more are not taken")
            if !plans[index].mails.isEmpty { plans[index].failure = StoreError(.limit, "outgoing queue") }
        }
    }
}
