public import MailCore
public import MailStore

/// What the MTA said of a message, beside its octets.
public struct DeliveryEnvelope: Sendable {
    /// MAIL FROM without brackets; empty for `<>`.
    public var sender: String
    /// When the message came in, seconds since 1970.
    public var receivedAt: Int64
    /// The name that tells this delivery apart in logs.
    public var session: String
    /// What is noted of the delivery, but for what becomes of it; `nil`: nothing is.
    public var trace: DeliveryTrace?

    /// How a message is refused.
    public enum Refusal: Sendable {
        /// As the outcome, for the MTA to tell the sender.
        case answer
        /// By a mail to the sender.
        case mail
    }

    /// Where a script does more than refuse, a mail is sent whatever this says.
    public var refusal: Refusal

    /// Octets at the beginning of the message that were put there when it came in: other ones, when the MTA brings it
    /// again.
    public var ownOctets = 0

    public init(sender: String, receivedAt: Int64, session: String, refusal: Refusal = .answer) {
        self.sender = sender
        self.receivedAt = receivedAt
        self.session = session
        self.refusal = refusal
    }
}

/// One user to whom a message goes.
public struct DeliveryRecipient: Sendable {
    public var account: any MailAccount
    /// The user's home directory, where Sieve scripts are; `nil`: none.
    public var home: String?
    /// RCPT TO as it came, `user+detail@domain`.
    public var address: String
    /// What stands after the recipient delimiter.
    public var detail: String?
    /// Where the message goes unless a script says otherwise; `nil`: as the settings say.
    public var mailbox: MailboxName?
    /// The recipient as the sender wrote it (ORCPT), where that is known.
    public var originalAddress: String?

    public init(
        account: any MailAccount, home: String?, address: String, detail: String?, originalAddress: String? = nil
    ) {
        self.account = account
        self.home = home
        self.address = address
        self.detail = detail
        self.originalAddress = originalAddress
    }
}

/// What became of a message for one recipient.
public enum DeliveryOutcome: Sendable {
    /// Stored, durable. At least one place.
    case stored([(mailbox: MailboxName, message: StoredMessage)])
    /// Sent on to these addresses and kept nowhere.
    case redirected([String])
    /// Discarded, and not sent on to these addresses either, for an earlier delivery has done that.
    case sentBefore([String])
    /// Given to these programs and kept nowhere.
    case piped([String])
    /// The user's script discarded it.
    case discarded
    /// The user's script refused it, with this reason for the sender.
    case rejected(String)
    /// Not delivered; the MTA keeps it or gives up by the code.
    case failed(StoreError)
}

extension DeliveryOutcome {
    /// For logs: why the message was not sent on to these addresses.
    public static func text(ofSentBefore addresses: [String]) -> String {
        let list = addresses.joined(separator: ", ")
        return "redirect to \(list) left out: sent before within sieve_redirect_duplicate_period"
    }
}
