public import MailCore

/// Something that happened to mail, for who asks later where it is.
public struct TraceEvent: Sendable, Hashable {
    /// Whose doing it was.
    public struct Actor: Sendable, Hashable {
        public var service: String
        public var session: String
        public var address: String
        public var client: String

        public init(service: String = "", session: String = "", address: String = "", client: String = "") {
            self.service = service
            self.session = session
            self.address = address
            self.client = client
        }

        /// Of the task that runs; `nil` when nobody is to be noted.
        package static var current: Actor? { MailActor.current?.snapshot }
    }

    /// Messages in a mailbox.
    public struct Place: Sendable, Hashable {
        /// The account.
        public var user: String
        /// The mailbox's GUID, which it keeps when it is renamed; of one that is gone, something else that no other has.
        public var mailboxID: String
        /// The account's own name of it at that time.
        public var mailbox: String
        public var uids: UIDSet

        public init(user: String, mailboxID: String, mailbox: String, uids: UIDSet) {
            self.user = user
            self.mailboxID = mailboxID
            self.mailbox = mailbox
            self.uids = uids
        }
    }

    public enum What: Sendable, Hashable {
        /// A message came for the user; where it went.
        case delivered(DeliveryTrace, [Place])
        /// A client or program put a message into a mailbox.
        case appended(Place, messageID: String)
        /// The UIDs of both places correspond in ascending order.
        case copied(Place, to: Place)
        case moved(Place, to: Place)
        /// `change` is as STORE has it: `+\Seen`.
        case flagged(Place, change: String)
        case expunged(Place)
    }

    /// Seconds since 1970.
    public var time: Int64
    /// The account.
    public var user: String
    public var actor: Actor
    public var what: What

    public init(time: Int64, user: String, actor: Actor, what: What) {
        self.time = time
        self.user = user
        self.actor = actor
        self.what = what
    }
}

/// What a delivery was and why it ended as it did, for one user.
public struct DeliveryTrace: Sendable, Hashable {
    public enum Outcome: UInt8, Sendable, CaseIterable {
        case stored = 1
        case redirected = 2
        case discarded = 3
        case rejected = 4
        case failed = 5
    }

    public var actor: TraceEvent.Actor
    /// MAIL FROM without brackets; empty for `<>`.
    public var sender: String
    /// RCPT TO.
    public var recipient: String
    /// Without angle brackets; may be empty.
    public var messageID: String
    /// Of the MTA; may be empty.
    public var queueID: String
    /// What scripts decided and where in them: `main:3: fileinto "Work"`. Empty when there was none.
    public var decisions: [String] = []
    public var outcome = Outcome.stored
    /// The reason of a refusal or failure.
    public var detail = ""

    public init(
        actor: TraceEvent.Actor, sender: String, recipient: String, messageID: String, queueID: String
    ) {
        self.actor = actor
        self.sender = sender
        self.recipient = recipient
        self.messageID = messageID
        self.queueID = queueID
    }
}

/// Which events are wanted; those that fit all that is asked for.
public struct TraceQuery: Sendable {
    /// Of these accounts; `nil`: of all.
    public var users: Set<String>?
    /// Only those that hold these octets somewhere, such as a Message-ID.
    public var containing: [UInt8] = []

    public init(users: Set<String>? = nil, containing: [UInt8] = []) {
        self.users = users
        self.containing = containing
    }
}

/// A delivery that is to be noted, for the user whose it is.
public struct TracedDelivery: Sendable {
    public var account: any MailAccount
    public var delivery: DeliveryTrace

    public init(account: any MailAccount, delivery: DeliveryTrace) {
        self.account = account
        self.delivery = delivery
    }
}
