import MIMECore
import MailCore

/// The refusal of a message as a message to its sender, where the protocol could not refuse it (RFC 5429 section 2).
public enum RejectionMail {
    /// What the sender gets.
    public enum Form: Sendable {
        /// Of `reject`: a disposition notification (RFC 5429 section 2.2.1, RFC 8098).
        case disposition
        /// Of `ereject`: a delivery status notification (RFC 5429 section 2.1.2, RFC 3464).
        case deliveryStatus
    }

    /// `nil`: there is nobody to tell.
    public static func make(
        _ form: Form, reason: String, for message: SieveMessage, _ environment: SieveEnvironment,
        _ context: SendingContext
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
        composer.addLine("Content-Type: multipart/report; report-type=\(form.reportType);")
        composer.addLine("\tboundary=\"\(boundary)\"")
        composer.endLine()
        composer.addLine("--\(boundary)")
        composer.addLine("Content-Type: text/plain; charset=utf-8")
        composer.addLine("Content-Disposition: inline")
        composer.addLine("Content-Transfer-Encoding: 8bit")
        composer.endLine()
        composer.addText(Array(form.introduction(of: user).utf8))
        composer.addText(text)
        composer.endLine()
        composer.addLine("--\(boundary)")
        composer.addLine("Content-Type: message/\(form.reportType)")
        composer.endLine()
        switch form {
        case .disposition:
            composer.addLine("Reporting-UA: \(context.hostname); Martlet")
            self.addRecipients(environment, user, to: &composer)
            if let id = message.bodies(Array("message-id".utf8)).first.map(message.decoded) {
                composer.add("Original-Message-ID", id)
            }
            composer.addLine("Disposition: automatic-action/MDN-sent-automatically; deleted")
        case .deliveryStatus:
            composer.addLine("Reporting-MTA: dns; \(context.hostname)")
            composer.endLine()
            self.addRecipients(environment, user, to: &composer)
            composer.addLine("Action: failed")
            composer.addLine("Status: 5.7.1")
        }
        composer.endLine()
        composer.addLine("--\(boundary)")
        composer.addLine("Content-Type: text/rfc822-headers")
        composer.endLine()
        composer.append(message.header.buffer)
        if composer.octets.last != 0x0A { composer.endLine() }
        composer.addLine("--\(boundary)--")
        return OutgoingMail(sender: nil, recipients: [sender.quoted], octets: composer.octets)
    }

    private static func addRecipients(
        _ environment: SieveEnvironment, _ user: String, to composer: inout MessageComposer
    ) {
        if let original = environment.originalRecipient {
            composer.add("Original-Recipient", "rfc822; \(original.quoted)")
        }
        composer.add("Final-Recipient", "rfc822; \(user)")
    }
}

extension RejectionMail.Form {
    fileprivate var reportType: String {
        switch self {
        case .disposition: "disposition-notification"
        case .deliveryStatus: "delivery-status"
        }
    }

    /// What stands before the reason.
    fileprivate func introduction(of user: String) -> String {
        switch self {
        case .disposition: "Your message to <\(user)> was automatically rejected:"
        case .deliveryStatus:
            "Your message to <\(user)> was refused by the recipient's mail filtering program.\r\n"
                + "The reason given is as follows:\r\n\r\n"
        }
    }
}
