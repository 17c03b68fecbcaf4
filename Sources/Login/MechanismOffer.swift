public import SASLCore
public import ServerCore

/// Which of the configured mechanisms a connection may use.
public struct MechanismOffer: Sendable {
    /// What protects the connection.
    enum Protection {
        case none, local
        /// `canBind`: whether it tells anything to bind a login to.
        case tls(canBind: Bool)
    }

    private let protection: Protection
    private let allowsCleartext: Bool
    private let requiresTLS: Bool

    /// - Parameters:
    ///   - allowsCleartext: whether passwords may cross a connection in clear.
    ///   - requiresTLS: whether nothing at all may, unless the client is on this machine.
    public init(_ connection: Connection, allowsCleartext: Bool, requiresTLS: Bool) {
        let protection: Protection =
            if connection.isEncrypted {
                .tls(canBind: !connection.channelBindings.isEmpty)
            } else {
                connection.isProtected ? .local : .none
            }
        self.init(protection, allowsCleartext: allowsCleartext, requiresTLS: requiresTLS)
    }

    init(_ protection: Protection, allowsCleartext: Bool, requiresTLS: Bool) {
        self.protection = protection
        self.allowsCleartext = allowsCleartext
        self.requiresTLS = requiresTLS
    }

    /// The mechanisms of `configured` to offer, in their order. What never sends the password needs no TLS; what sends
    /// a token always does.
    public func mechanisms(_ configured: [SASLMechanismName]) -> [SASLMechanismName] {
        configured.filter { name in
            switch self.protection {
            case .tls(let canBind): canBind || !name.bindsChannel
            case .local: !name.bindsChannel
            case .none:
                !name.bindsChannel && !name.sendsToken && !self.requiresTLS
                    && (self.allowsCleartext || !name.sendsPassword)
            }
        }
    }
}
