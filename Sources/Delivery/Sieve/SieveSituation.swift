import MIMECore
import MailCore
import MailStore
import SieveCore

/// What scripts run on: a message, and the user whose scripts they are. At delivery the message is new; scripts may
/// as well run on one that lies in a mailbox already.
///
/// Valid as long as `octets`.
struct SieveSituation {
    var octets: UnsafeRawBufferPointer
    /// The same as scripts see it.
    var message: SieveMessage
    var envelope: DeliveryEnvelope
    var recipient: DeliveryRecipient
    /// Where keep files the message; of one that is in a mailbox, that.
    var keepMailbox: MailboxName
    /// The user's mailboxes, where they were asked for.
    var mailboxes: MailboxDirectory?
    var environment: SieveEnvironment
    /// Of a message that is in a mailbox: what is sent on comes from the mailbox's owner (RFC 6785 section 3.4).
    var ownerSends = false
}
