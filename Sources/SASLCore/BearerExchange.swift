import MailCore

/// OAUTHBEARER (RFC 7628) and XOAUTH2, its forerunner: the client sends a bearer token that an authorization server gave it.
///
/// ```
/// C: n,a=user@example.com,^Ahost=server.example.com^Aport=143^Aauth=Bearer vF9dft4qmT^A^A
/// ```
/// and for XOAUTH2
/// ```
/// C: user=user@example.com^Aauth=Bearer vF9dft4qmT^A^A
/// ```
/// A token that is refused is answered with a challenge of JSON, to which the client answers something without meaning
/// before the exchange fails (RFC 7628 section 3.2.3).
public struct BearerExchange: SASLExchange {
    /// How the message begins.
    public enum Form: Hashable, Sendable {
        /// With a GS2 header (RFC 5801 section 4).
        case oauthBearer
        /// With `user=`.
        case xoauth2
    }

    private enum State {
        case start
        case challenged
        case asking
        /// The client has been told that its token is refused.
        case refused
        case over
    }

    /// The longest message in octets: what a line of each protocol still carries in base64.
    public static let maximumLength = 9216

    private let form: Form
    private let discovery: BearerDiscovery
    private var state = State.start

    public init(_ form: Form, discovery: BearerDiscovery) {
        self.form = form
        self.discovery = discovery
    }

    public mutating func received(_ response: [UInt8]?) -> SASLAction {
        switch self.state {
        case .start:
            guard let response else {
                self.state = .challenged
                return .challenge([])
            }
            return self.take(response)
        case .challenged: return self.take(response ?? [])
        case .refused:
            self.state = .over
            return .fail(.refused)
        case .asking, .over:
            self.state = .over
            return .fail(.unexpected)
        }
    }

    public mutating func answered(_ answer: SASLAnswer) -> SASLAction {
        guard case .asking = self.state else {
            self.state = .over
            return .fail(.unexpected)
        }
        switch answer {
        case .accepted:
            self.state = .over
            return .done(serverData: nil)
        case .refused:
            self.state = .refused
            return .challenge(self.discovery.refusal(self.form))
        case .keys:
            self.state = .over
            return .fail(.unexpected)
        }
    }

    private mutating func take(_ message: [UInt8]) -> SASLAction {
        switch Self.parse(message, self.form) {
        case .token(let token):
            self.state = .asking
            return .ask(.token(token))
        case .noToken:
            self.state = .refused
            return .challenge(self.discovery.refusal(self.form))
        case nil:
            self.state = .over
            return .fail(.malformed)
        }
    }

    /// What a client's message says.
    public enum Message: Hashable, Sendable {
        case token(SASLToken)
        /// The client asks where to get a token (RFC 7628 section 4.3).
        case noToken
    }

    /// `nil` when the message breaks the grammar of RFC 7628 section 3.1, or brings something else than a bearer token.
    public static func parse(_ message: [UInt8], _ form: Form) -> Message? {
        guard message.count <= self.maximumLength, message.suffix(2) == [1, 1] else { return nil }
        var identity: String?
        var rest = message[...]
        if form == .oauthBearer {
            // `p=` would bind the channel, which a bearer token cannot.
            guard let header = GS2Header(message), header.binding == .none || header.binding == .unsupportedByServer
            else { return nil }
            identity = header.authorizationIdentity
            rest = message[header.end...]
            guard rest.popFirst() == 1 else { return nil }
        }
        var authorization: ArraySlice<UInt8>?
        for field in rest.dropLast(2).split(separator: 1, omittingEmptySubsequences: false) {
            guard let equals = field.firstIndex(of: UInt8(ascii: "=")), equals > field.startIndex,
                field[..<equals].allSatisfy(ASCII.isLetter), field[equals...].dropFirst().allSatisfy(self.isValueOctet)
            else { return nil }
            let value = field[equals...].dropFirst()
            if field[..<equals].elementsEqual("auth".utf8) {
                guard authorization == nil else { return nil }
                authorization = value
            } else if form == .xoauth2, field[..<equals].elementsEqual("user".utf8) {
                guard identity == nil, !value.isEmpty, value.count <= SASLCredentials.maximumLength else { return nil }
                identity = String(validating: value, as: UTF8.self)
                guard identity != nil else { return nil }
            }
            // Unknown keys have to be ignored (section 3.1). So are host and port, which section 3.2 would compare with ours:
            // behind a proxy they are not those that we know.
        }
        guard let authorization else { return nil }
        if authorization.isEmpty { return .noToken }
        guard let token = self.token(of: authorization) else { return nil }
        return .token(SASLToken(authorizationIdentity: identity, token: token))
    }

    /// `Bearer TOKEN`, the scheme in either case (RFC 7628 section 4), the token of any printable characters but a space.
    private static func token(of authorization: ArraySlice<UInt8>) -> [UInt8]? {
        let scheme = "bearer ".utf8
        guard authorization.prefix(scheme.count).map(ASCII.lowercased).elementsEqual(scheme) else { return nil }
        let token = authorization.dropFirst(scheme.count)
        guard !token.isEmpty, token.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else { return nil }
        return Array(token)
    }

    /// Of UTF-8, too: XOAUTH2 has names in it.
    private static func isValueOctet(_ octet: UInt8) -> Bool {
        octet >= 0x20 && octet != 0x7F || octet == 0x09 || octet == 0x0A || octet == 0x0D
    }
}
