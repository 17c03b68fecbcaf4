import MIMECore
import MailCore
public import MailStore
import SieveCore

/// Delivers messages: from envelope and octets, through the users' scripts, to mailboxes.
///
/// Holds compiled scripts and what was sent on; copies share them. Safe to use from any thread.
public struct DeliveryAgent: Sendable {
    /// What the site decided.
    public struct Options: Sendable {
        /// Mail to `user+detail` goes into the mailbox `detail` when it exists.
        public var savesToDetailMailbox = false
        /// A missing mailbox is made rather than INBOX taken.
        public var createsMailboxes = false
        /// Mail with this field goes into the mailbox of \Junk, before any script; `nil`: none does.
        public var junkHeader: JunkHeader?
        /// `nil`: no scripts run.
        public var sieve: SieveOptions?

        public init() {}
    }

    /// Whether mail to `user+detail` goes into the mailbox `detail`.
    public var savesToDetailMailbox: Bool { self.options.savesToDetailMailbox }

    private let store: any MailStore
    let options: Options
    private let planner: SievePlanner?
    private let redirector: Redirector?
    private let programs = ProgramThreads()

    /// One slice of running scripts on a storage thread ends after this, and the next waits its turn.
    private static let slice: Duration = .milliseconds(50)
    /// Octets of a message that are copied at once.
    private static let piece = 256 << 10

    public init(store: any MailStore, options: Options) {
        self.init(store: store, options: options, clock: ScriptLibrary.steadyMilliseconds)
    }

    /// - Parameter clock: milliseconds of a clock that only goes on.
    init(store: any MailStore, options: Options, clock: @escaping @Sendable () -> Int64) {
        self.store = store
        self.options = options
        if let sieve = options.sieve {
            self.redirector = Redirector(sieve)
            self.planner = SievePlanner(
                options: sieve,
                library: ScriptLibrary(
                    personal: SieveCompiler(registry: sieve.registry, limits: sieve.limits),
                    global: SieveCompiler(registry: sieve.globalRegistry, limits: sieve.limits), clock: clock))
        } else {
            self.planner = nil
            self.redirector = nil
        }
    }

    /// Delivers one message to its recipients, its body stored once. Answered when all of it is durable; the
    /// outcomes are in the order of the recipients.
    ///
    /// A recipient for whom one of several effects failed is answered as failed, and the MTA tries again:
    /// a second copy in the mailboxes where it went well is better than a lost one. Redirects go first and are
    /// remembered, so that trying again does not send them again.
    public func deliver(
        _ message: IncomingMessage, _ envelope: DeliveryEnvelope, to recipients: [DeliveryRecipient]
    ) async -> [DeliveryOutcome] {
        var plans = await self.plans(message, envelope, recipients)
        for index in plans.indices where !plans[index].edits.isEmpty {
            do throws(StoreError) {
                plans[index].editedMessages = try await self.composed(plans[index].edits, message.octets)
                plans[index].edits = []
            } catch {
                plans[index] = DeliveryPlan(failure: error)
            }
        }
        await self.pipe(message, envelope, recipients, &plans)
        await self.redirect(message, envelope, recipients, &plans)
        return await self.store(message, envelope, recipients, plans)
    }

    // MARK: Plans

    private func plans(
        _ message: IncomingMessage, _ envelope: DeliveryEnvelope, _ recipients: [DeliveryRecipient]
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
                made = try await self.store.threads.run { () throws(StoreError) -> [SievePlanner.Attempt] in
                    let started = ContinuousClock.now
                    return message.octets.withUnsafeBytes { bytes in
                        let view = SieveMessage(
                            Octets(bytes), limits: planner.options.limits, converter: .system)
                        var made: [SievePlanner.Attempt] = []
                        for index in rest {
                            made.append(
                                planner.plan(
                                    bytes, view, envelope, recipients[index], keepMailbox: keeps[index],
                                    mailboxes: known[index], mayWait: false))
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
                    let account = recipients[index].account
                    if lacksMailboxes {
                        mailboxes[index] = MailboxDirectory(try await account.mailboxes(), account.namespaces)
                    }
                    if waits { waiting.append(index) } else { pending.append(index) }
                } catch {
                    plans[index] = DeliveryPlan(failure: error)
                }
            }
        }
        for (index, plan) in await self.waitingPlans(waiting, keeps, mailboxes, message, envelope, recipients) {
            plans[index] = plan
        }
        return plans
    }

