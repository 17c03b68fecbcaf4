import MailCore
import MailStore
import SieveCore

/// Writes the mails that scripts send. What must not go out twice takes its key in the user's memory; without it there
/// is no mail.
struct ScriptMailWriter {
    let options: SieveOptions
    let memory: ScriptMemory
    let situation: SieveSituation
    /// The forms of the message that scripts have made.
    let edits: [SieveEditedMessage]
    /// What the message is known by, once that was asked for: it may take a look at all of it.
    private var knownIdentity: [UInt8]?

    init(options: SieveOptions, memory: ScriptMemory, situation: SieveSituation, edits: [SieveEditedMessage]) {
        self.options = options
        self.memory = memory
        self.situation = situation
        self.edits = edits
    }

    private var environment: SieveEnvironment { self.situation.environment }

    private mutating func identity() -> [UInt8] {
        if let known = self.knownIdentity { return known }
        let identity = MessageIdentity.octets(of: self.situation.octets, behind: self.situation.envelope.ownOctets)
        self.knownIdentity = identity
        return identity
    }

    /// The message in the form of that number, as `DeliveryPlan.Place.message`: what looks at its header sees it as the
    /// script had made it by then (RFC 5293 section 7).
    private func message(_ number: Int) -> SieveMessage {
        guard number > 0, number <= self.edits.count else { return self.situation.message }
        return self.situation.message.edited(self.edits[number - 1])
    }

    /// The message, sent on. `nil` when it was before.
    mutating func redirect(to address: String, message: Int) -> DeliveryPlan.Mail? {
        var mail = DeliveryPlan.Mail(
            purpose: .redirect, sender: self.redirectSender, recipient: address, message: message)
        let user = self.environment.recipient?.quoted ?? self.situation.recipient.address
        mail.prefix = Array("X-Sieve-Redirected-From: \(user)\r\n".utf8)
        let period = self.options.redirectDuplicatePeriod.components.seconds
        if period > 0 {
            // Who is reached under two addresses has two copies.
            let reached = (self.environment.originalRecipient ?? self.environment.recipient)?.quoted ?? ""
            let parts = [self.identity(), Array(reached.utf8), Array(address.utf8)]
            guard let remembrance = self.memory.claim(.redirect, parts, for: period) else { return nil }
            mail.remembrance = remembrance
        }
        return mail
    }

    private var redirectSender: String {
        if self.situation.ownerSends { return self.environment.recipient?.quoted ?? "" }
        return self.environment.redirectSender ?? ""
    }

    /// The reply to a message (RFC 5230); `nil` where none is due.
    func reply(_ vacation: SieveVacation, message: Int) -> DeliveryPlan.Mail? {
        let message = self.message(message)
        let reply: VacationReply
        do throws(VacationReply.Refusal) {
            reply = try VacationReply(vacation, to: message, self.environment)
        } catch {
            return nil
        }
        var remembrance: Remembrance?
        if vacation.seconds > 0 {
            let recipient = Array(reply.recipient.quoted.lowercased().utf8)
            remembrance = self.memory.claim(.vacation, [vacation.handle, recipient], for: vacation.seconds)
            guard remembrance != nil else { return nil }
        }
        var mail = self.mail(.vacation, reply.mail(for: message, self.environment, self.context)).first
        mail?.remembrance = remembrance
        return mail
    }

    /// One for each recipient.
    func notifications(_ notification: SieveNotification, message: Int) -> [DeliveryPlan.Mail] {
        let message = self.message(message)
        guard let mail = notification.mail(for: message, self.environment, self.context) else { return [] }
        return self.mail(.notification, mail)
    }

    func report(_ report: SieveAbuseReport, message: Int) -> DeliveryPlan.Mail {
        let mail = report.mail(for: self.message(message), self.environment, self.context)
        return DeliveryPlan.Mail(
            purpose: .report, sender: mail.sender ?? "", recipient: report.address,
            made: IncomingMessage(MessageOctets(mail.octets)))
    }

    /// A refusal where the MTA cannot be told; `nil` when there is nobody to tell.
    func rejection(_ rejection: DeliveryPlan.Rejection) -> DeliveryPlan.Mail? {
        RejectionMail.make(
            rejection.isExtended ? .deliveryStatus : .disposition, reason: rejection.reason,
            for: self.situation.message, self.environment, self.context
        ).flatMap { self.mail(.rejection, $0).first }
    }

    private func mail(_ purpose: OutgoingMessage.Purpose, _ mail: OutgoingMail) -> [DeliveryPlan.Mail] {
        let message = IncomingMessage(MessageOctets(mail.octets))
        return mail.recipients.map {
            DeliveryPlan.Mail(purpose: purpose, sender: mail.sender ?? "", recipient: $0, made: message)
        }
    }

    private var context: SendingContext {
        let unique = UInt64.random(in: .min ... .max)
        return SendingContext(
            now: self.environment.now, unique: "sieve.\(self.situation.envelope.receivedAt).\(unique)",
            hostname: self.options.hostname ?? "localhost")
    }
}
