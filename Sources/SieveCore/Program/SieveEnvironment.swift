public import MIMECore

/// What a script knows of the delivery beside the message.
public struct SieveEnvironment: Sendable {
    /// MAIL FROM; `nil`: the null sender.
    public var sender: SieveAddress?
    /// Whether there is an envelope: not where messages are filed already (RFC 6785 section 4.6).
    public var hasEnvelope = true
    /// RCPT TO of this user.
    public var recipient: SieveAddress?
    /// The recipient as the sender wrote it (ORCPT), where that is known and another one.
    public var originalRecipient: SieveAddress?
    /// The user as whom the sender's client has logged in.
    public var authenticatedUser: String?
    /// The name by which users may call the mailbox of keep.
    public var defaultMailbox = "INBOX"
    /// The time, in the user's zone.
    public var now = MessageDate(secondsSince1970: 0)
    /// Minutes east of Greenwich in the user's zone at a time, in seconds since 1970; `nil`: always those of `now`.
    public var zone: (@Sendable (_ time: Int64) -> Int)?
    /// Answers what only the place of the delivery knows.
    public var host: any SieveHost = SieveIsolation()
    public var policy = SievePolicy()
    /// Told of each test and action.
    public var trace: (@Sendable (SieveTrace) -> Void)?

    public init(sender: SieveAddress?, recipient: SieveAddress?) {
        self.sender = sender
        self.recipient = recipient
    }
}

extension SieveEnvironment {
    /// The envelope sender of a message that is sent on. Bounces stay bounces, whatever the settings say.
    public var redirectSender: String? {
        self.sender == nil ? nil : self.address(self.policy.redirectSender)
    }

    /// Minutes east of Greenwich in the user's zone: summer time moves it.
    func zoneOffsetMinutes(at time: Int64) -> Int { self.zone?(time) ?? self.now.zoneOffsetMinutes }

    /// The address that a source stands for; the sender where the source has none.
    public func address(_ source: SievePolicy.AddressSource) -> String? {
        guard let address = self.knownAddress(source) else { return self.sender?.quoted }
        return address.isEmpty ? nil : address
    }

    /// The address that a source stands for, empty for the null sender; `nil`: the source has none.
    func knownAddress(_ source: SievePolicy.AddressSource) -> String? {
        switch source {
        case .sender: self.sender?.quoted ?? ""
        case .recipient: self.recipient?.quoted
        case .originalRecipient: (self.originalRecipient ?? self.recipient)?.quoted
        case .userEmail: self.policy.userEmail
        case .postmaster: self.policy.postmasterAddress
        case .address(nil): ""
        case .address(.some(let address)): address
        }
    }
}

/// Answers questions of scripts that only the place knows in which they run. Called on the thread of the run; may wait
/// for the disk.
public protocol SieveHost: Sendable {
    /// Whether the mailbox exists and the user may file into it (RFC 5490 section 3.1).
    func mailboxExists(_ name: String) -> Bool

    /// Whether there is a mailbox of that special use, or whether the named one has it (RFC 8579 section 2).
    func specialUseExists(_ use: String, mailbox: String?) -> Bool

    /// Whether there is a mailbox of that id (RFC 9042 section 5).
    func mailboxIDExists(_ id: String) -> Bool

    /// The value of a METADATA entry of a mailbox, or of the server where `mailbox` is `nil` (RFC 5490).
    func metadata(_ entry: String, mailbox: String?) -> [UInt8]?

    /// An item of the environment that the interpreter does not know by itself (RFC 5183 section 4); `nil`: unknown.
    func environmentItem(_ name: String) -> [UInt8]?

    /// Whether this identity was seen before, within the given time (RFC 7352). Noted only once the delivery is done.
    func isDuplicate(handle: [UInt8], identity: [UInt8], seconds: Int64, last: Bool) -> Bool

    /// Whether the value stands in the list of that name; `nil`: there is no such list (RFC 6134).
    func isListed(_ value: [UInt8], list: String) -> Bool?

    /// All that stands in the list of that name; `nil`: there is no such list, or its members are not to be had.
    func members(of list: String) -> [[UInt8]]?

    /// Runs a program with `input` (vnd.dovecot.filter and .execute). `output`: `nil` when it failed.
    func run(_ call: SieveProgramCall, input: [UInt8]) -> (succeeded: Bool, output: [UInt8])

    /// Asked now and then while a script runs: why it must end, worded for a person; `nil`: it may go on.
    func reasonToEnd() -> String?

    /// A line for the user's log (vnd.dovecot.debug), and where the script asks for it.
    func log(_ text: String, of script: String, at position: SievePosition)
}

extension SieveHost {
    public func mailboxExists(_ name: String) -> Bool { false }
    public func specialUseExists(_ use: String, mailbox: String?) -> Bool { false }
    public func mailboxIDExists(_ id: String) -> Bool { false }
    public func metadata(_ entry: String, mailbox: String?) -> [UInt8]? { nil }
    public func environmentItem(_ name: String) -> [UInt8]? { nil }
    public func isDuplicate(handle: [UInt8], identity: [UInt8], seconds: Int64, last: Bool) -> Bool { false }
    public func isListed(_ value: [UInt8], list: String) -> Bool? { nil }
    public func members(of list: String) -> [[UInt8]]? { nil }
    public func run(_ call: SieveProgramCall, input: [UInt8]) -> (succeeded: Bool, output: [UInt8]) {
        (false, [])
    }
    public func reasonToEnd() -> String? { nil }
    public func log(_ text: String, of script: String, at position: SievePosition) {}
}

/// A place that knows nothing.
public struct SieveIsolation: SieveHost {
    public init() {}
}
