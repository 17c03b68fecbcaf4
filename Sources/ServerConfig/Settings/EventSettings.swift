/// Sieve on IMAP events (RFC 6785).
public struct EventSettings: Sendable, Equatable {
    /// The ManageSieve server of this server's users, `sieve://sieve.example.com`; empty: users have no such scripts.
    public var url = ""
    /// Whether messages that scripts discard are removed, and not only marked \\Deleted.
    public var expungesDiscarded = false
    /// The administrator's, in the order of the files.
    public var scripts: [EventScriptSettings] = []

    public init() {}
}

/// A script of the administrator that IMAP events run.
public struct EventScriptSettings: Sendable, Equatable {
    public var name: String
    public var type: EventScriptType = .before
    public var causes: [EventCause] = EventCause.allCases
    /// The script file; unexpanded, `~/` is the home.
    public var path = ""
    /// The mailbox that the message is in or comes into, as users write it, or `*` for every one.
    public var mailbox = "*"
    /// The mailbox that it comes from; `nil`: no matter.
    public var source: String?

    public init(name: String) { self.name = name }

    /// `source` as the files write it.
    package var sourceText: String {
        get { self.source ?? "" }
        set { self.source = newValue.isEmpty ? nil : newValue }
    }
}

/// When a script of the administrator runs beside the user's.
public enum EventScriptType: String, SettingChoice {
    case before, after
    /// For the message that was copied, after the scripts for its copy.
    case copySourceAfter = "copy-source-after"
}

/// What happened to a message.
public enum EventCause: String, SettingChoice {
    case append, copy, flag
}

/// Junk at delivery, and what users' moves teach the filter.
public struct JunkSettings: Sendable, Equatable {
    /// `X-Spam: Yes`: mail with that field goes into the mailbox of \\Junk; empty: none does.
    public var header = ""
    /// Programs with arguments that take a message on standard input, or files for `%{files}`; empty: nothing is
    /// learned.
    public var learnSpam = ""
    public var learnHam = ""
    /// Whether the keywords $Junk and $NotJunk teach, too. Not by itself: some clients set them as their own filter says.
    public var learnsKeywords = false
    /// How long one run of a program may take.
    public var timeout: Duration = .seconds(30)
    /// Programs at a time.
    public var concurrency = 2
    /// Messages of one run with `%{files}`.
    public var batch = 50

    public init() {}
}
