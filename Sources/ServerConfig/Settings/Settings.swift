public import MailCore
/// Every setting of one Martlet, typed, with its default; `Schema` says how each is written in the files.
///
/// Texts that hold `%{...}` (paths of users, the greeting) are unexpanded: see `Expansion`.
public struct Settings: Sendable, Equatable {
    public var general = GeneralSettings()
    public var mail = MailSettings()
    public var access = AccessSettings()
    public var auth = AuthSettings()
    public var tokens = TokenSettings()
    public var tls = TLSSettings()
    public var logging = LoggingSettings()
    public var limits = LimitsSettings()
    public var imap = IMAPSettings()
    public var pop3 = POP3Settings()
    public var lmtp = LMTPSettings()
    public var delivery = DeliverySettings()
    public var sieve = SieveSettings()
    public var scriptMail = ScriptMailSettings()
    public var submission = SubmissionSettings()
    public var outgoingQueue = OutgoingQueueSettings()
    public var events = EventSettings()
    public var junk = JunkSettings()
    public var quota = QuotaSettings()
    /// Where connections are accepted: the built-in ones as the files changed them, without those that
    /// `protocols`, `ssl = no` or `port = 0` switch off.
    public var listeners: [ListenerSettings] = []
    /// At least one after loading; exactly one has `holdsInbox`.
    public var namespaces: [NamespaceSettings] = []
    /// In the order of the files, which is the order of asking.
    public var passdbs: [PassdbSettings] = []
    /// In the order of the files, which is the order of asking.
    public var userdbs: [UserdbSettings] = []

    public init() {}

    /// The directory of the volume that holds the index and the log: `mail_volume_path`, or `volume` below
    /// `state_dir`.
    public var volumePath: String {
        self.mail.volumePath.isEmpty ? self.general.stateDirectory + "/volume" : self.mail.volumePath
    }

    /// All volumes, the one that is always there first.
    public var volumes: [VolumeSettings] {
        var usual = VolumeSettings(name: VolumeSettings.usualName)
        usual.path = self.volumePath
        return [usual] + self.mail.volumes
    }

    /// Their directories, for log lines.
    public var volumePaths: String { self.volumes.map(\.path).joined(separator: ", ") }

    /// The socket on which the daemon answers `martlet`.
    public var adminSocketPath: String { self.general.baseDirectory + "/admin" }

    /// The socket where the daemon takes mail from programs of this machine (`martlet deliver`).
    public var deliverSocketPath: String { self.general.baseDirectory + "/deliver" }
}

/// A protocol that clients or MTAs speak to Martlet.
public enum MailProtocol: String, SettingChoice {
    case imap, pop3, lmtp
    /// ManageSieve.
    case sieve
}

/// The daemon as a whole.
public struct GeneralSettings: Sendable, Equatable {
    /// Sockets and the pid file; gone after a reboot. Absolute.
    public var baseDirectory = "/run/martlet"
    /// What must survive a reboot. Absolute.
    public var stateDirectory = "/var/lib/martlet"
    public var protocols: [MailProtocol] = [.imap, .pop3, .lmtp, .sieve]
    /// Addresses on which TCP listeners without an own `address` listen; `*` is every IPv4 address, `::`
    /// every IPv6 one.
    public var listen = ["*", "::"]
    /// The name in greetings and Received headers; empty for the machine's own.
    public var hostname = ""
    /// The text of the greeting; unexpanded.
    public var loginGreeting = "Martlet ready."
    /// The account of the auth role when started as root.
    public var internalUser = "martlet"

    public init() {}
}

/// Logs.
public struct LoggingSettings: Sendable, Equatable {
    /// `stderr`, `syslog`, or an absolute path.
    public var path = "stderr"
    /// As `path`, for informational lines; empty for the same place.
    public var infoPath = ""
    /// As `path`, for debugging lines; empty for the same place as informational ones.
    public var debugPath = ""
    /// Whether debugging lines are written at all.
    public var writesDebug = false

    public init() {}
}

/// What one client, user or address may take.
public struct LimitsSettings: Sendable, Equatable {
    /// Connections of one user from one address, counted per protocol; 0 for no limit.
    public var userAddressConnections = 50
    /// Connections that have not logged in, from one address, over all protocols; 0 for no limit.
    public var unauthenticatedAddressConnections = 100
    /// Connections of one protocol in all; 0 for no limit.
    public var clientLimit = 20000
    /// What `service NAME { client_limit }` says instead of `clientLimit`.
    public var serviceClientLimits: [MailProtocol: Int] = [:]
    /// How long a connection may stay without a login.
    public var loginTimeout: Duration = .seconds(180)
    /// Networks whose hosts are proxies for listeners with `haproxy = yes`.
    public var proxyNetworks: [IPNetwork] = []
    /// How long such a proxy may take to say who its client is.
    public var proxyTimeout: Duration = .seconds(3)
    /// Octets of answers held in memory for one client that reads slowly; beyond it the session waits.
    public var outputBufferSize: UInt64 = 1 << 20

    /// The most connections of `mailProtocol`; 0 for no limit.
    public func clientLimit(of mailProtocol: MailProtocol) -> Int {
        self.serviceClientLimits[mailProtocol] ?? self.clientLimit
    }

    public init() {}
}
