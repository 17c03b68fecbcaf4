/// How TLS is spoken, apart from certificates.
public struct TLSPolicy: Equatable, Sendable {
    public enum MinimumVersion: Equatable, Sendable {
        case tls12
        case tls13
    }

    public enum CipherPreference: Equatable, Sendable {
        case client
        case server
    }

    public var minimumVersion = MinimumVersion.tls12
    /// TLS 1.2 suites in OpenSSL's syntax: forward secret and authenticated encryption only.
    public var cipherList = "ECDHE+AESGCM:ECDHE+CHACHA20:!aNULL:!eNULL"
    /// TLS 1.3 suites, colon separated; empty for OpenSSL's choice.
    public var cipherSuites = ""
    /// Groups for the key exchange, colon separated. OpenSSL's own list has ffdhe8192, with which a hello that costs its sender
    /// nothing costs the server a tenth of a second.
    public var curveList = "X25519:P-256:P-384:P-521"
    public var cipherPreference = CipherPreference.client

    public init() {}
}

/// A certificate chain and its private key, as read from their files.
public struct TLSIdentity: Sendable {
    /// Host names to serve it for, exact or `*.example.org`, beside those the certificate itself names.
    public var names: [String]
    /// PEM: the server's certificate first, then the intermediate ones.
    public var certificate: [UInt8]
    /// PEM.
    public var privateKey: [UInt8]
    /// For an encrypted key.
    public var keyPassword: String?
    /// The files' names, for messages.
    public var certificateFile: String
    public var keyFile: String

    public init(
        names: [String] = [], certificate: [UInt8], privateKey: [UInt8], keyPassword: String? = nil,
        certificateFile: String, keyFile: String
    ) {
        self.names = names
        self.certificate = certificate
        self.privateKey = privateKey
        self.keyPassword = keyPassword
        self.certificateFile = certificateFile
        self.keyFile = keyFile
    }
}
