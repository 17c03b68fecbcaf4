import MIMECore
import MailCore

/// Who is answered, and how (RFC 5230 section 4, RFC 3834).
public struct VacationReply: Sendable {
    /// Why there is no reply.
    public enum Refusal: String, Error, Sendable {
        case nullSender = "the sender is the null sender"
        case automaticSender = "the sender's address is one of a program"
        case ownAddress = "the sender is the user"
        case mailingList = "the message comes from a mailing list"
        case bulk = "the message is bulk mail"
        case automatic = "the message was made by a program"
        case suppressed = "the sender asks for no automatic reply"
        case notAddressed = "the message is not addressed to the user"
    }

    public var vacation: SieveVacation
    /// Where the reply goes.
    public var recipient: SieveAddress
    /// The user's address that the message was sent to.
    public var user: SieveAddress

    /// Decides whether the message is to be answered. Whether the sender was answered before is for the caller to know.
    public init(
        _ vacation: SieveVacation, to message: SieveMessage, _ environment: SieveEnvironment
    ) throws(Refusal) {
        let policy = environment.policy.vacation
        guard let sender = environment.sender, sender.domain != nil else { throw .nullSender }
        self.vacation = vacation
        self.recipient = sender
        try Self.checkSender(sender)
        var own: [SieveAddress] = []
        if let recipient = environment.recipient { own.append(recipient) }
        if policy.usesOriginalRecipient, let original = environment.originalRecipient { own.append(original) }
        if let email = environment.policy.userEmail, let address = SieveAddress(quoted: email) { own.append(address) }
        own += vacation.addresses.compactMap { SieveAddress(quoted: $0) }
        self.user = environment.recipient ?? own.first ?? SieveAddress(localPart: [], domain: nil)
        guard !own.contains(where: { $0.isSame(as: sender) }) else { throw .ownAddress }
        try Self.checkHeader(message)
        if policy.checksRecipient {
            guard let addressed = Self.addressed(own, message) else { throw .notAddressed }
            self.user = addressed
        }
    }

    private static func checkSender(_ sender: SieveAddress) throws(Refusal) {
        let local = String(decoding: sender.localPart, as: UTF8.self).lowercased()
        if ["mailer-daemon", "listserv", "majordomo"].contains(local) || local.hasPrefix("owner-")
            || local.hasSuffix("-request") || local.hasSuffix("-owner") || local.hasSuffix("-bounces")
        {
            throw .automaticSender
        }
    }

    private static func checkHeader(_ message: SieveMessage) throws(Refusal) {
        for field in message.fields {
            let name = String(decoding: message.header[field.name].buffer.map(ASCII.lowercased), as: UTF8.self)
            func value() -> String {
                String(decoding: HeaderBody.unfolded(message.header[field.body][0..<200]), as: UTF8.self).lowercased()
            }
            switch name {
            case "list-id", "list-owner", "list-subscribe", "list-post", "list-unsubscribe", "list-archive",
                "list-help":
                throw .mailingList
            case "auto-submitted":
                if AutoSubmitted.isAutomatic(message.header[field.body]) { throw .automatic }
            case "precedence":
                if ["bulk", "junk", "list"].contains(value()) { throw .bulk }
            case "x-auto-response-suppress":
                let words = value().split { $0 == "," || $0 == ";" || $0 == " " }
                if words.contains("all") || words.contains("oof") { throw .suppressed }
            case "x-autorespond", "x-autoreply": throw .automatic
            case "x-spam-flag": if value().hasPrefix("yes") { throw .bulk }
            default: break
            }
        }
    }

    /// The one of the user's addresses that stands in the header.
    private static func addressed(_ own: [SieveAddress], _ message: SieveMessage) -> SieveAddress? {
        for name in ["to", "cc", "bcc", "resent-to", "resent-cc", "resent-bcc"] {
            for body in message.bodies(Array(name.utf8)) {
                for case .mailbox(_, _, let local, let host) in AddressParser(body) {
                    let address = SieveAddress(localPart: local ?? [], domain: host)
                    if own.contains(where: { $0.isSame(as: address) }) { return address }
                }
            }
        }
        return nil
    }

    /// The reply.
    public func mail(
        for message: SieveMessage, _ environment: SieveEnvironment, _ context: SendingContext
    ) -> OutgoingMail {
        var composer = MessageComposer(context)
        composer.addAddress("From", self.vacation.from ?? self.user.quoted)
        let named =
            environment.policy.vacation.repliesToHeader
            ? message.firstAddress(["sender", "resent-from", "from"]) : nil
        composer.addUnencoded("To", (named ?? self.recipient).quoted)
        composer.add("Subject", self.subject(message, environment.policy.vacation))
        message.addThread(to: &composer)
        composer.addLine("Auto-Submitted: auto-replied (vacation)")
        composer.addLine("Precedence: bulk")
        composer.addLine("X-Auto-Response-Suppress: All")
        if self.vacation.isMIME {
            composer.addLine("MIME-Version: 1.0")
            composer.addText(self.vacation.reason)
        } else {
            composer.beginPlainText(self.vacation.reason)
            composer.addText(self.vacation.reason)
        }
        // Nobody shall answer the reply (RFC 5230 section 5.1).
        let sender = environment.policy.vacation.sendsFromRecipient ? self.user.quoted : nil
        return OutgoingMail(sender: sender, recipients: [self.recipient.quoted], octets: composer.octets)
    }

    /// RFC 5230 section 5.3: `Auto: ` and the subject of the message, where the script gives none.
    private func subject(_ message: SieveMessage, _ policy: SievePolicy.Vacation) -> [UInt8] {
        let subject = Array(String(decoding: self.fullSubject(message, policy), as: UTF8.self).unicodeScalars)
        guard subject.count > policy.maximumSubject else { return subject.utf8 }
        return (subject.prefix(max(0, policy.maximumSubject - 1)) + ["\u{2026}"]).utf8
    }

    private func fullSubject(_ message: SieveMessage, _ policy: SievePolicy.Vacation) -> [UInt8] {
        if let subject = self.vacation.subject { return subject }
        let original = message.value("subject").map { Array($0.prefix(4 * policy.maximumSubject)) } ?? []
        guard !original.isEmpty else { return Array((policy.defaultSubject ?? "Automated reply").utf8) }
        guard let template = policy.subjectTemplate else { return Array("Auto: ".utf8) + original }
        var out: [UInt8] = []
        var rest = Array(template.utf8)[...]
        let mark = Array("%{subject}".utf8)
        while !rest.isEmpty {
            if rest.starts(with: mark) {
                out += original
                rest = rest.dropFirst(mark.count)
            } else {
                out.append(rest.removeFirst())
            }
        }
        return out
    }
}

extension Sequence<Unicode.Scalar> {
    fileprivate var utf8: [UInt8] { self.reduce(into: []) { $0 += String(Character($1)).utf8 } }
}

extension SieveAddress {
    /// Local parts as they are, domains in any case (RFC 5321 section 2.4); local parts in any case too, since users
    /// write them so.
    func isSame(as other: SieveAddress) -> Bool {
        ASCII.equalsIgnoringCase(self.localPart, other.localPart)
            && ASCII.equalsIgnoringCase(self.domain ?? [], other.domain ?? [])
    }
}
