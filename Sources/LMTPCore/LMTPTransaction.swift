/// What may come when in an LMTP session (RFC 2033, RFC 5321 section 4.1.4). Holds the envelope.
public struct LMTPTransaction<Recipient: Sendable>: Sendable {
    private enum State: Sendable {
        /// Before LHLO.
        case connected
        /// Greeted, no MAIL yet.
        case ready
        case mail(ReversePath, MailParameters, [Recipient])
        /// Between BDAT chunks.
        case chunking(ReversePath, MailParameters, [Recipient])
    }

    private var state = State.connected
    private let maximumRecipients: Int

    public init(maximumRecipients: Int) { self.maximumRecipients = maximumRecipients }

    /// The sender of the transaction in progress.
    public var sender: ReversePath? {
        switch self.state {
        case .connected, .ready: nil
        case .mail(let sender, _, _), .chunking(let sender, _, _): sender
        }
    }

    public var parameters: MailParameters? {
        switch self.state {
        case .connected, .ready: nil
        case .mail(_, let parameters, _), .chunking(_, let parameters, _): parameters
        }
    }

    public var recipients: [Recipient] {
        switch self.state {
        case .connected, .ready: []
        case .mail(_, _, let recipients), .chunking(_, _, let recipients): recipients
        }
    }

    /// LHLO: any transaction is forgotten.
    public mutating func receivedLHLO() { self.state = .ready }

    /// RSET, or the end of a transaction.
    public mutating func reset() {
        switch self.state {
        case .connected: break
        case .ready, .mail, .chunking: self.state = .ready
        }
    }

    /// MAIL; `nil` when it may come now, else the refusal.
    public mutating func receivedMail(_ sender: ReversePath, _ parameters: MailParameters) -> LMTPReply? {
        switch self.state {
        case .connected: return LMTPReply(503, "5.5.1", "LHLO needed first")
        case .mail, .chunking: return LMTPReply(503, "5.5.1", "MAIL already given")
        case .ready:
            self.state = .mail(sender, parameters, [])
            return nil
        }
    }

    /// Whether RCPT may come now: `nil`, or the refusal.
    public func mayAddRecipient() -> LMTPReply? {
        switch self.state {
        case .connected, .ready: return LMTPReply(503, "5.5.1", "MAIL needed first")
        case .chunking: return LMTPReply(503, "5.5.1", "BDAT in progress")
        case .mail(_, _, let recipients):
            return recipients.count < self.maximumRecipients
                ? nil : LMTPReply(452, "4.5.3", "Too many recipients")
        }
    }

    /// Keeps a recipient that was accepted.
    public mutating func add(_ recipient: Recipient) {
        if case .mail(let sender, let parameters, var recipients) = self.state {
            // The list is moved out first so that it is not copied for each recipient.
            self.state = .ready
            recipients.append(recipient)
            self.state = .mail(sender, parameters, recipients)
        }
    }

    /// DATA: `nil` when it may come now, else the refusal.
    public func receivedData() -> LMTPReply? {
        switch self.state {
        case .connected, .ready: LMTPReply(503, "5.5.1", "MAIL needed first")
        case .chunking: LMTPReply(503, "5.5.1", "DATA after BDAT")
        case .mail(_, _, let recipients):
            recipients.isEmpty ? LMTPReply(503, "5.5.1", "No valid recipients") : nil
        }
    }

    /// BDAT: `nil` when it may come now, else the refusal (its octets must be read off all the same).
    public mutating func receivedChunk() -> LMTPReply? {
        switch self.state {
        case .connected, .ready: return LMTPReply(503, "5.5.1", "MAIL needed first")
        case .chunking: return nil
        case .mail(let sender, let parameters, let recipients):
            guard !recipients.isEmpty else { return LMTPReply(503, "5.5.1", "No valid recipients") }
            self.state = .chunking(sender, parameters, recipients)
            return nil
        }
    }
}
