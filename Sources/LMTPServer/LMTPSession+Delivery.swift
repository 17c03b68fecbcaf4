import Accounts
import Authentication
import Delivery
import Glibc
import LMTPCore
import Logging
import MIMECore
import MailCore
import MailStore
import ServerCore

extension LMTPSession {
    /// Delivers to each user and place once, however often RCPT named them, and answers in the order of RCPT.
    ///
    /// - Parameter ownOctets: those at the beginning of the message that did not come from the client.
    func deliver(
        _ message: IncomingMessage, ownOctets: Int, _ sender: ReversePath, _ recipients: [AcceptedRecipient]
    ) async {
        let started = ContinuousClock.now
        var users: [[String]: Int] = [:]
        var targets: [DeliveryRecipient] = []
        var order: [Int] = []
        for recipient in recipients {
            // What goes to another place is another delivery: its 250 is for a message there.
            let key = [recipient.user.user, recipient.detail ?? "", recipient.mailbox?.description ?? ""]
            if let known = users[key] {
                order.append(known)
                continue
            }
            users[key] = targets.count
            order.append(targets.count)
            var target = DeliveryRecipient(
                account: recipient.account, home: self.options.accounts.home(of: recipient.user),
                address: recipient.address.description, detail: recipient.detail,
                originalAddress: recipient.original?.description)
            target.mailbox = recipient.mailbox
            targets.append(target)
        }
        let senderText =
            switch sender {
            case .null: ""
            case .address(let address): address.description
            }
        var envelope = DeliveryEnvelope(
            sender: senderText, receivedAt: UnixTime.now().seconds, session: self.connection.sessionID,
            refusal: self.local?.answersRejection ?? true ? .answer : .mail)
        envelope.ownOctets = ownOctets
        let traces = MessageTrace(message, afterOwnField: self.addsTraceFields && self.options.addsReceivedField)
        envelope.trace = DeliveryTrace(
            actor: TraceEvent.Actor(
                service: self.options.label, session: self.connection.sessionID,
                address: self.connection.remoteAddress.text, client: self.clientName),
            sender: envelope.sender, recipient: "", messageID: traces.messageID, queueID: traces.queueID)
        let agent = self.options.agent
        let interruption = ScriptInterruption()
        // For a client that is gone nothing is computed: it comes again.
        let outcomes = await self.connection.watchingEnd({ interruption.interrupt() }) {
            await agent.deliver(message, envelope, to: targets, until: interruption)
        }
        let elapsed = ContinuousClock.now - started
        for (target, outcome) in zip(targets, outcomes) {
            self.log(target, outcome, traces, message.octets.count, elapsed)
        }
        for (recipient, index) in zip(recipients, order) {
            guard index < outcomes.count else { continue }
            self.reply(self.answer(outcomes[index], recipient.address))
        }
    }

    private func answer(_ outcome: DeliveryOutcome, _ address: EnvelopeAddress) -> LMTPReply {
        switch outcome {
        case .stored, .redirected, .sentBefore, .piped, .discarded:
            self.noteDelivered()
            return LMTPReply(250, "2.0.0", "<\(address.quoted)> \(self.connection.sessionID) Saved")
        case .rejected(let reason):
            return LMTPReply.refusing(address, reason: reason)
        case .failed(let error):
            return self.answer(for: error)
        }
    }

    /// One line a recipient: message-id, queue id, what was done, size, time.
    private func log(
        _ target: DeliveryRecipient, _ outcome: DeliveryOutcome, _ trace: MessageTrace, _ size: Int,
        _ elapsed: Duration
    ) {
        let milliseconds = elapsed.components.seconds * 1000 + elapsed.components.attoseconds / 1_000_000_000_000_000
        let what: String
        var level = Logger.Level.info
        switch outcome {
        case .stored(let places):
            what =
                "saved mail to "
                + places.map { "\($0.mailbox) (uid \($0.message.uid.rawValue))" }.joined(separator: ", ")
        case .piped(let programs): what = "piped to " + programs.joined(separator: ", ")
        case .redirected(let addresses): what = "redirected to " + addresses.joined(separator: ", ")
        case .sentBefore(let addresses): what = DeliveryOutcome.text(ofSentBefore: addresses)
        case .discarded: what = "discarded by script"
        case .rejected(let reason): what = "rejected: \(reason)"
        case .failed(let error):
            what = "save failed: \(error)"
            // A full mailbox is its user's matter; all else somebody has to mend.
            if error.code != .overQuota { level = .error }
        }
        let label = LogLabel.session(
            self.options.label, user: target.account.identity.name, processID: getpid(),
            sessionID: self.connection.sessionID)
        self.options.logger.log(
            level: level,
            """
            \(label): msgid=<\(LogText.field(trace.messageID))>: \(what), queue-id=\(LogText.field(trace.queueID)), \
            size=\(size), time=\(milliseconds) ms
            """)
    }

    /// Programs of this machine bring mail that has these fields from their MTA.
    private var addsTraceFields: Bool { self.options.local == nil }

    /// Return-Path, Delivered-To and Received, as they are put before a message (RFC 5321 section 4.4).
    func traceFields() -> [UInt8] {
        guard self.addsTraceFields, let sender = self.transaction.sender else { return [] }
        let recipients = self.transaction.recipients
        var fields = "Return-Path: \(sender.text)\r\n"
        if recipients.count == 1, let address = self.deliveredTo(recipients[0]) {
            fields += "Delivered-To: \(address.quoted)\r\n"
        }
        if self.options.addsReceivedField {
            let peer = self.connection.remoteAddress
            let from = peer.isUnix ? self.clientName : "\(self.clientName) ([\(peer.text)])"
            fields += "Received: from \(from)\r\n"
            // RFC 6531 section 4.3.
            let isInternational = self.transaction.parameters?.smtpUTF8 ?? false
            fields += "\tby \(self.options.hostname) with \(isInternational ? "UTF8LMTP" : "LMTP")\r\n"
            fields += "\tid \(self.connection.sessionID)\r\n"
            fields += "\t(envelope-from \(sender.text))"
            if recipients.count == 1 { fields += "\r\n\tfor <\(recipients[0].address.quoted)>" }
            var date: [UInt8] = []
            MessageDate(secondsSince1970: UnixTime.now().seconds).appendRFC5322(to: &date)
            fields += "; \(String(decoding: date, as: UTF8.self))\r\n"
        }
        return Array(fields.utf8)
    }

    private func deliveredTo(_ recipient: AcceptedRecipient) -> EnvelopeAddress? {
        switch self.options.deliveredTo {
        case .none: nil
        case .final: recipient.address
        case .original: recipient.original ?? recipient.address
        }
    }
}
