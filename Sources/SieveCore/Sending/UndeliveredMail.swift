import MailCore

/// Tells a user that a mail could not be sent on, with the whole mail (RFC 3464): the user may have no other copy.
public struct UndeliveredMail: Sendable {
    /// Who could not be reached.
    public var recipient: String
    /// Why, in the words of the MTA.
    public var reason: String
    /// The user's address.
    public var owner: String
    public var postmaster: String

    public init(recipient: String, reason: String, owner: String, postmaster: String) {
        self.recipient = recipient
        self.reason = reason
        self.owner = owner
        self.postmaster = postmaster
    }

    /// What stands before and behind the mail.
    ///
    /// - Parameter boundary: occurs in no line of the mail.
    public func frame(_ context: SendingContext, boundary: String) -> (before: [UInt8], after: [UInt8]) {
        var composer = MessageComposer(context)
        composer.add("From", "Mail Delivery Subsystem <\(self.postmaster)>")
        composer.addUnencoded("To", self.owner)
        composer.add("Subject", "Undelivered: a message could not be sent on to \(self.recipient)")
        composer.addLine("Auto-Submitted: auto-replied")
        composer.addLine("MIME-Version: 1.0")
        composer.addLine("Content-Type: multipart/report; report-type=delivery-status;")
        composer.addLine("\tboundary=\"\(boundary)\"")
        composer.endLine()
        composer.addLine("--\(boundary)")
        composer.addLine("Content-Type: text/plain; charset=utf-8")
        composer.addLine("Content-Transfer-Encoding: 8bit")
        composer.endLine()
        composer.addText(
            Array(
                """
                Your filter wanted to send this message on to <\(self.recipient)>.
                That is not possible: \(self.line(self.reason))
                The message is attached. It was sent to nobody else.
                """.utf8))
        composer.endLine()
        composer.addLine("--\(boundary)")
        composer.addLine("Content-Type: message/delivery-status")
        composer.endLine()
        composer.addLine("Reporting-MTA: dns; \(context.hostname)")
        composer.endLine()
        composer.add("Final-Recipient", "rfc822; \(self.recipient)")
        composer.addLine("Action: failed")
        composer.addLine("Status: 5.0.0")
        composer.add("Diagnostic-Code", "x-martlet; \(self.line(self.reason))")
        composer.endLine()
        composer.addLine("--\(boundary)")
        composer.addLine("Content-Type: message/rfc822")
        composer.endLine()
        return (composer.octets, Array("\r\n--\(boundary)--\r\n".utf8))
    }

    private func line(_ text: String) -> String {
        String(text.unicodeScalars.map { $0.value < 0x20 || $0.value == 0x7F ? " " : Character($0) })
    }
}
