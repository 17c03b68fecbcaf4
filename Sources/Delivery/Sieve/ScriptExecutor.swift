import MailCore
import MailStore
import SieveCore

/// Makes a plan of what scripts decided: which mailboxes get the message, and what is sent and remembered.
///
/// Who runs scripts on a message that is in a mailbox already gets a plan too: the message stays there if
/// `keepMailbox` is among the places. Runs on a storage thread, for the memory may be on the disk.
struct ScriptExecutor: Sendable {
    let options: SieveOptions
    let memory: ScriptMemory

    /// - Parameter notes: gets what the user is to know.
    func plan(of sequence: SieveSequence, in situation: SieveSituation, _ notes: inout [String]) -> DeliveryPlan {
        var plan = DeliveryPlan()
        plan.memory = self.memory
        plan.edits = sequence.editedMessages
        plan.decisions = sequence.decisions
        var writer = ScriptMailWriter(
            options: self.options, memory: self.memory, situation: situation, edits: sequence.editedMessages)
        let isRefused = sequence.actions.contains { if case .reject = $0.kind { true } else { false } }
        for action in sequence.actions {
            switch action.kind {
            case .fileInto(let place):
                plan.store(in: self.place(place, action, situation, &notes))
            case .redirect(let address):
                self.redirect(action, address, situation, &writer, &plan, &notes)
            case .reject(let reason, let extended):
                plan.rejection = DeliveryPlan.Rejection(reason: reason, isExtended: extended)
            case .vacation(let vacation):
                // Nobody is answered who is refused, be it by two scripts (RFC 5429 section 2.4).
                if !isRefused, let reply = writer.reply(vacation, message: action.message) {
                    plan.mails.append(reply)
                    self.file(reply, vacation.copy, action, situation, &plan, &notes)
                }
            case .notify(let notification):
                let mails = writer.notifications(notification, message: action.message)
                plan.mails += mails
                if let mail = mails.first {
                    self.file(mail, notification.copy, action, situation, &plan, &notes)
                }
            case .report(let report): plan.mails.append(writer.report(report, message: action.message))
            case .pipe(let call):
                plan.pipes.append(
                    DeliveryPlan.Pipe(
                        call: call, message: action.message,
                        origin: Self.place(of: action),
                        fallback: DeliveryPlan.Place(mailbox: situation.keepMailbox, message: sequence.keepMessage)))
            case .keep, .discard: break
            }
        }
        if sequence.keeps || (!isRefused && Self.isLeftOver(plan, sequence)) {
            var place = DeliveryPlan.Place(mailbox: situation.keepMailbox, message: sequence.keepMessage)
            place.add(flags: sequence.flags)
            plan.store(in: place)
        }
        // What a script saw that then failed is to be seen again (RFC 7352 section 3).
        if sequence.error == nil { plan.remembered = self.memory.seen }
        if let rejection = plan.rejection {
            if situation.envelope.refusal == .mail || plan.delivers || self.needsMail(rejection) {
                plan.rejection = nil
                if let mail = writer.rejection(rejection) { plan.mails.append(mail) }
            } else {
                // It may come again, and was not delivered then.
                plan.remembered = []
            }
        }
        if !self.options.canSend, !plan.mails.isEmpty {
            notes.append("error: no mail can be sent from here: neither sendmail_path nor submission_host is set")
            plan.mails = []
        }
        if let failure = self.memory.failure {
            plan = DeliveryPlan(failure: failure)
            plan.memory = self.memory
        }
        return plan
    }

    /// Whether the message would be lost for a redirect that was left out: that cancels no keep, as in Pigeonhole,
    /// since another message may have the same Message-ID.
    private static func isLeftOver(_ plan: DeliveryPlan, _ sequence: SieveSequence) -> Bool {
        !plan.sentBefore.isEmpty && !sequence.discards && plan.redirects.isEmpty && plan.places.isEmpty
            && plan.pipes.isEmpty
    }

    /// Whether the words of a refusal get to the sender by mail only: those of `reject` are kept as they are, and an
    /// answer to the MTA is US-ASCII (RFC 5429 section 2.2).
    private func needsMail(_ rejection: DeliveryPlan.Rejection) -> Bool {
        !rejection.isExtended && self.options.canSend && !rejection.reason.utf8.allSatisfy { $0 < 0x80 }
    }

    private func redirect(
        _ action: SieveAction, _ address: String, _ situation: SieveSituation, _ writer: inout ScriptMailWriter,
        _ plan: inout DeliveryPlan, _ notes: inout [String]
    ) {
        if let loop = RedirectLoop(situation, to: address) {
            notes.append(
                Self.note(action, "the message to \(address) runs in a circle (\(loop.rawValue)); it was kept"))
            plan.store(in: DeliveryPlan.Place(mailbox: situation.keepMailbox))
            return
        }
        if plan.redirects.contains(address) || plan.sentBefore.contains(address) { return }
        guard let mail = writer.redirect(to: address, message: action.message) else {
            // This may be another message of the same Message-ID: the user is to know.
            let text = DeliveryOutcome.text(ofSentBefore: [address])
            plan.sentBefore.append(address)
            plan.decisions.append(text)
            notes.append("\(Self.place(of: action)): info: \(text)")
            return
        }
        plan.redirects.append(address)
        plan.mails.append(mail)
    }

    /// Where a fileinto leads; INBOX for a name that no mailbox can have.
    private func place(
        _ wanted: SieveFileInto, _ action: SieveAction, _ situation: SieveSituation, _ notes: inout [String]
    ) -> DeliveryPlan.Place {
        var place = DeliveryPlan.Place(mailbox: .inbox, creates: wanted.creates, message: action.message)
        place.add(flags: wanted.flags)
        if let id = wanted.mailboxID, let name = situation.mailboxes?.mailbox(ofID: id) {
            place.mailbox = name
        } else if let use = wanted.specialUse, let name = situation.mailboxes?.mailbox(ofUse: use) {
            place.mailbox = name
        } else if let name = situation.recipient.account.spelling.name(of: wanted.mailbox) {
            place.mailbox = name
        } else {
            notes.append(
                Self.note(action, "\"\(wanted.mailbox)\" cannot be the name of a mailbox here; INBOX was taken"))
        }
        return place
    }

    /// Files the copy of what is sent that `:fcc` asks for (RFC 8580).
    private func file(
        _ mail: DeliveryPlan.Mail, _ wanted: SieveFileInto?, _ action: SieveAction, _ situation: SieveSituation,
        _ plan: inout DeliveryPlan, _ notes: inout [String]
    ) {
        guard let wanted, let message = mail.made else { return }
        plan.copies.append(
            DeliveryPlan.Copy(place: self.place(wanted, action, situation, &notes), message: message))
    }

    static func note(_ action: SieveAction, _ text: String) -> String { "\(self.place(of: action)): error: \(text)" }

    private static func place(of action: SieveAction) -> String {
        "\(action.script): line \(action.position.line), column \(action.position.column)"
    }
}
