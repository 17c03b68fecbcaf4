public import ServerCore

/// What each login line says of the connection.
public struct ConnectionLogFields: Sendable {
    /// `rip=192.0.2.1, lip=192.0.2.2`
    let addresses: String
    /// `, TLS, session=<...>`
    let rest: String

    var all: String { self.addresses + self.rest }

    public init(_ connection: Connection) {
        self.init(
            remote: connection.remoteAddress, local: connection.localAddress, tls: connection.tls != nil,
            isProtected: connection.isProtected, sessionID: connection.sessionID)
    }

    init(remote: PeerAddress, local: PeerAddress, tls hasTLS: Bool, isProtected: Bool, sessionID: String) {
        self.addresses = "rip=\(remote), lip=\(local)"
        let security = hasTLS ? ", TLS" : isProtected ? ", secured" : ""
        self.rest = "\(security), session=<\(sessionID)>"
    }
}