    /// The plans of scripts that wait for programs, each on a thread of those.
    private func waitingPlans(
        _ indices: [Int], _ keeps: [MailboxName], _ mailboxes: [Int: MailboxDirectory], _ message: IncomingMessage,
        _ envelope: DeliveryEnvelope, _ recipients: [DeliveryRecipient]
    ) async -> [(Int, DeliveryPlan)] {
        guard let planner = self.planner else { return [] }
        let programs = self.programs
        return await withTaskGroup(of: (Int, DeliveryPlan).self) { group in
            for index in indices {
                group.addTask {
                    let (recipient, keep, known) = (recipients[index], keeps[index], mailboxes[index])
                    do throws(StoreError) {
                        let attempt = try await programs.run { () throws(StoreError) -> SievePlanner.Attempt in
                            message.octets.withUnsafeBytes { bytes in
                                let view = SieveMessage(
                                    Octets(bytes), limits: planner.options.limits, converter: .system)
                                return planner.plan(
                                    bytes, view, envelope, recipient, keepMailbox: keep, mailboxes: known,
                                    mayWait: true)
                            }
                        }
                        if case .plan(let plan) = attempt { return (index, plan) }
                        // A script has changed meanwhile and asks for more: the MTA comes again.
                        return (index, DeliveryPlan(failure: StoreError(.temporary, "a script changed meanwhile")))
                    } catch {
                        return (index, DeliveryPlan(failure: error))
                    }
                }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
    }

    // MARK: Programs

    /// Gives messages to the programs of their plans. What a program does not take is kept.
    private func pipe(
        _ message: IncomingMessage, _ envelope: DeliveryEnvelope, _ recipients: [DeliveryRecipient],
        _ plans: inout [DeliveryPlan]
    ) async {
        guard let planner = self.planner else { return }
        let runner = SieveProgramRunner(planner.options.programs)
        for index in plans.indices where plans[index].failure == nil {
            let recipient = recipients[index]
            for pipe in plans[index].pipes {
                let input = plans[index].message(pipe.message, message)
                let context = planner.context(envelope, recipient)
                var complaint: String
                do throws(StoreError) {
                    complaint = try await self.programs.run { () throws(StoreError) -> String in
                        try input.octets.withUnsafeBytes { (bytes) throws(StoreError) in
                            try runner.run(pipe.call, bytes, for: context).complaint
                        }
                    }
                } catch {
                    complaint = error.detail
                }
                guard !complaint.isEmpty else { continue }
                let user = recipient.account.identity.name
                planner.options.report("user \(user): sieve: pipe to \(pipe.call.program): \(complaint)")
                complaint = "\(pipe.origin): error: pipe to \"\(pipe.call.program)\": \(complaint)"
                if !pipe.call.mayFail {
                    plans[index].store(in: pipe.fallback)
                    complaint += "; the message was kept"
                }
                let line = complaint
                try? await self.store.threads.run { () throws(StoreError) in
                    planner.noteAsOwner([line], envelope, recipient)
                }
            }
        }
    }

    /// The messages that scripts have made, as they are stored and sent. Each action may have one of its own, so large
    /// ones are not held in memory.
    private func composed(
        _ edits: [SieveEditedMessage], _ original: MessageOctets
    ) async throws(StoreError) -> [IncomingMessage] {
        let bodyStart = original.withUnsafeBytes { bytes in
            var scanner = HeaderScanner(Octets(bytes))
            while scanner.next() != nil {}
            return min(scanner.bodyStart, bytes.count)
        }
        var messages: [IncomingMessage] = []
        for edit in edits {
            var spool = self.store.makeSpool()
            spool.convertsLineEnds = false
            edit.header.withUnsafeBytes { spool.take($0) }
            try await spool.drain()
            var position = edit.body == nil ? bodyStart : 0
            let end = edit.body?.count ?? original.count
            while position < end {
                let next = min(end, position + Self.piece)
                if let body = edit.body {
                    body.withUnsafeBytes { spool.take(UnsafeRawBufferPointer(rebasing: $0[position..<next])) }
                } else {
                    original.withUnsafeBytes { spool.take(UnsafeRawBufferPointer(rebasing: $0[position..<next])) }
                }
                position = next
                try await spool.drain()
            }
            messages.append(try await spool.finish())
        }
        return messages
    }

    /// Where implicit keep files a message.
    private func keepMailbox(_ recipient: DeliveryRecipient) -> MailboxName {
        if let mailbox = recipient.mailbox { return mailbox }
        guard self.options.savesToDetailMailbox, let detail = recipient.detail,
            let name = recipient.account.spelling.name(of: detail)
        else { return .inbox }
        return name
    }

    // MARK: Redirects

    private func redirect(
        _ message: IncomingMessage, _ envelope: DeliveryEnvelope, _ recipients: [DeliveryRecipient],
        _ plans: inout [DeliveryPlan]
    ) async {
        guard let redirector = self.redirector else { return }
        let failures = await withTaskGroup(of: (Int, StoreError?).self) { group in
            for (index, plan) in plans.enumerated() where !plan.redirects.isEmpty && plan.failure == nil {
                group.addTask {
                    (
                        index,
                        await redirector.send(
                            message, plan, for: recipients[index], sender: envelope.sender)
                    )
                }
            }
            var failures: [(Int, StoreError)] = []
            for await (index, failure) in group {
                if let failure { failures.append((index, failure)) }
            }
            return failures
        }
        for (index, failure) in failures { plans[index].failure = failure }
    }

    // MARK: Mailboxes

    /// Stores everything for everybody in one call, so in one commit with one body; then, in a second, in INBOX
    /// what found its mailbox missing.
    private func store(
        _ message: IncomingMessage, _ envelope: DeliveryEnvelope, _ recipients: [DeliveryRecipient],
        _ plans: [DeliveryPlan]
    ) async -> [DeliveryOutcome] {
        var tally = recipients.map { _ in RecipientTally() }
        var work: [Work] = []
        for (index, plan) in plans.enumerated() where plan.failure == nil && plan.rejection == nil {
            for place in plan.places {
                work.append(Work(recipient: index, place: place, message: plan.message(place.message, message)))
            }
        }
        for (item, result) in await self.deposit(envelope, recipients, work) {
            tally[item.recipient].take(item.place.mailbox, result)
        }
        let homeless = tally.indices.filter { !tally[$0].missing.isEmpty && !tally[$0].isInInbox }
        let fallback = homeless.map {
            Work(recipient: $0, place: DeliveryPlan.Place(mailbox: .inbox), message: message)
        }
        for (item, result) in await self.deposit(envelope, recipients, fallback) {
            tally[item.recipient].take(item.place.mailbox, result)
        }
        await self.noteMissing(envelope, recipients, tally)
        return zip(plans, tally).map { plan, tally in
            if let failure = plan.failure ?? tally.failure { return .failed(failure) }
            if let rejection = plan.rejection {
                // Nobody waits for the refusal of a bounce (RFC 5429 section 2.1).
                return envelope.sender.isEmpty ? .discarded : .rejected(rejection)
            }
            if !tally.stored.isEmpty { return .stored(tally.stored) }
            if !plan.redirects.isEmpty { return .redirected(plan.redirects.map(\.address)) }
            return plan.pipes.isEmpty ? .discarded : .piped(plan.pipes.map(\.call.program))
        }
    }

    /// One message for one mailbox of one recipient.
    private struct Work {
        var recipient: Int
        var place: DeliveryPlan.Place
        var message: IncomingMessage
    }

    private func deposit(
        _ envelope: DeliveryEnvelope, _ recipients: [DeliveryRecipient], _ work: [Work]
    ) async -> [(item: Work, result: Result<StoredMessage, StoreError>)] {
        guard !work.isEmpty else { return [] }
        let deposits = work.map { item in
            Deposit(
                message: item.message, account: recipients[item.recipient].account, mailbox: item.place.mailbox,
                flags: item.place.flags, keywords: item.place.keywords, internalDate: envelope.receivedAt,
                missingMailbox: self.options.createsMailboxes || item.place.creates ? .create : .fail,
                strictness: .delivery)
        }
        return zip(work, await self.store.deposit(deposits)).map { (item: $0, result: $1) }
    }

    /// Tells users whose scripts name mailboxes that do not exist.
    private func noteMissing(
        _ envelope: DeliveryEnvelope, _ recipients: [DeliveryRecipient], _ tally: [RecipientTally]
    ) async {
        guard let planner = self.planner else { return }
        for (recipient, tally) in zip(recipients, tally) {
            // The mailbox of an address detail is no matter of a script.
            let keep = self.keepMailbox(recipient)
            let lines = tally.missing.filter { $0 != keep }.map {
                "error: there is no mailbox \"\($0)\" that takes mail; INBOX was taken"
            }
            guard !lines.isEmpty else { continue }
            do throws(StoreError) {
                try await self.store.threads.run { () throws(StoreError) in
                    planner.noteAsOwner(lines, envelope, recipient)
                }
            } catch {
                // The mail is stored; for want of a note it is not failed.
                planner.options.report("user \(recipient.account.identity.name): sieve log: \(error)")
            }
        }
    }
}

/// What became of one recipient's deposits.
private struct RecipientTally {
    var stored: [(mailbox: MailboxName, message: StoredMessage)] = []
    /// Mailboxes that do not exist or take no mail.
    var missing: [MailboxName] = []
    var failure: StoreError?

    var isInInbox: Bool { self.stored.contains { $0.mailbox.isInbox } }

    mutating func take(_ mailbox: MailboxName, _ result: Result<StoredMessage, StoreError>) {
        switch result {
        case .success(let message): self.stored.append((mailbox, message))
        case .failure(let error):
            switch error.code {
            case .notFound, .cannot, .noPermission, .expunged:
                if mailbox.isInbox { self.failure = error } else { self.missing.append(mailbox) }
            case .alreadyExists, .overQuota, .tooBig, .limit, .inUse, .diskFull, .temporary, .damaged:
                self.failure = error
            }
        }
    }
}
