public import MailCore

/// What an account holds, or a change of it: octets in RFC 5322 form and messages. Exact.
public struct QuotaUsage: Sendable, Hashable {
    /// The sum of RFC822.SIZE, in octets.
    public var storage: Int64
    public var messages: Int64

    public static let zero = QuotaUsage(storage: 0, messages: 0)

    public init(storage: Int64, messages: Int64) {
        self.storage = storage
        self.messages = messages
    }

    /// Storage as people and protocols are told it, in units of 1024 octets, rounded up (RFC 9208 section 5.1).
    package static func kibibytes(_ octets: Int64) -> UInt64 { (UInt64(max(0, octets)) + 1023) / 1024 }

    public static func + (a: QuotaUsage, b: QuotaUsage) -> QuotaUsage {
        QuotaUsage(storage: a.storage &+ b.storage, messages: a.messages &+ b.messages)
    }

    public static func - (a: QuotaUsage, b: QuotaUsage) -> QuotaUsage {
        QuotaUsage(storage: a.storage &- b.storage, messages: a.messages &- b.messages)
    }
}

/// How much an account may hold; `nil` is no limit.
public struct QuotaLimits: Sendable, Hashable {
    /// Octets.
    public var storage: Int64?
    public var messages: Int64?

    public static let none = QuotaLimits()

    public init(storage: Int64? = nil, messages: Int64? = nil) {
        self.storage = storage
        self.messages = messages
    }

    public var isUnlimited: Bool { self.storage == nil && self.messages == nil }
}

/// What of a quota is meant.
public enum QuotaResource: Sendable, Hashable { case storage, messages }

/// What holds for some mailboxes of an account.
public struct MailboxQuotaRule: Sendable, Hashable {
    /// A mailbox name; `*` stands for any characters, `?` for one.
    public var pattern: String
    /// Whether what lies there does not count, and is not limited.
    public var isIgnored = false
    /// For messages going in, limits are this part of the account's, in percent.
    public var storagePercentage: Int64 = 100
    public var messagePercentage: Int64 = 100
    /// Octets added to the limit for messages going in.
    public var storageExtra: Int64 = 0

    public init(pattern: String) { self.pattern = pattern }
}

/// A level whose crossing is reported.
public struct QuotaThreshold: Sendable, Hashable {
    public enum Direction: Sendable, Hashable {
        /// The usage has come to the level or above it.
        case over
        /// The usage was at the level or above, and has fallen below it.
        case under
    }

    /// The name of the setting that it came from.
    public var name: String
    public var resource: QuotaResource
    /// Of the limit.
    public var percentage: Int64
    public var direction: Direction

    public init(name: String, resource: QuotaResource, percentage: Int64, direction: Direction) {
        self.name = name
        self.resource = resource
        self.percentage = percentage
        self.direction = direction
    }
}

/// What settings and user database say of an account's quota.
public struct QuotaRules: Sendable, Hashable {
    /// The name of the quota root.
    public var name = "User quota"
    public var limits = QuotaLimits.none
    /// Octets by which the last delivered message may exceed the limit, as long as the account was below it.
    public var storageGrace: Int64 = 0
    /// The largest message in octets that is stored; 0 for no limit.
    public var maximumMessageSize: UInt64 = 0
    public var mailboxRules: [MailboxQuotaRule] = []
    public var thresholds: [QuotaThreshold] = []

    public init() {}

    /// The first rule that is for a mailbox.
    public func rule(of mailbox: MailboxName) -> MailboxQuotaRule? {
        if self.mailboxRules.isEmpty { return nil }
        return self.mailboxRules.first { MailboxQuotaRule.matches($0.pattern, mailbox) }
    }
}

extension MailboxQuotaRule {
    /// Whether a mailbox has a name that a pattern means.
    package static func matches(_ pattern: String, _ mailbox: MailboxName) -> Bool {
        Self.matches(pattern.utf8, mailbox.text.utf8)
    }

    /// Glob matching in linear memory: on a mismatch the last `*` takes one more character.
    private static func matches(_ pattern: String.UTF8View, _ text: String.UTF8View) -> Bool {
        var p = pattern.startIndex
        var t = text.startIndex
        var retry: (pattern: String.Index, text: String.Index)?
        while t < text.endIndex {
            if p < pattern.endIndex, pattern[p] == UInt8(ascii: "*") {
                pattern.formIndex(after: &p)
                retry = (p, t)
            } else if p < pattern.endIndex, pattern[p] == UInt8(ascii: "?") || pattern[p] == text[t] {
                pattern.formIndex(after: &p)
                text.formIndex(after: &t)
            } else if let (star, start) = retry {
                p = star
                t = text.index(after: start)
                retry = (star, t)
            } else {
                return false
            }
        }
        while p < pattern.endIndex, pattern[p] == UInt8(ascii: "*") { pattern.formIndex(after: &p) }
        return p == pattern.endIndex
    }
}

