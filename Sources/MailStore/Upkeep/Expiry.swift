/// Which messages of a mailbox go by themselves.
public struct ExpiryRule: Sendable, Hashable {
    /// A mailbox name as for `MailboxQuotaRule`.
    public var pattern: String
    /// Seconds after which a message goes, from its arrival in the mailbox; `nil`: never.
    public var age: Int64?
    /// Messages that stay at most, the newest; `nil`: all.
    public var maximum: Int?

    public init(pattern: String, age: Int64? = nil, maximum: Int? = nil) {
        self.pattern = pattern
        self.age = age
        self.maximum = maximum
    }
}

/// What one look through all mailboxes did.
public struct ExpiryReport: Sendable, Hashable {
    /// Accounts looked at.
    public var accounts = 0
    /// Mailboxes from which something was removed.
    public var mailboxes = 0
    public var messages = 0
    /// Mailboxes that could not be dealt with; the store's log says why.
    public var failures = 0

    public init() {}
}

extension MailStore {
    public func expire(
        _ rules: [ExpiryRule], pause: @Sendable (_ worked: Bool) async -> Bool
    ) async throws(StoreError) -> ExpiryReport { ExpiryReport() }
}
