import MailCore
import MailStore
import SieveCore

/// From plans to the store.
extension DeliveryAgent {
    /// One message for one mailbox of one recipient.
    private struct Work {
        var mailbox: MailboxName
        /// `false`: a copy of something sent, for which no mail is failed.
        var isMessage = true
        var deposit: Deposit
    }

    /// Stores everything for everybody in one call, so in one commit with one body, with what is sent and remembered;
    /// then, in a second, in INBOX what found its mailbox missing.
    func store(
        _ message: IncomingMessage, _ envelope: DeliveryEnvelope, _ recipients: [DeliveryRecipient],
        _ plans: [DeliveryPlan]
    ) async -> [DeliveryOutcome] {
        var tally = recipients.map { _ in RecipientTally() }
        // Of a message that is refused nothing is stored, but somebody may be told of it.
        let doing = plans.indices.filter { plans[$0].failure == nil }
        let first = doing.map { index in
            (
                recipient: index,
                work: plans[index].places.map {
                    self.work($0, plans[index].message($0.message, message), recipients[index], envelope)
                }
                    + plans[index].copies.map {
                        var work = self.work($0.place, $0.message, recipients[index], envelope)
                        work.isMessage = false
                        return work
                    }
            )
        }
        let effects = plans.indices.map { plans[$0].effects(message, recipients[$0].account) }
        let traces = plans.indices.map { self.trace(plans[$0], envelope, recipients[$0]) }
        await self.deliver(first, effects, traces, &tally, isLast: false)
        // Whose mailbox is missing has the message in INBOX, and only now what goes with it.
        let second = doing.filter { tally[$0].failure == nil && !tally[$0].isComplete }.map { index in
            var work: [Work] = []
            if tally[index].isHomeless {
                work = [
                    self.work(DeliveryPlan.Place(mailbox: .inbox), message, recipients[index], envelope)
                ]
            }
            return (recipient: index, work: work)
        }
        let laterTraces = traces.indices.map { index in
            let isToldAlready = !tally[index].stored.isEmpty && !tally[index].isHomeless
            return isToldAlready ? nil : traces[index]?.taking(.inbox, for: tally[index].missing)
        }
        await self.deliver(second, effects, laterTraces, &tally, isLast: true)
        await self.noteMissing(envelope, recipients, tally)
        let outcomes = self.outcomes(plans, tally, envelope)
        for index in plans.indices where tally[index].stored.isEmpty {
            // What is sent has been noted with it.
            if tally[index].failure == nil, doing.contains(index), !effects[index].isEmpty { continue }
            if let trace = traces[index]?.ended(outcomes[index]) { await self.store.note(trace) }
        }
        return outcomes
    }

    private func outcomes(
        _ plans: [DeliveryPlan], _ tally: [RecipientTally], _ envelope: DeliveryEnvelope
    ) -> [DeliveryOutcome] {
        zip(plans, tally).map { plan, tally in
            if let failure = plan.failure ?? tally.failure { return .failed(failure) }
            if let rejection = plan.rejection {
                // Nobody waits for the refusal of a bounce (RFC 5429 section 2.1).
                return envelope.sender.isEmpty ? .discarded : .rejected(rejection.reason)
            }
            if !tally.stored.isEmpty { return .stored(tally.stored) }
            if !plan.redirects.isEmpty { return .redirected(plan.redirects) }
            if !plan.pipes.isEmpty { return .piped(plan.pipes.map(\.call.program)) }
            return plan.sentBefore.isEmpty ? .discarded : .sentBefore(plan.sentBefore)
        }
    }

    private func work(
        _ place: DeliveryPlan.Place, _ message: IncomingMessage, _ recipient: DeliveryRecipient,
        _ envelope: DeliveryEnvelope
    ) -> Work {
        Work(
            mailbox: place.mailbox,
            deposit: Deposit(
                message: message, account: recipient.account, mailbox: place.mailbox,
                flags: place.flags, keywords: place.keywords, internalDate: envelope.receivedAt,
                missingMailbox: self.keep.createsMailboxes || place.creates ? .create : .fail,
                strictness: .delivery))
    }

    private func deliver(
        _ parts: [(recipient: Int, work: [Work])], _ effects: [DeliveryEffects], _ traces: [TracedDelivery?],
        _ tally: inout [RecipientTally], isLast: Bool
    ) async {
        let parts = parts.filter { !$0.work.isEmpty || !effects[$0.recipient].isEmpty }
        guard !parts.isEmpty else { return }
        let results = await self.store.deliver(
            parts.map { part in
                var parcel = Parcel(deposits: part.work.map(\.deposit), effects: effects[part.recipient])
                parcel.trace = traces[part.recipient]
                return parcel
            })
        for (part, result) in zip(parts, results) {
            for (work, deposit) in zip(part.work, result.deposits) {
                tally[part.recipient].take(work.mailbox, deposit, isMessage: work.isMessage)
            }
            tally[part.recipient].take(result.effects, isLast: isLast)
        }
    }

    /// Tells users whose scripts name mailboxes that do not exist.
    private func noteMissing(
        _ envelope: DeliveryEnvelope, _ recipients: [DeliveryRecipient], _ tally: [RecipientTally]
    ) async {
        guard let planner = self.planner else { return }
        for (recipient, tally) in zip(recipients, tally) {
            // The mailbox of an address detail is no matter of a script.
            let keep = self.keepMailbox(recipient)
            let lines =
                tally.missing.filter { $0 != keep }.map {
                    "error: there is no mailbox \"\($0)\" that takes mail; INBOX was taken"
                }
                + tally.lostCopies.map { "error: no copy of what was sent could be put into \"\($0)\"" }
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

/// What became of one recipient's parcel.
private struct RecipientTally {
    var stored: [(mailbox: MailboxName, message: StoredMessage)] = []
    /// Mailboxes that do not exist or take no mail.
    var missing: [MailboxName] = []
    /// Mailboxes that got no copy of what was sent.
    var lostCopies: [MailboxName] = []
    var areEffectsDone = false
    var failure: StoreError?

    /// Whether INBOX is to have what found its mailbox missing.
    var isHomeless: Bool { !self.missing.isEmpty && !self.stored.contains { $0.mailbox.isInbox } }

    var isComplete: Bool { self.areEffectsDone && !self.isHomeless }

    mutating func take(_ mailbox: MailboxName, _ result: Result<StoredMessage, StoreError>, isMessage: Bool) {
        switch result {
        case .success(let message): if isMessage { self.stored.append((mailbox, message)) }
        case .failure(let error):
            guard isMessage else {
                self.lostCopies.append(mailbox)
                return
            }
            if error.leadsToInbox, !mailbox.isInbox {
                self.missing.append(mailbox)
            } else {
                self.failure = error
            }
        }
    }

    mutating func take(_ effects: Result<Void, StoreError>, isLast: Bool) {
        switch effects {
        case .success: self.areEffectsDone = true
        case .failure(let error):
            // Where a mailbox is missing it is tried once more, without that.
            if isLast || self.missing.isEmpty && self.lostCopies.isEmpty { self.failure = self.failure ?? error }
        }
    }
}