/// An account of a further private namespace whose mail counts in its user's quota.
public struct QuotaMember: Sendable {
    /// Of the account in the store.
    public var name: String
    /// The rules of its mailboxes, and the largest message; `nil`: those that it has.
    public var rules: QuotaRules?

    public init(name: String, rules: QuotaRules?) {
        self.name = name
        self.rules = rules
    }
}

/// An account's quota root at one moment.
public struct QuotaStatus: Sendable, Hashable {
    public var name: String
    public var usage: QuotaUsage
    /// Those in force: what an administrator set for this account, else what settings say.
    public var limits: QuotaLimits

    public init(name: String, usage: QuotaUsage, limits: QuotaLimits) {
        self.name = name
        self.usage = usage
        self.limits = limits
    }

    /// Whether the account holds as much as it may, or more.
    public var isExceeded: Bool {
        if let limit = self.limits.storage, self.usage.storage >= limit { return true }
        if let limit = self.limits.messages, self.usage.messages >= limit { return true }
        return false
    }

    /// Whether the account holds more than it may.
    public var isOver: Bool {
        if let limit = self.limits.storage, self.usage.storage > limit { return true }
        if let limit = self.limits.messages, self.usage.messages > limit { return true }
        return false
    }

    /// Used part of a limit in percent, rounded down; `nil` without a limit.
    public func percentage(of resource: QuotaResource) -> Int64? {
        let (used, limit) =
            switch resource {
            case .storage: (self.usage.storage, self.limits.storage)
            case .messages: (self.usage.messages, self.limits.messages)
            }
        guard let limit else { return nil }
        guard limit > 0 else { return 100 }
        let (product, overflow) = max(0, used).multipliedReportingOverflow(by: 100)
        return overflow ? max(0, used) / max(1, limit / 100) : product / limit
    }
}

/// A level that an account's usage has just crossed.
public struct QuotaCrossing: Sendable {
    public var account: AccountIdentity
    public var threshold: QuotaThreshold
    /// After the change.
    public var status: QuotaStatus

    public init(account: AccountIdentity, threshold: QuotaThreshold, status: QuotaStatus) {
        self.account = account
        self.threshold = threshold
        self.status = status
    }
}

/// How strictly the quota looks at a new message.
public enum QuotaStrictness: Sendable, Hashable {
    /// A client's: within the limit.
    case exact
    /// A delivery: the last message may exceed the storage limit by the grace.
    case delivery
    /// Not at all: the server's own warnings, what an administrator moves.
    case exempt
}

extension MailAccount {
    /// What the account holds and may hold. Waits until mailboxes that other programs made are counted.
    public func quota() async throws(StoreError) -> QuotaStatus {
        QuotaStatus(name: QuotaRules().name, usage: .zero, limits: .none)
    }

    /// The same as far as is known now, without waiting.
    public var quotaNow: QuotaStatus { QuotaStatus(name: QuotaRules().name, usage: .zero, limits: .none) }

    public func apply(_ rules: QuotaRules) {}

    public func shareQuota(
        with members: [QuotaMember], opening open: @Sendable (QuotaMember) async throws(StoreError) -> any MailAccount
    ) async {}

    /// Puts limits of an administrator in place of those of the settings, durable; `nil` takes them away again.
    public func setQuotaLimits(_ limits: QuotaLimits?) async throws(StoreError) {
        throw StoreError(.cannot, "no quota here")
    }

    /// Whether a message of that size could be stored now: `.overQuota`, `.tooBig`.
    public func checkQuota(
        octets: UInt64, in mailbox: MailboxName, _ strictness: QuotaStrictness
    ) async throws(StoreError) {}

    /// Counts everything again from the index, and mends what differs; answers the usage.
    public func recalculateQuota() async throws(StoreError) -> QuotaStatus { try await self.quota() }

    /// Octets that EXPUNGE would free (DELETED-STORAGE, RFC 9208 section 4.1.4).
    public func deletedStorage(of name: MailboxName) async throws(StoreError) -> UInt64 { 0 }
}
