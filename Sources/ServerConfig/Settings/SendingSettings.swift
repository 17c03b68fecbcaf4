/// How mail that scripts send reaches the MTA.
public struct SubmissionSettings: Sendable, Equatable {
    /// `host` or `host:port` of the MTA; empty: `sendmail_path` is run.
    public var host = ""
    public var security = SubmissionSecurity.none
    /// How long the MTA, or the program, may take for one mail.
    public var timeout: Duration = .seconds(30)

    public init() {}
}

/// TLS to the submission host.
public enum SubmissionSecurity: String, SettingChoice {
    case none = "no"
    case starttls
    /// From the first octet on.
    case smtps
    /// As `smtps`, by its name since RFC 8314.
    case submissions
}

/// The mails that wait for the MTA.
public struct OutgoingQueueSettings: Sendable, Equatable {
    /// Mails; 0 for no limit.
    public var maximumCount = 10_000
    /// Octets of them together; 0 for no limit.
    public var maximumSize: UInt64 = 1 << 30
    public var firstPause: Duration = .seconds(60)
    public var longestPause: Duration = .seconds(3600)
    public var lifetime: Duration = .seconds(5 * 86_400)

    public init() {}
}

/// What scripts send, and remember of it.
public struct ScriptMailSettings: Sendable, Equatable {
    /// The user's own address; unexpanded, empty: not known.
    public var userEmail = ""
    /// Who sends redirected mail, as `SievePolicy.AddressSource` reads it; empty: the sender.
    public var redirectSender = ""
    public var redirectDuplicatePeriod: Duration = .seconds(12 * 3600)
    /// The same for notifications; empty: as RFC 5436 says.
    public var notifySender = ""
    public var maximumNotifications = 10
    public var duplicatePeriod: Duration = .seconds(12 * 3600)
    public var maximumDuplicatePeriod: Duration = .seconds(2 * 86_400)
    public var vacation = VacationSettings()

    public init() {}
}

/// Replies of vacation.
public struct VacationSettings: Sendable, Equatable {
    public var minimumPeriod: Duration = .seconds(86_400)
    public var maximumPeriod: Duration = .seconds(60 * 86_400)
    public var defaultPeriod: Duration = .seconds(7 * 86_400)
    public var defaultSubject = ""
    /// `%{subject}` stands for the subject of the message.
    public var subjectTemplate = ""
    public var maximumSubject = 256
    public var usesOriginalRecipient = false
    public var checksRecipient = true
    public var sendsFromRecipient = false
    public var repliesToHeader = false

    public init() {}
}
