import MIMECore
import MailCore
import MailStore
import SieveCore

/// Makes a plan of what scripts decided: which mailboxes get the message, and what is sent and remembered.
///
/// Who runs scripts on a message that is in a mailbox already gets a plan too: the message stays there if
/// `keepMailbox` is among the places.
struct ScriptExecutor: Sendable {
    let options: SieveOptions

    /// Received fields from which on a message is not sent further.
    private static let maximumReceived = 50

    /// - Parameter notes: gets what the user is to know.
    func plan(of sequence: SieveSequence, in situation: SieveSituation, _ notes: inout [String]) -> DeliveryPlan {
        var plan = DeliveryPlan()
        plan.edits = sequence.editedMessages
        for action in sequence.actions {
            switch action.kind {
            case .fileInto(let place):
                plan.store(in: self.place(place, action, situation, &notes))
            case .redirect(let address):
                if Self.isLoop(situation) {
                    notes.append(Self.note(action, "the message to \(address) runs in a circle; it was kept"))
                    plan.store(in: DeliveryPlan.Place(mailbox: situation.keepMailbox))
                } else {
                    plan.redirect(to: address, message: action.message)
                }
            case .reject(let reason, _): plan.rejection = reason
            case .pipe(let call):
                plan.pipes.append(
                    DeliveryPlan.Pipe(
                        call: call, message: action.message,
                        origin: "\(action.script): line \(action.position.line), column \(action.position.column)",
                        fallback: DeliveryPlan.Place(mailbox: situation.keepMailbox, message: sequence.keepMessage)))
            // Scripts that require these are refused by the compiler as long as the registry lacks them.
            case .keep, .discard, .vacation, .notify, .report: break
            }
        }
        if sequence.keeps {
            var place = DeliveryPlan.Place(mailbox: situation.keepMailbox, message: sequence.keepMessage)
            place.add(flags: sequence.flags)
            plan.store(in: place)
        }
        return plan
    }

    /// Where a fileinto leads; INBOX for a name that no mailbox can have.
    private func place(
        _ wanted: SieveFileInto, _ action: SieveAction, _ situation: SieveSituation, _ notes: inout [String]
    ) -> DeliveryPlan.Place {
        var place = DeliveryPlan.Place(mailbox: .inbox, creates: wanted.creates, message: action.message)
        place.add(flags: wanted.flags)
        if let use = wanted.specialUse, let name = situation.mailboxes?.mailbox(ofUse: use) {
            place.mailbox = name
        } else if let name = situation.recipient.account.spelling.name(of: wanted.mailbox) {
            place.mailbox = name
        } else {
            notes.append(
                Self.note(action, "\"\(wanted.mailbox)\" cannot be the name of a mailbox here; INBOX was taken"))
        }
        return place
    }

    static func note(_ action: SieveAction, _ text: String) -> String {
        "\(action.script): line \(action.position.line), column \(action.position.column): error: \(text)"
    }

    /// Whether this user's scripts sent the message on before, or it has been through too many hands
    /// (RFC 5228 section 4.2).
    private static func isLoop(_ situation: SieveSituation) -> Bool {
        let octets = Octets(situation.octets)
        var received = 0
        for field in HeaderScanner(octets) {
            let name = octets[field.name]
            if name.equals(lowercase: "received") {
                received += 1
                if received > Self.maximumReceived { return true }
            } else if name.equals(lowercase: "x-sieve-redirected-from"),
                ASCII.equalsIgnoringCase(
                    HeaderBody.unfolded(octets[field.body]), situation.recipient.address.utf8)
            {
                return true
            }
        }
        return false
    }
}
