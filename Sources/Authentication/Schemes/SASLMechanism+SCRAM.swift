import MailCore
public import SASLCore

extension SASLMechanism {
    /// SCRAM with the system's cryptography and random source.
    public static func scram(_ hash: SCRAMHash) -> SASLMechanism {
        SASLMechanism(name: hash.mechanism, properties: .mutualAuthentication) { channel in
            SCRAMExchange(
                hash: hash, functions: hash.functions, nonce: Self.newNonce(),
                binding: channel.offersBinding ? .offered : .none)
        }
    }

    /// SCRAM bound to the channel below (RFC 5802 section 6).
    public static func scramPlus(_ hash: SCRAMHash) -> SASLMechanism {
        SASLMechanism(
            name: hash == .sha1 ? .scramSHA1Plus : .scramSHA256Plus,
            properties: [.mutualAuthentication, .channelBinding]
        ) { channel in
            SCRAMExchange(
                hash: hash, functions: hash.functions, nonce: Self.newNonce(), binding: .required(channel.bindings))
        }
    }

    /// 24 printable characters; base64 has no comma.
    private static func newNonce() -> [UInt8] { Base64.encode(randomBytes(18)) }
}

extension SASLRegistry {
    /// Every mechanism there is. `discovery` is what a client is told whose token is refused.
    public static func all(_ discovery: BearerDiscovery = BearerDiscovery()) -> SASLRegistry {
        SASLRegistry(
            Self.builtIn.mechanisms + [
                .scram(.sha256), .scramPlus(.sha256), .scram(.sha1), .scramPlus(.sha1), .oauthBearer(discovery),
                .xoauth2(discovery),
            ])
    }
}
