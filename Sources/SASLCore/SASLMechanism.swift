/// A mechanism that the server can run: its name, what an attacker can do to it, and how an exchange begins.
public struct SASLMechanism: Sendable {
    public let name: SASLMechanismName
    public let properties: SASLProperties
    private let start: @Sendable (SASLChannel) -> any SASLExchange

    public init(
        name: SASLMechanismName, properties: SASLProperties,
        start: @escaping @Sendable (SASLChannel) -> any SASLExchange
    ) {
        self.name = name
        self.properties = properties
        self.start = start
    }

    /// A new exchange, which has seen no event yet, over `channel`.
    public func begin(on channel: SASLChannel = SASLChannel()) -> any SASLExchange { self.start(channel) }

    public static let plain = SASLMechanism(name: .plain, properties: .plaintext) { _ in PlainExchange() }
    public static let login = SASLMechanism(name: .login, properties: .plaintext) { _ in LoginExchange() }

    /// OAUTHBEARER; `discovery` is what a client is told whose token is refused.
    public static func oauthBearer(_ discovery: BearerDiscovery) -> SASLMechanism {
        SASLMechanism(name: .oauthBearer, properties: .plaintext) { _ in
            BearerExchange(.oauthBearer, discovery: discovery)
        }
    }

    /// XOAUTH2, as `oauthBearer`.
    public static func xoauth2(_ discovery: BearerDiscovery) -> SASLMechanism {
        SASLMechanism(name: .xoauth2, properties: .plaintext) { _ in BearerExchange(.xoauth2, discovery: discovery) }
    }
}

/// Attack properties of a mechanism, as a SASL server announces them to an MTA.
public struct SASLProperties: OptionSet, Hashable, Sendable {
    public let rawValue: UInt8
    public init(rawValue: UInt8) { self.rawValue = rawValue }

    /// Tells the server nothing about who the client is.
    public static let anonymous = SASLProperties(rawValue: 0x01)
    /// Sends the password, or what stands for it, readable.
    public static let plaintext = SASLProperties(rawValue: 0x02)
    /// A listener can try a dictionary of passwords.
    public static let dictionary = SASLProperties(rawValue: 0x04)
    /// An active attacker can take part in the exchange.
    public static let active = SASLProperties(rawValue: 0x08)
    /// Past sessions stay secret when a key becomes known.
    public static let forwardSecrecy = SASLProperties(rawValue: 0x10)
    /// The server proves itself to the client too.
    public static let mutualAuthentication = SASLProperties(rawValue: 0x20)
    /// Needs data of the channel below: of no use to a server that cannot tell it.
    public static let channelBinding = SASLProperties(rawValue: 0x40)
}

/// The channel below an exchange, as far as a mechanism can bind itself to it (RFC 5056).
public struct SASLChannel: Hashable, Sendable {
    /// The channel's data by the type of binding, such as `tls-exporter`; empty without TLS.
    public var bindings: [String: [UInt8]]
    /// Whether mechanisms that bind are offered on this channel.
    public var offersBinding: Bool

    public init(bindings: [String: [UInt8]] = [:], offersBinding: Bool = false) {
        self.bindings = bindings
        self.offersBinding = offersBinding
    }
}

/// The mechanisms that a server offers, by name and in the order of offering.
public struct SASLRegistry: Sendable {
    public let mechanisms: [SASLMechanism]

    /// A later mechanism of the same name is left out.
    public init(_ mechanisms: [SASLMechanism]) {
        var seen: Set<SASLMechanismName> = []
        self.mechanisms = mechanisms.filter { seen.insert($0.name).inserted }
    }

    /// The mechanisms of this module that need nothing from outside.
    public static let builtIn = SASLRegistry([.plain, .login])

    public subscript(name: SASLMechanismName) -> SASLMechanism? {
        self.mechanisms.first { $0.name == name }
    }

    /// The mechanisms of `names` that this registry has, in the order of `names`.
    public func selecting(_ names: [SASLMechanismName]) -> SASLRegistry {
        SASLRegistry(names.compactMap { self[$0] })
    }
}
