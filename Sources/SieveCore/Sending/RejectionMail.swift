import MIMECore
import MailCore

/// The refusal of a message as a message to its sender, where the protocol could not refuse it: a disposition
/// notification (RFC 5429 section 2.2, RFC 8098).
public enum RejectionMail {
    /// `nil`: there is nobody to tell.
    public static func make(
        reason: String, for message: SieveMessage, _ environment: SieveEnvironment, _ context: SendingContext
    ) -> OutgoingMail? {
        guard let sender = environment.sender, sender.domain != nil else { return nil }
        let user = environment.recipient?.quoted ?? environment.policy.postmasterAddress
        var composer = MessageComposer(context)
        composer.add("From", "Mail Delivery Subsystem <\(environment.policy.postmasterAddress)>")
        composer.addUnencoded("To", sender.quoted)
        composer.addLine("Subject: Automatically rejected mail")
        message.addThread(to: &composer)
        composer.addLine("Auto-Submitted: auto-replied (rejected)")
        composer.addLine("Precedence: bulk")
        composer.addLine("MIME-Version: 1.0")
        let text = Array(reason.utf8)
        let boundary = String(
            decoding: ComposedText.boundary(notIn: [text, Array(message.header.buffer)]), as: UTF8.self)
        composer.addLine("Content-Type: multipart/report; report-type=disposition-notification;")
        composer.addLine("\tboundary=\"\(boundary)\"")
        composer.endLine()
        composer.addLine("--\(boundary)")
        composer.addLine("Content-Type: text/plain; charset=utf-8")
        composer.addLine("Content-Disposition: inline")
        composer.addLine("Content-Transfer-Encoding: 8bit")
        composer.endLine()
        composer.addText(Array("Your message to <\(user)> was automatically rejected:".utf8))
        composer.addText(text)
        composer.endLine()
        composer.addLine("--\(boundary)")
        composer.addLine("Content-Type: message/disposition-notification")
        composer.endLine()
        composer.addLine("Reporting-UA: \(context.hostname); Martlet")
        if let original = environment.originalRecipient {
            composer.add("Original-Recipient", "rfc822; \(original.quoted)")
        }
        composer.add("Final-Recipient", "rfc822; \(user)")
        if let id = message.bodies(Array("message-id".utf8)).first.map(message.decoded) {
            composer.add("Original-Message-ID", id)
        }
        composer.addLine("Disposition: automatic-action/MDN-sent-automatically; deleted")
        composer.endLine()
        composer.addLine("--\(boundary)")
        composer.addLine("Content-Type: message/rfc822-headers")
        composer.endLine()
        composer.append(message.header.buffer)
        if composer.octets.last != 0x0A { composer.endLine() }
        composer.addLine("--\(boundary)--")
        return OutgoingMail(sender: nil, recipients: [sender.quoted], octets: composer.octets)
    }
}
