/// The name of a SASL mechanism, such as `PLAIN`: 1 to 20 of `A`-`Z`, digits, `-` and `_` (RFC 4422 section 3.1).
public struct SASLMechanismName: Hashable, Sendable, CustomStringConvertible {
    /// The name in upper case.
    public let text: String

    /// `nil` when `text` is not a mechanism name. Letters are taken in either case.
    public init?(_ text: some StringProtocol) {
        self.init(bytes: text.utf8)
    }

    /// `nil` when `bytes` are not a mechanism name. Letters are taken in either case.
    public init?(bytes: some Collection<UInt8>) {
        guard (1...20).contains(bytes.count) else { return nil }
        var name = ""
        for byte in bytes {
            switch byte {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
                UInt8(ascii: "-"), UInt8(ascii: "_"):
                name.unicodeScalars.append(Unicode.Scalar(byte))
            case UInt8(ascii: "a")...UInt8(ascii: "z"):
                name.unicodeScalars.append(Unicode.Scalar(byte & 0xDF))
            default: return nil
            }
        }
        self.text = name
    }

    private init(known text: String) { self.text = text }

    public static let plain = SASLMechanismName(known: "PLAIN")
    public static let login = SASLMechanismName(known: "LOGIN")
    public static let scramSHA1 = SASLMechanismName(known: "SCRAM-SHA-1")
    public static let scramSHA1Plus = SASLMechanismName(known: "SCRAM-SHA-1-PLUS")
    public static let scramSHA256 = SASLMechanismName(known: "SCRAM-SHA-256")
    public static let scramSHA256Plus = SASLMechanismName(known: "SCRAM-SHA-256-PLUS")

    public static let oauthBearer = SASLMechanismName(known: "OAUTHBEARER")
    public static let xoauth2 = SASLMechanismName(known: "XOAUTH2")

    /// Whether the password itself crosses the connection.
    public var sendsPassword: Bool { self == .plain || self == .login }

    /// Whether what crosses it opens other services, too: never without TLS (RFC 7628 section 3).
    public var sendsToken: Bool { self == .oauthBearer || self == .xoauth2 }

    /// Whether it is of those that bind the channel below (RFC 5802 section 4).
    public var bindsChannel: Bool { self.text.hasSuffix("-PLUS") }

    public var description: String { self.text }
}
