import MailCore
import MailStore

/// What is noted of deliveries, for `martlet why`.
extension DeliveryAgent {
    /// What a plan comes to when all of it succeeds; `nil`: nothing is noted.
    func trace(
        _ plan: DeliveryPlan, _ envelope: DeliveryEnvelope, _ recipient: DeliveryRecipient
    ) -> TracedDelivery? {
        guard var delivery = envelope.trace else { return nil }
        delivery.sender = envelope.sender
        delivery.recipient = recipient.address
        delivery.decisions = plan.decisions
        if plan.places.isEmpty {
            if let rejection = plan.rejection, !envelope.sender.isEmpty {
                delivery.outcome = .rejected
                delivery.detail = rejection.reason
            } else if plan.mails.contains(where: { $0.purpose == .rejection }) {
                delivery.outcome = .rejected
                delivery.detail = "the sender was told by mail"
            } else if !plan.redirects.isEmpty {
                delivery.outcome = .redirected
                delivery.detail = plan.redirects.joined(separator: ", ")
            } else {
                delivery.outcome = .discarded
                if !plan.sentBefore.isEmpty {
                    delivery.detail = DeliveryOutcome.text(ofSentBefore: plan.sentBefore)
                }
            }
        }
        return TracedDelivery(account: recipient.account, delivery: delivery)
    }
}

extension TracedDelivery {
    /// The same, the message being in one mailbox for want of others.
    func taking(_ mailbox: MailboxName, for missing: [MailboxName]) -> TracedDelivery {
        var trace = self
        if trace.delivery.outcome == .stored {
            trace.delivery.decisions += missing.map {
                "there is no mailbox \"\($0)\" that takes mail: \(mailbox) was taken"
            }
        }
        return trace
    }

    /// The same, ended otherwise than by being stored; `nil` for what was stored, which is noted with it.
    func ended(_ outcome: DeliveryOutcome) -> TracedDelivery? {
        var trace = self
        switch outcome {
        case .stored: return nil
        case .redirected(let addresses):
            trace.delivery.outcome = .redirected
            trace.delivery.detail = addresses.joined(separator: ", ")
        case .piped(let programs):
            trace.delivery.outcome = .redirected
            trace.delivery.detail = "to the program \(programs.joined(separator: ", "))"
        case .sentBefore(let addresses):
            trace.delivery.outcome = .discarded
            trace.delivery.detail = DeliveryOutcome.text(ofSentBefore: addresses)
        case .discarded: trace.delivery.outcome = .discarded
        case .rejected(let reason):
            trace.delivery.outcome = .rejected
            trace.delivery.detail = reason
        case .failed(let error):
            trace.delivery.outcome = .failed
            trace.delivery.detail = "\(error)"
        }
        return trace
    }
}
