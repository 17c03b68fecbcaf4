public import SASLCore
public import ServerCore

/// Which of the configured mechanisms a connection may use.
public struct MechanismOffer: Sendable {
    private let mayLogIn: Bool
    private let mayProve: Bool
    private let hasBindings: Bool

    /// - Parameters:
    ///   - allowsCleartext: whether passwords may cross a connection in clear.
    ///   - requiresTLS: whether nothing at all may, unless the client is on this machine.
    public init(_ connection: Connection, allowsCleartext: Bool, requiresTLS: Bool) {
        let isProtected = connection.tls != nil || connection.remoteAddress.isLocal
        self.mayLogIn = isProtected || (allowsCleartext && !requiresTLS)
        self.mayProve = isProtected || !requiresTLS
        self.hasBindings = connection.tls?.channelBindings.isEmpty == false
    }

    /// The mechanisms of `configured` to offer, in their order. What never sends the password needs no TLS.
    public func mechanisms(_ configured: [SASLMechanismName]) -> [SASLMechanismName] {
        configured.filter { name in
            if name.sendsPassword { return self.mayLogIn }
            return self.mayProve && (!name.bindsChannel || self.hasBindings)
        }
    }
}
