import MailCore
import MailStore

/// What is to be done with a message for one recipient.
struct DeliveryPlan: Sendable {
    /// Where it is stored, each once.
    private(set) var mailboxes: [MailboxName] = []
    /// Where it is sent on to.
    var redirects: [String] = []
    /// Why nothing of it is done.
    var failure: StoreError?

    init() {}

    init(storing mailbox: MailboxName) { self.mailboxes = [mailbox] }

    init(failure: StoreError) { self.failure = failure }

    /// Delivering to a mailbox twice is once (RFC 5228 section 2.10.3).
    mutating func store(in mailbox: MailboxName) {
        if !self.mailboxes.contains(mailbox) { self.mailboxes.append(mailbox) }
    }
}
