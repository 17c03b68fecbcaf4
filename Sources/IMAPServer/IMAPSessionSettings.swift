public import IMAPCore
import MailStore
public import SASLCore
public import ServerConfig

/// What an IMAP session needs of the configuration.
public struct IMAPSessionSettings: Sendable {
    /// The text of the greeting, expanded.
    public var greeting = "Martlet ready."
    /// Mechanisms offered, in that order.
    public var mechanisms: [SASLMechanismName] = [.plain, .login]
    /// Whether passwords may cross an unencrypted connection that is not from this machine.
    public var allowsCleartext = false
    /// Whether nobody logs in without TLS but from this machine, whatever `allowsCleartext` says.
    public var requiresTLS = false
    /// Whether STARTTLS is there when a certificate is.
    public var offersTLS = true
    /// Whether LITERAL- is advertised in place of LITERAL+ (RFC 7888 section 5).
    public var limitsLiterals = false {
        didSet { self.limitLiterals() }
    }
    /// Limits of commands once a user has logged in.
    public var commandLimits = CommandLimits()
    /// The largest message in octets that APPEND takes; 0 for no limit.
    public var maximumMessageSize: UInt64 = 100 << 20
    /// What APPENDLIMIT says: the same for all mailboxes; `nil` for no limit that its 32 bits can tell.
    public var appendLimit: UInt64? {
        self.maximumMessageSize > 0 && self.maximumMessageSize <= UInt64(UInt32.max)
            ? self.maximumMessageSize : nil
    }
    /// Connections of one user from one address; 0 for no limit.
    public var userAddressConnections = 50
    /// How long a session may be silent outside of IDLE.
    public var inactivityTimeout: Duration = .seconds(1800)
    /// How often IDLE with nothing to say says `* OK Still here`; zero for never.
    public var idleNotifyInterval: Duration = .seconds(120)
    /// How often a command that takes long says how far it is (RFC 9585), and after how long first; zero for never.
    public var progressInterval: Duration = .seconds(10)
    /// How much COMPRESS tries: 0 to 9.
    public var compressionLevel = 6
    /// Whether messages that EXPUNGE would remove go to the mailbox of \Trash.
    public var expungesToTrash = false
    /// What becomes of a FETCH some of whose messages cannot be read.
    public var fetchFailure = FetchFailurePolicy.refusal
    /// Messages that one command may be about (RFC 9738); `nil` for no limit.
    public var messageLimit: UInt32?
    /// The same for COPY and APPEND alone; counts where `messageLimit` is `nil`.
    public var saveLimit: UInt32?
    /// The smallest batch that UIDBATCHES answers (RFC 10022).
    public var minimumBatchSize: UInt32 = 500
    /// Commands in a row that were BAD before a session is closed.
    public var maximumBadCommands = 20

    /// Whether METADATA is there.
    public var offersMetadata = true
    /// Server entries that only the administrator sets; empty for none.
    public var serverComment = ""
    public var serverAdmin = ""
    /// The host in URLs that are signed here, `*` for any; empty: none are.
    public var urlHost = ""
    /// The port in them; 143 is meant by a URL without one.
    public var urlPort = 143
    /// Who fetches what users give to the submission server; empty for nobody.
    public var urlSubmitUser = ""
    /// The ManageSieve server where users store scripts for IMAP events; empty: they have none.
    public var eventScriptsURL = ""
    /// Whether users may share with `anyone` and `authenticated`.
    public var allowsSharingWithAnyone = false

    public init() {}

    /// - Parameter hostname: the name for the greeting.
    public init(_ settings: Settings, hostname: String) {
        self.greeting = Expansion.expand(settings.general.loginGreeting) { name in
            switch name {
            case "hostname": hostname
            case "protocol", "service": "imap"
            default: nil
            }
        }
        self.mechanisms = settings.auth.mechanisms.compactMap { SASLMechanismName($0.rawValue) }
        self.allowsCleartext = settings.auth.allowsCleartext
        self.requiresTLS = settings.tls.mode == .required
        self.offersTLS = settings.tls.mode != .no
        self.commandLimits.lineLength = Int(clamping: max(1024, settings.imap.maximumLineLength))
        // A set of n ranges needs 2n octets at least.
        self.commandLimits.setRanges = max(self.commandLimits.setRanges, self.commandLimits.lineLength / 2)
        self.limitsLiterals = settings.imap.limitsLiterals
        // An initializer does not run `didSet`.
        self.limitLiterals()
        self.maximumMessageSize = settings.mail.maximumMessageSize
        self.allowsSharingWithAnyone = settings.access.allowsAnyone
        self.userAddressConnections = settings.limits.userAddressConnections
        self.inactivityTimeout = settings.imap.inactivityTimeout
        self.idleNotifyInterval = settings.imap.idleNotifyInterval
        self.compressionLevel = settings.imap.compressionLevel
        self.offersMetadata = settings.imap.offersMetadata
        self.fetchFailure = settings.imap.fetchFailure
        self.urlHost = settings.imap.urlHost
        self.urlPort = settings.imap.urlPort
        self.urlSubmitUser = settings.imap.urlSubmitUser
        self.serverComment = settings.imap.serverComment
        self.serverAdmin = settings.imap.serverAdmin
        self.eventScriptsURL = settings.events.url
        self.commandLimits.metadataValue = MetadataLimits.maximumValue
        self.expungesToTrash = settings.imap.expungesToTrash
        if settings.imap.messageLimit > 0 { self.messageLimit = UInt32(clamping: settings.imap.messageLimit) }
        if settings.imap.saveLimit > 0 { self.saveLimit = UInt32(clamping: settings.imap.saveLimit) }
    }

    private mutating func limitLiterals() {
        self.commandLimits.nonSynchronizingSize = self.limitsLiterals ? 4096 : .max
    }
}
