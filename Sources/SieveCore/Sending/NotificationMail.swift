import MailCore

extension SieveNotification {
    /// The notification as a message (RFC 5436 section 2.7); `nil` where nothing is to be sent: of a notification by
    /// mail, which could run in a circle, and to nobody.
    public func mail(
        for message: SieveMessage, _ environment: SieveEnvironment, _ context: SendingContext
    ) -> OutgoingMail? {
        guard let uri = MailtoURI(self.method) else { return nil }
        func asked(_ addresses: [String]) -> [String] { addresses.filter { !self.omitted.contains($0) } }
        let (recipients, copies) = (asked(uri.recipients), asked(uri.copies))
        // RFC 5436 section 2.4: what was made by a program is not told of.
        if message.bodies(Array("auto-submitted".utf8)).contains(where: AutoSubmitted.isAutomatic) { return nil }
        var composer = MessageComposer(context)
        let user = environment.recipient?.quoted ?? environment.policy.userEmail
        let from = self.from.map { String(decoding: $0, as: UTF8.self) } ?? user
        composer.addAddress("From", from ?? environment.policy.postmasterAddress)
        if !recipients.isEmpty { composer.addUnencoded("To", recipients.joined(separator: ", ")) }
        if !copies.isEmpty { composer.addUnencoded("Cc", copies.joined(separator: ", ")) }
        composer.add("Subject", self.subject(uri, message))
        composer.addUnencoded(
            "Auto-Submitted", "auto-notified; owner-email=\"\(user ?? environment.policy.postmasterAddress)\"")
        for (name, value) in uri.fields where Self.mayBeSet(name) { composer.add(name, value) }
        switch self.importance {
        case 1: composer.addLine("Importance: high\r\nX-Priority: 1 (Highest)")
        case 3: composer.addLine("Importance: low\r\nX-Priority: 5 (Lowest)")
        default: composer.addLine("Importance: normal\r\nX-Priority: 3 (Normal)")
        }
        let body = self.body(uri, message)
        composer.beginPlainText(body)
        composer.addText(body)
        return OutgoingMail(sender: self.sender(environment), recipients: recipients + copies, octets: composer.octets)
    }

    /// A notification of a bounce has the null sender (RFC 5436 section 2.7).
    private func sender(_ environment: SieveEnvironment) -> String? {
        guard environment.sender != nil else { return nil }
        if let source = environment.policy.notifySender, let address = environment.knownAddress(source) {
            return address.isEmpty ? nil : address
        }
        if let from = self.from { return OutboundAddress.parse(from) }
        return environment.recipient?.quoted
    }

    private func subject(_ uri: MailtoURI, _ message: SieveMessage) -> [UInt8] {
        if self.isFormer { return Array("New mail notification".utf8) }
        if let text = self.message, !text.isEmpty {
            return Array(text.prefix { $0 != 0x0A && $0 != 0x0D })
        }
        if let given = uri.fields.first(where: { $0.name.lowercased() == "subject" }) { return given.value }
        return Array("Notification: ".utf8)
            + (message.value("subject").map { Array($0.prefix(200)) } ?? Array("(no subject)".utf8))
    }

    private func body(_ uri: MailtoURI, _ message: SieveMessage) -> [UInt8] {
        if self.isFormer { return self.message ?? [] }
        if let given = uri.fields.first(where: { $0.name.lowercased() == "body" }) { return given.value }
        var text = Array("Notification of new message.\r\n".utf8)
        for name in ["From", "To", "Subject"] {
            guard let body = message.bodies(Array(name.utf8)).first else { continue }
            text += Array("\(name): ".utf8) + message.decoded(body).prefix(500) + [0x0D, 0x0A]
        }
        return text
    }

    /// Fields that a URI may not set (RFC 5436 section 2.7, RFC 6068 section 4).
    private static func mayBeSet(_ name: String) -> Bool {
        switch name.lowercased() {
        case "subject", "body", "from", "to", "cc", "bcc", "date", "message-id", "received", "auto-submitted",
            "sender", "return-path", "delivered-to", "importance", "x-priority":
            false
        default:
            !name.lowercased().hasPrefix("resent-") && !name.lowercased().hasPrefix("content-")
                && name.lowercased() != "mime-version"
        }
    }
}
