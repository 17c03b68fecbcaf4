import MailCore
import MailStore
import SieveCore

/// What is to be done with a message for one recipient.
struct DeliveryPlan: Sendable {
    /// A mailbox that the message goes into.
    struct Place: Sendable {
        var mailbox: MailboxName
        var flags: MessageFlags = []
        var keywords: [Keyword] = []
        /// A missing mailbox is made.
        var creates = false
        /// Which form of the message: 0 the original, else the number in `editedMessages`, from 1.
        var message = 0
    }

    /// A program that the message is given to (vnd.dovecot.pipe).
    struct Pipe: Sendable {
        var call: SieveProgramCall
        /// As `Place.message`.
        var message = 0
        /// The script and the line that asks for it.
        var origin: String
        /// Where the message goes when the program fails.
        var fallback: Place
    }

    /// A mail that is sent.
    struct Mail: Sendable {
        var purpose: OutgoingMessage.Purpose
        /// Empty: the null sender.
        var sender: String
        var recipient: String
        /// Fields before the message.
        var prefix: [UInt8] = []
        /// What is sent: as `Place.message`, or a message that was made.
        var message = 0
        var made: IncomingMessage?
        /// What is remembered with it.
        var remembrance: Remembrance?
    }

    /// Why the message is refused (RFC 5429).
    struct Rejection: Sendable {
        /// For the sender.
        var reason: String
        /// By `ereject`.
        var isExtended: Bool
    }

    /// A mail that was made, filed (RFC 8580).
    struct Copy: Sendable {
        var place: Place
        var message: IncomingMessage
    }

    /// Where it is stored, each once.
    private(set) var places: [Place] = []
    /// The addresses to which scripts redirect, each once.
    var redirects: [String] = []
    /// Those that an earlier delivery sent the message to, so that it is not sent again.
    var sentBefore: [String] = []
    var pipes: [Pipe] = []
    var mails: [Mail] = []
    var copies: [Copy] = []
    /// What scripts have seen.
    var remembered: [Remembrance] = []
    /// Holds what the plan remembers; `nil` where nothing is held.
    var memory: ScriptMemory?
    /// What scripts have made of the message, until it is put together in `editedMessages`.
    var edits: [SieveEditedMessage] = []
    /// The forms of the message that scripts have made.
    var editedMessages: [IncomingMessage] = []
    /// What scripts decided, and where in them.
    var decisions: [String] = []
    /// The refusal of the message. With it nothing is stored and nothing sent on.
    var rejection: Rejection?
    /// Why nothing of it is done.
    var failure: StoreError?

    /// Whether the message goes somewhere, so that the answer to the MTA cannot be that it was refused. That somebody
    /// is told of it is no delivery.
    var delivers: Bool {
        !self.places.isEmpty || !self.pipes.isEmpty || !self.redirects.isEmpty || !self.sentBefore.isEmpty
    }

    init() {}

    init(storing mailbox: MailboxName) { self.places = [Place(mailbox: mailbox)] }

    init(failure: StoreError) { self.failure = failure }

    /// Delivering to a mailbox twice is once (RFC 5228 section 2.10.3), with the flags of both.
    mutating func store(in place: Place) {
        guard let known = self.places.firstIndex(where: { $0.mailbox == place.mailbox }) else {
            self.places.append(place)
            return
        }
        self.places[known].flags.formUnion(place.flags)
        self.places[known].keywords += place.keywords.filter { !self.places[known].keywords.contains($0) }
        self.places[known].creates = self.places[known].creates || place.creates
    }

    /// The form of that number.
    func message(_ number: Int, _ original: IncomingMessage) -> IncomingMessage {
        number > 0 && number <= self.editedMessages.count ? self.editedMessages[number - 1] : original
    }

    /// What the plan does beside storing, for an account.
    func effects(_ original: IncomingMessage, _ account: any MailAccount) -> DeliveryEffects {
        var effects = DeliveryEffects()
        effects.outgoing = self.mails.map { mail in
            OutgoingMessage(
                purpose: mail.purpose, account: account, sender: mail.sender, recipient: mail.recipient,
                prefix: mail.prefix, message: mail.made ?? self.message(mail.message, original))
        }
        effects.remembered = self.remembered + self.mails.compactMap(\.remembrance)
        return effects
    }
}

extension DeliveryPlan.Place {
    /// Takes flags as scripts name them: system flags and keywords; others are passed over.
    mutating func add(flags names: [String]) {
        for name in names {
            switch name.lowercased() {
            case "\\answered": self.flags.insert(.answered)
            case "\\flagged": self.flags.insert(.flagged)
            case "\\deleted": self.flags.insert(.deleted)
            case "\\seen": self.flags.insert(.seen)
            case "\\draft": self.flags.insert(.draft)
            default: if let keyword = Keyword(name), !self.keywords.contains(keyword) { self.keywords.append(keyword) }
            }
        }
    }
}
