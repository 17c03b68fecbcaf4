/// IMAP.
public struct IMAPSettings: Sendable, Equatable {
    /// The longest command in octets, literals of APPEND not counted.
    public var maximumLineLength: UInt64 = 64 << 10
    /// How often a session in IDLE with nothing to say says `* OK Still here`, to keep NAT tables warm; 0 for
    /// never.
    public var idleNotifyInterval: Duration = .seconds(120)
    /// How long a session may be silent outside of IDLE.
    public var inactivityTimeout: Duration = .seconds(1800)
    /// Whether LITERAL- is advertised in place of LITERAL+.
    public var limitsLiterals = false
    /// How much COMPRESS tries: 0 (not at all) to 9.
    public var compressionLevel = 6
    /// Whether clients may keep METADATA.
    public var offersMetadata = true
    /// `/shared/comment` of the server.
    public var serverComment = ""
    /// `/shared/admin` of the server: a URI.
    public var serverAdmin = ""
    /// The host of URLs that are signed and taken (URLAUTH), `*` for any; empty: none are.
    public var urlHost = ""
    /// Their port.
    public var urlPort = 143
    /// The user who fetches URLs for the submission server; empty for nobody.
    public var urlSubmitUser = ""
    /// Whether messages that EXPUNGE would remove go to the mailbox of \Trash.
    public var expungesToTrash = false
    /// What becomes of a FETCH some of whose messages cannot be read.
    public var fetchFailure: FetchFailurePolicy = .refusal
    /// Messages that one command may be about; 0 for no limit.
    public var messageLimit = 0
    /// Messages that one COPY or APPEND may store; 0 for no limit.
    public var saveLimit = 0

    public init() {}
}

/// What becomes of a FETCH some of whose messages cannot be read.
public enum FetchFailurePolicy: String, SettingChoice {
    /// The session ends at once: clients that take what they got for all there is try again.
    case disconnection = "disconnect-immediately"
    /// The others are answered, then the session ends.
    case lateDisconnection = "disconnect-after"
    /// The others are answered, then the command is refused.
    case refusal = "no-after"
}

/// POP3.
public struct POP3Settings: Sendable, Equatable {
    /// The unique-id of messages that bring none of their own; unexpanded, with `uid` and `uidvalidity`.
    public var uidlFormat = "%{uid | hex(8)}%{uidvalidity | hex(8)}"
    /// Whether RETR leaves \Seen alone.
    public var leavesFlags = false
    /// How long a session may be silent; RFC 1939 wants ten minutes at least.
    public var inactivityTimeout: Duration = .seconds(600)

    public init() {}
}

/// LMTP.
public struct LMTPSettings: Sendable, Equatable {
    /// Recipients in one transaction.
    public var maximumRecipients = 1000
    /// Whether RCPT of a full mailbox is refused.
    public var checksQuotaAtRecipient = true
    /// Whether mail to `user+detail` goes into the mailbox `detail`.
    public var savesToDetailMailbox = false
    /// Whether a Received header is added.
    public var addsReceivedHeader = true
    public var deliveryAddressHeader: DeliveryAddressHeader = .final
    /// How long an MTA may be silent.
    public var inactivityTimeout: Duration = .seconds(300)

    public init() {}
}

/// What the Delivered-To header of a message for one recipient says.
public enum DeliveryAddressHeader: String, SettingChoice {
    /// The address of RCPT TO.
    case final
    /// No such header.
    case none
    /// The address of RCPT TO's ORCPT parameter, if it has one.
    case original
}

/// From a message to a mailbox.
public struct DeliverySettings: Sendable, Equatable {
    /// What stands between user and detail in an address; empty for no details.
    public var recipientDelimiter = "+"
    /// Whether a missing mailbox is made rather than INBOX taken.
    public var createsMailboxes = false
    /// The program, with arguments, that takes mail of redirect on its standard input.
    public var sendmailPath = "/usr/sbin/sendmail"
    /// The sender of mail that the server writes; unexpanded.
    public var postmasterAddress = "postmaster@%{user | domain | default(hostname)}"

    public init() {}
}

/// Sieve at delivery.
public struct SieveSettings: Sendable, Equatable {
    /// The places of scripts: one `personal` at least after loading, others in the order of the files.
    public var scripts: [SieveScriptSettings] = []
    /// The largest script in octets; 0 for no limit.
    public var maximumScriptSize: UInt64 = 1 << 20
    /// Scripts of one user, checked by ManageSieve; 0 for no limit.
    public var maximumScripts = 0
    /// Octets of a user's scripts together, checked by ManageSieve; 0 for no limit.
    public var maximumStorage: UInt64 = 0
    /// Actions of one run; 0 for no limit.
    public var maximumActions = 32
    /// Redirects of one run; 0 forbids redirect.
    public var maximumRedirects = 4
    /// Where a user finds what went wrong in the own script; unexpanded, `~/` is the home.
    public var userLog = "~/.dovecot.sieve.log"

    /// The language of scripts.
    public var language = SieveLanguageSettings()

    /// The places of one type, in the order in which their scripts run.
    public func scripts(of type: SieveScriptType) -> [SieveScriptSettings] {
        let places = self.scripts.filter { $0.type == type }
        let first = places.filter { $0.precedence > 0 }.enumerated().sorted {
            ($0.element.precedence, $0.offset) < ($1.element.precedence, $1.offset)
        }
        return first.map(\.element) + places.filter { $0.precedence == 0 }
    }

    /// The storage of users' own scripts.
    public var personal: SieveScriptSettings {
        self.scripts.first { $0.type == .personal } ?? SieveScriptSettings(name: "personal")
    }

    public init() {}
}

/// One place of Sieve scripts.
public struct SieveScriptSettings: Sendable, Equatable {
    public var name: String
    public var type: SieveScriptType = .personal
    /// The name by which users see a `default` script; empty: they do not.
    public var scriptName = ""
    /// Of several of a type that with the lower number comes first; those without one (0) come last.
    public var precedence = 0
    /// A directory of scripts or one script file; unexpanded, `~/` is the home.
    public var path = "~/sieve"
    /// `personal`: the link to the active script; unexpanded.
    public var activePath = "~/.dovecot.sieve"

    public init(name: String) { self.name = name }
}

/// When a script runs.
public enum SieveScriptType: String, SettingChoice {
    /// The user's own.
    case personal
    /// For users without an active script.
    case `default`
    /// For all users, before the own one.
    case before
    /// For all users, after the own one.
    case after
    /// For messages that would be discarded.
    case discard
    /// For others to include.
    case global
}
