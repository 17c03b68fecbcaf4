/// Names a mail in the queue for as long as the volume lives.
public struct OutgoingID: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// The delivery that it came from, and its number among the mails of that.
    public let delivery: UInt64
    public let number: UInt32

    public init(delivery: UInt64, number: UInt32) {
        self.delivery = delivery
        self.number = number
    }

    /// From what `description` makes; `nil` for anything else.
    public init?(_ text: String) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 2, let delivery = UInt64(parts[0]), let number = UInt32(parts[1]) else { return nil }
        self.init(delivery: delivery, number: number)
    }

    /// `4711.0`
    public var description: String { "\(self.delivery).\(self.number)" }

    public static func < (a: OutgoingID, b: OutgoingID) -> Bool {
        a.delivery != b.delivery ? a.delivery < b.delivery : a.number < b.number
    }
}

/// A mail that waits for the MTA, without its octets.
public struct QueuedMail: Sendable {
    public var id: OutgoingID
    /// Whose script sends it.
    public var account: AccountIdentity
    public var purpose: OutgoingMessage.Purpose
    /// MAIL FROM without brackets; empty for the null sender.
    public var sender: String
    public var recipient: String
    /// Octets.
    public var size: UInt64
    /// Seconds since 1970.
    public var queuedAt: Int64
    /// How often it was handed to the MTA, or was about to be.
    public var attempts: Int
    /// When it is to be tried, seconds since 1970.
    public var nextAttempt: Int64
    /// What the MTA said last.
    public var lastError: String
    /// It was being handed over, and nothing is known of the end.
    public var isHandedOver: Bool

    public init(
        id: OutgoingID, account: AccountIdentity, purpose: OutgoingMessage.Purpose, sender: String, recipient: String,
        size: UInt64, queuedAt: Int64, attempts: Int, nextAttempt: Int64, lastError: String, isHandedOver: Bool
    ) {
        self.id = id
        self.account = account
        self.purpose = purpose
        self.sender = sender
        self.recipient = recipient
        self.size = size
        self.queuedAt = queuedAt
        self.attempts = attempts
        self.nextAttempt = nextAttempt
        self.lastError = lastError
        self.isHandedOver = isHandedOver
    }
}

/// The octets of a queued mail.
public struct QueuedContent: Sendable {
    /// Fields before the message.
    public var prefix: [UInt8]
    public var message: MessageOctets

    public init(prefix: [UInt8], message: MessageOctets) {
        self.prefix = prefix
        self.message = message
    }
}

/// What happened to a queued mail.
public enum OutgoingChange: Sendable {
    /// The MTA is about to get it: noted before, so that after a crash it is known that it may have.
    case handedOver
    /// It stays until that time, seconds since 1970; `reason` for people.
    case deferred(until: Int64, reason: String)
    /// It is out, or given up: it leaves the queue.
    case gone
}

/// What is to be tried next.
public enum DueMail: Sendable {
    case mail(QueuedMail)
    /// Nothing before that time, seconds since 1970.
    case later(Int64)
    case none
}

/// The mails of a store that wait for the MTA. They come in by `MailStore.deliver`.
public protocol OutgoingQueue: Sendable {
    /// Tells the queue apart from those of all other stores, also of one that was there before in its place.
    var identity: UInt64 { get }

    /// All of them, the oldest first.
    var mails: [QueuedMail] { get }

    /// Takes the mail that is to be tried first, if it is due: it is not taken again before it is noted as deferred, or
    /// put back. Those that were being handed over when the store was opened are due at once.
    ///
    /// - Parameter longest: seconds for which a mail is put off at most. One that would wait longer was put off while the
    ///   clock was ahead, and is due.
    func takeDue(at now: Int64, longest: Int64) -> DueMail

    /// Has a mail that was taken taken again, when it is due.
    func putBack(_ id: OutgoingID)

    /// How many they are, and their octets.
    var load: (count: Int, octets: UInt64) { get }

    /// The octets of one. `.notFound`.
    func content(of id: OutgoingID) async throws(StoreError) -> QueuedContent

    /// Notes what happened; durable when answered. `.notFound`.
    func note(_ change: OutgoingChange, of id: OutgoingID) async throws(StoreError)

    /// Has `body` called, from any thread, when a mail is new or is to be tried at another time. One at a time: a
    /// new one takes the place of the last.
    func watch(_ body: @escaping @Sendable () -> Void)
}

extension OutgoingQueue {
    /// As `takeDue(at:longest:)`, for a clock that is right.
    public func takeDue(at now: Int64) -> DueMail { self.takeDue(at: now, longest: .max) }
}
