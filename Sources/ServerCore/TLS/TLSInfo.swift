/// What a TLS handshake agreed on.
public struct TLSInfo: Equatable, Sendable {
    /// `TLSv1.3`, `TLSv1.2`.
    public let version: String
    /// OpenSSL's name of the cipher suite.
    public let cipher: String
    /// Strength of the cipher in bits.
    public let cipherBits: Int
    /// The host name the client asked for, in lower case; `nil` if it sent none.
    public let serverName: String?
    /// The protocol chosen by ALPN; `nil` without.
    public let applicationProtocol: String?
    /// Whether an earlier session's ticket was used.
    public let resumed: Bool
    /// What a login can bind itself to, by the type of binding (RFC 5929, RFC 9266).
    public let channelBindings: [String: [UInt8]]
}

/// What the TLS handler tells the connection.
enum TLSEvent: Sendable {
    case established(TLSInfo)
    case failed(ConnectionError)
}

/// A mistake in certificates, keys or TLS settings, with the file it is in.
public struct TLSError: Error, Sendable, CustomStringConvertible {
    /// The file's name as configured; `nil` when no file is at fault.
    public let file: String?
    public let reason: String

    public init(file: String?, reason: String) {
        self.file = file
        self.reason = reason
    }

    public var description: String { self.file.map { "\($0): \(self.reason)" } ?? self.reason }
}
