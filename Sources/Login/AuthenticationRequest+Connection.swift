public import Authentication
public import ServerCore

extension AuthenticationRequest {
    /// What is known about a connection on which somebody logs in to `service` (`imap`, `pop3`, `sieve`).
    public init(service: String, on connection: Connection) {
        let remote = connection.remoteAddress
        let local = connection.localAddress
        self.init(
            service: service, remoteAddress: remote.isUnix ? nil : remote.text,
            remotePort: remote.isUnix ? nil : remote.port, localAddress: local.isUnix ? nil : local.text,
            localPort: local.isUnix ? nil : local.port,
            security: connection.isEncrypted ? .tls : remote.isLocal ? .local : .cleartext,
            session: connection.sessionID)
        self.isProxied = connection.isProxied
    }
}
