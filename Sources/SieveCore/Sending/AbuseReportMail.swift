import MIMECore
import MailCore

extension SieveAbuseReport {
    /// The report as a message (RFC 5965).
    public func mail(
        for message: SieveMessage, _ environment: SieveEnvironment, _ context: SendingContext
    ) -> OutgoingMail {
        var composer = MessageComposer(context)
        let user = environment.recipient?.quoted ?? environment.policy.postmasterAddress
        composer.addUnencoded("From", user)
        composer.addUnencoded("To", self.address)
        let subject = message.value("subject").map { Array($0.prefix(200)) } ?? []
        composer.add("Subject", Array("Report: ".utf8) + subject)
        composer.addLine("Auto-Submitted: auto-generated (report)")
        composer.addLine("MIME-Version: 1.0")
        let octets = self.headersOnly ? Array(message.header.buffer) : message.wholeOctets
        let boundary = String(decoding: ComposedText.boundary(notIn: [self.text, octets]), as: UTF8.self)
        composer.addLine("Content-Type: multipart/report; report-type=feedback-report;")
        composer.addLine("\tboundary=\"\(boundary)\"")
        composer.endLine()
        composer.addLine("--\(boundary)")
        composer.addLine("Content-Type: text/plain; charset=utf-8")
        composer.addLine("Content-Disposition: inline")
        composer.addLine("Content-Transfer-Encoding: 8bit")
        composer.endLine()
        composer.addText(self.text)
        composer.endLine()
        composer.addLine("--\(boundary)")
        composer.addLine("Content-Type: message/feedback-report")
        composer.endLine()
        composer.addLine("Version: 1")
        composer.add("Feedback-Type", self.feedback)
        composer.addLine("User-Agent: Martlet")
        if let sender = environment.sender { composer.add("Original-Mail-From", "<\(sender.quoted)>") }
        if let recipient = environment.recipient { composer.add("Original-Rcpt-To", "<\(recipient.quoted)>") }
        composer.endLine()
        composer.addLine("--\(boundary)")
        composer.addLine("Content-Type: \(self.headersOnly ? "text/rfc822-headers" : "message/rfc822")")
        composer.endLine()
        octets.withUnsafeBytes { composer.append($0) }
        if composer.octets.last != 0x0A { composer.endLine() }
        composer.addLine("--\(boundary)--")
        return OutgoingMail(sender: user, recipients: [self.address], octets: composer.octets)
    }
}
