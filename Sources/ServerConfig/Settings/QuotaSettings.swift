/// How much users may keep, and what they are told about it.
public struct QuotaSettings: Sendable, Equatable {
    /// The name of the quota root, as clients show it.
    public var name = "User quota"
    /// Octets that an account may hold; 0 for no limit.
    public var storageSize: UInt64 = 0
    /// Messages that an account may hold; 0 for no limit.
    public var messageCount = 0
    /// Octets by which the last message delivered may exceed the limit.
    public var storageGrace: UInt64 = 10 << 20
    /// The largest message in octets that is stored; 0 for no limit.
    public var mailSize: UInt64 = 0
    /// Whether the MTA may try again with mail to a full mailbox.
    public var failsTemporarily = false
    /// What senders and clients are told.
    public var exceededMessage = "Quota exceeded (mailbox for user is full)"
    /// In the order of the files.
    public var warnings: [QuotaWarningSettings] = []
    /// Answers of the policy service.
    public var status = QuotaStatusSettings()

    public init() {}
}

/// What the policy service answers an MTA: actions of Postfix's access(5), one line.
public struct QuotaStatusSettings: Sendable, Equatable {
    public var success = "DUNNO"
    public var noUser = "REJECT Unknown user"
    /// Empty for `552 5.2.2` or `452 4.2.2` with the message for full mailboxes.
    public var overQuota = ""
    /// Empty for `552 5.3.4`.
    public var tooLarge = ""

    public init() {}
}

/// A level of usage of which a user is told.
public struct QuotaWarningSettings: Sendable, Equatable {
    public var name: String
    public var resource: QuotaWarningResource = .storage
    public var threshold: QuotaWarningThreshold = .over
    /// Of the storage limit.
    public var storagePercentage = 100
    /// Of the limit of messages.
    public var messagePercentage = 100
    /// Whether the user gets a mail.
    public var sendsMail = true
    /// Unexpanded; empty for a subject of our own.
    public var subject = ""
    /// Unexpanded; empty for a text of our own.
    public var text = ""
    /// A program, absolute, with arguments; unexpanded, may be empty.
    public var execute = ""

    public init(name: String) { self.name = name }

    /// That of the resource.
    public var percentage: Int {
        switch self.resource {
        case .storage: self.storagePercentage
        case .message: self.messagePercentage
        }
    }
}

/// Which limit a warning is about.
public enum QuotaWarningResource: String, SettingChoice {
    case storage, message
}

/// Which way a level is crossed.
public enum QuotaWarningThreshold: String, SettingChoice {
    case over, under
}
