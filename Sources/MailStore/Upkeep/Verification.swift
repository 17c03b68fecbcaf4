public import MailCore

/// Something about stored mail that is not as it should be.
public struct StoreFinding: Sendable, Hashable {
    public enum Kind: String, Sendable, Hashable, CaseIterable {
        /// The index has a message whose file is gone.
        case missingFile = "missing-file"
        /// A file that the index did not know of although nothing told of a change.
        case unknownFile = "unknown-file"
        /// File name and index say different flags.
        case flags
        /// The format's list of UIDs says something else.
        case uidList = "uid-list"
        /// The octets are not as many as the index says.
        case size
        /// The cached envelope is not the message's.
        case cache
        /// The octets cannot be read, or are not those that were stored.
        case body
        /// The mailbox's counters are not those of its messages.
        case counters
        /// A stretch of the log cannot be read.
        case log
    }

    public var kind: Kind
    /// `nil` when it is about the mailbox, or the log, as a whole.
    public var uid: UID?
    /// For an administrator.
    public var detail: String
    public var isRepaired: Bool

    public init(_ kind: Kind, _ uid: UID? = nil, _ detail: String, isRepaired: Bool = false) {
        self.kind = kind
        self.uid = uid
        self.detail = detail
        self.isRepaired = isRepaired
    }
}

/// Whether an examination mends what it finds.
public enum VerifyMode: Sendable, Hashable { case examine, repair }

/// A part of an examination.
public struct VerifiedSlice: Sendable {
    public var findings: [StoreFinding] = []
    public var messages = 0
    /// Read from the disk.
    public var octets = 0
    /// Where the next part begins; `nil` behind the last.
    public var next: UInt32?

    public init() {}
}

/// What the background examination has done; for one log line and `martlet scrub`.
public struct ScrubStatus: Sendable, Hashable {
    /// Seconds since 1970; `nil`: never yet.
    public var started: Int64?
    public var finished: Int64?
    /// Of the last whole round, and of the one under way.
    public var findings = 0
    public var currentFindings = 0
    public var isRunning = false
    /// Octets read and messages seen since `started`.
    public var octets: UInt64 = 0
    public var messages: UInt64 = 0
    /// What the round under way has come to: an account's name; empty: the log.
    public var position = ""

    public init() {}

    /// One line for each field.
    public var text: String {
        """
        martlet scrub 1
        started \(self.started ?? 0)
        finished \(self.finished ?? 0)
        findings \(self.findings)
        current \(self.currentFindings)
        running \(self.isRunning ? 1 : 0)
        octets \(self.octets)
        messages \(self.messages)
        position \(self.position)

        """
    }

    public init?(text: String) {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        guard lines.first == "martlet scrub 1" else { return nil }
        for line in lines.dropFirst() {
            guard let blank = line.firstIndex(of: " ") else { continue }
            let value = line[line.index(after: blank)...]
            switch line[..<blank] {
            case "started": self.started = Int64(value).flatMap { $0 > 0 ? $0 : nil }
            case "finished": self.finished = Int64(value).flatMap { $0 > 0 ? $0 : nil }
            case "findings": self.findings = Int(value) ?? 0
            case "current": self.currentFindings = Int(value) ?? 0
            case "running": self.isRunning = value == "1"
            case "octets": self.octets = UInt64(value) ?? 0
            case "messages": self.messages = UInt64(value) ?? 0
            case "position": self.position = String(value)
            default: break
            }
        }
    }
}
