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
        /// Behind a chunk that failed: others may come that were sent before its answer (RFC 3030 section 2).
        case failed
    }

    private var state = State.connected
    private let maximumRecipients: Int

    public init(maximumRecipients: Int) { self.maximumRecipients = maximumRecipients }

    /// The sender of the transaction in progress.
    public var sender: ReversePath? {
        switch self.state {
        case .connected, .ready, .failed: nil
        case .mail(let sender, _, _), .chunking(let sender, _, _): sender
        }
    }

    public var parameters: MailParameters? {
        switch self.state {
        case .connected, .ready, .failed: nil
        case .mail(_, let parameters, _), .chunking(_, let parameters, _): parameters
        }
    }

    public var recipients: [Recipient] {
        switch self.state {
        case .connected, .ready, .failed: []
        case .mail(_, _, let recipients), .chunking(_, _, let recipients): recipients
        }
    }

    /// LHLO: any transaction is forgotten.
    public mutating func receivedLHLO() { self.state = .ready }

    /// RSET, or the end of a transaction.
    public mutating func reset() {
        switch self.state {
        case .connected: break
        case .ready, .mail, .chunking, .failed: self.state = .ready
        }
    }

    /// MAIL; `nil` when it may come now, else the refusal.
    public mutating func receivedMail(_ sender: ReversePath, _ parameters: MailParameters) -> LMTPReply? {
        switch self.state {
        case .connected: return LMTPReply(503, "5.5.1", "LHLO needed first")
        case .mail, .chunking: return LMTPReply(503, "5.5.1", "MAIL already given")
        case .ready, .failed:
            self.state = .mail(sender, parameters, [])
            return nil
        }
    }

    /// Whether RCPT may come now: `nil`, or the refusal.
    public func mayAddRecipient() -> LMTPReply? {
        switch self.state {
        case .connected, .ready, .failed: return LMTPReply(503, "5.5.1", "MAIL needed first")
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
        case .connected, .ready, .failed: LMTPReply(503, "5.5.1", "MAIL needed first")
        case .chunking: LMTPReply(503, "5.5.1", "DATA after BDAT")
        case .mail(_, _, let recipients):
            recipients.isEmpty ? LMTPReply(503, "5.5.1", "No valid recipients") : nil
        }
    }

    /// A chunk failed, and the transaction with it.
    public mutating func failedChunk() {
        switch self.state {
        case .connected, .ready: break
        case .mail, .chunking, .failed: self.state = .failed
        }
    }

    /// Whether a chunk that comes now was sent before the client could know that an earlier one failed, and is no
    /// mistake of its own.
    public var hasFailedChunk: Bool {
        switch self.state {
        case .connected, .ready, .mail, .chunking: false
        case .failed: true
        }
    }

    /// BDAT: `nil` when it may come now, else the refusal (its octets must be read off all the same).
    public mutating func receivedChunk() -> LMTPReply? {
        switch self.state {
        case .connected, .ready: return LMTPReply(503, "5.5.1", "MAIL needed first")
        case .failed: return LMTPReply(503, "5.5.1", "An earlier chunk failed")
        case .chunking: return nil
        case .mail(let sender, let parameters, let recipients):
            guard !recipients.isEmpty else {
                self.state = .failed
                return LMTPReply(503, "5.5.1", "No valid recipients")
            }
            self.state = .chunking(sender, parameters, recipients)
            return nil
        }
    }
}
