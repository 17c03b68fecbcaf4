/// What a delivery does beside storing messages. Committed together with them: after a crash there is all of it or,
/// where nobody was answered yet, perhaps nothing.
public struct DeliveryEffects: Sendable {
    /// Mails that go out through the site's MTA, behind the delivery's back.
    public var outgoing: [OutgoingMessage] = []
    /// What is not to be done again for a while.
    public var remembered: [Remembrance] = []

    public init() {}

    public var isEmpty: Bool { self.outgoing.isEmpty && self.remembered.isEmpty }
}

/// A mail that a user's script sends.
public struct OutgoingMessage: Sendable {
    /// Why it is sent: decides what becomes of it when it cannot be, or when nobody knows whether it was.
    public enum Purpose: UInt8, Sendable, CaseIterable {
        case redirect = 1
        case vacation = 2
        case notification = 3
        case rejection = 4
        case report = 5
    }

    public var purpose: Purpose
    /// The user whose script sends it.
    public var account: any MailAccount
    /// MAIL FROM without brackets; empty for the null sender.
    public var sender: String
    /// RCPT TO, in the form of RFC 5321.
    public var recipient: String
    /// Fields that are put before the message, each ended by CRLF. Of a redirect, `Return-Path` is left out of what
    /// follows.
    public var prefix: [UInt8]
    /// May be one that is stored too: its octets are kept once.
    public var message: IncomingMessage

    public init(
        purpose: Purpose, account: any MailAccount, sender: String, recipient: String, prefix: [UInt8] = [],
        message: IncomingMessage
    ) {
        self.purpose = purpose
        self.account = account
        self.sender = sender
        self.recipient = recipient
        self.prefix = prefix
        self.message = message
    }
}

/// Everything that one delivery does for one user.
public struct Parcel: Sendable {
    public var deposits: [Deposit]
    public var effects: DeliveryEffects
    /// What is noted of it when all of it succeeds.
    public var trace: TracedDelivery?

    public init(deposits: [Deposit], effects: DeliveryEffects = DeliveryEffects()) {
        self.deposits = deposits
        self.effects = effects
    }
}

/// What became of a parcel.
public struct ParcelResult: Sendable {
    /// In the order of the deposits.
    public var deposits: [Result<StoredMessage, StoreError>]
    /// Effects happen only where every deposit of the parcel succeeded; else this is why they do not.
    public var effects: Result<Void, StoreError>

    public init(deposits: [Result<StoredMessage, StoreError>], effects: Result<Void, StoreError>) {
        self.deposits = deposits
        self.effects = effects
    }
}
