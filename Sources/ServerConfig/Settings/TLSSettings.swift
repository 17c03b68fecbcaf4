/// TLS of every server.
public struct TLSSettings: Sendable, Equatable {
    public var mode: TLSMode = .yes
    /// The certificate chain in PEM, own certificate first; `nil` only when `mode` is `no`.
    public var certificate: FileSetting?
    /// The private key in PEM; `nil` only when `mode` is `no`.
    public var privateKey: FileSetting?
    public var minimumProtocol: TLSVersion = .tls12
    /// OpenSSL's cipher list for TLS 1.2.
    public var cipherList =
        "ALL:!kRSA:!SRP:!kDHd:!DSS:!aNULL:!eNULL:!EXPORT:!DES:!3DES:!MD5:!PSK:!RC4:!ADH:!LOW@STRENGTH"
    /// OpenSSL's cipher suites for TLS 1.3; empty for its default.
    public var cipherSuites = ""
    /// Groups for the key exchange, in OpenSSL's names.
    public var curveList = "X25519:P-256:P-384:P-521"
    public var preferredCiphers: CipherPreference = .client
    /// Certificates for names that clients ask for (SNI), in the order of the files.
    public var localNames: [LocalNameSettings] = []
    /// In PEM, who may vouch for servers that this one connects to; `nil`: whom the system trusts.
    public var clientAuthorities: FileSetting?

    public init() {}
}

/// Whether TLS is there.
public enum TLSMode: String, SettingChoice {
    /// No TLS at all.
    case no
    /// Offered; passwords without it only as `auth_allow_cleartext` says.
    case yes
    /// As `yes`, and no login without it at all except from this machine.
    case required
}

/// A protocol version that is still safe to offer.
public enum TLSVersion: String, SettingChoice {
    case tls12 = "TLSv1.2"
    case tls13 = "TLSv1.3"
}

/// Whose order of ciphers counts.
public enum CipherPreference: String, SettingChoice {
    case client, server
}

/// The certificate for some server names.
public struct LocalNameSettings: Sendable, Equatable {
    /// Lower case; `*.example.org` is every name one level below.
    public var names: [String]
    /// `nil` only when `TLSSettings.mode` is `no`.
    public var certificate: FileSetting?
    /// `nil` only when `TLSSettings.mode` is `no`.
    public var privateKey: FileSetting?

    public init(names: [String]) { self.names = names }
}

/// A file and what it held when the configuration was read.
public struct FileSetting: Sendable, Equatable, CustomStringConvertible, CustomDebugStringConvertible {
    /// Absolute.
    public var path: String
    public var contents: [UInt8]

    public init(path: String, contents: [UInt8]) {
        self.path = path
        self.contents = contents
    }

    /// The path alone, since the contents may be a key.
    public var description: String { self.path }
    public var debugDescription: String { self.path }
}
