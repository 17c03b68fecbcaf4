/// A server that listens.
public enum ListeningService: String, SettingChoice {
    case imap, pop3, lmtp
    /// ManageSieve.
    case sieve = "managesieve"
    /// SASL for MTAs (the Dovecot auth client protocol).
    case auth
    /// Postfix's policy protocol: whether mailboxes take mail.
    case quotaStatus = "quota-status"
}

extension ListeningService {
    /// Whether its clients may come through a proxy that says who they are.
    public var mayBeProxied: Bool { self.mailProtocol != nil }

    /// What is spoken there; `nil`: not to clients or MTAs with mail.
    public var mailProtocol: MailProtocol? { MailProtocol.allCases.first { $0.service == self } }
}

extension MailProtocol {
    /// The server that speaks it.
    public var service: ListeningService {
        switch self {
        case .imap: .imap
        case .pop3: .pop3
        case .lmtp: .lmtp
        case .sieve: .sieve
        }
    }
}

/// One place where connections are accepted.
public struct ListenerSettings: Sendable, Equatable {
    public var service: ListeningService
    /// `imaps`, or the path as the file has it: unique within the service and kind.
    public var name: String
    public var place: Place

    /// What is bound.
    public enum Place: Sendable, Equatable {
        case inet(InetPlace)
        case unix(UnixPlace)
    }

    public init(service: ListeningService, name: String, place: Place) {
        self.service = service
        self.name = name
        self.place = place
    }
}

/// A TCP port.
public struct InetPlace: Sendable, Equatable {
    /// Literal addresses, or `*` and `::`; never empty after loading.
    public var addresses: [String] = []
    /// 1...65535 after loading; 0 in the files switches a listener off.
    public var port = 0
    /// Whether the connection begins with the TLS handshake.
    public var isTLS = false
    /// Whether a proxy connects that says who its clients are (the PROXY protocol).
    public var isProxied = false

    public init() {}
}

/// A socket in the file system.
public struct UnixPlace: Sendable, Equatable {
    /// Absolute after loading.
    public var path = ""
    /// Permission bits.
    public var mode: UInt32 = 0o600
    /// The owner by name or number; empty for the daemon's own.
    public var user = ""
    /// The group by name or number; empty for the daemon's own.
    public var group = ""

    public init() {}
}
