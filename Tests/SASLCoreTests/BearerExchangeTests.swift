import SASLCore
import Testing

struct BearerExchangeTests {
    typealias Form = BearerExchange.Form

    static func octets(_ text: String) -> [UInt8] { Array(text.replacing("^A", with: "\u{1}").utf8) }

    @Test(
        arguments: [
            // RFC 7628 section 4.1
            (
                .oauthBearer,
                "n,a=user@example.com,^Ahost=server.example.com^Aport=143^Aauth=Bearer vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==^A^A",
                "user@example.com", "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg=="
            ),
            (.oauthBearer, "y,,^Aauth=bEARer t^A^A", nil, "t"),
            (.oauthBearer, "n,a=a=2Cb=3Dc,^Aauth=Bearer t^A^A", "a,b=c", "t"),
            (.oauthBearer, "n,,^Aqs=a=b&c^Aauth=Bearer t^Auser=x^A^A", nil, "t"),
            (
                .xoauth2, "user=someuser@example.com^Aauth=Bearer ya29.vF9dft4qmTc2^A^A", "someuser@example.com",
                "ya29.vF9dft4qmTc2"
            ),
            (.xoauth2, "auth=Bearer t^A^A", nil, "t"), (.xoauth2, "user=jörg^Aauth=Bearer t^A^A", "jörg", "t"),
        ] as [(Form, String, String?, String)])
    func reads(_ form: Form, _ text: String, _ user: String?, _ token: String) {
        let message = Self.octets(text)
        let expected = SASLToken(authorizationIdentity: user, token: Array(token.utf8))
        #expect(BearerExchange.parse(message, form) == .token(expected))
        for end in 0..<message.count { #expect(BearerExchange.parse(Array(message[..<end]), form) == nil) }
    }

    @Test(
        arguments: [
            (.oauthBearer, ""), (.oauthBearer, "^A"), (.oauthBearer, "^A^A"), (.oauthBearer, "n,,^A^A"),
            (.oauthBearer, "n,^A^A"), (.oauthBearer, ",,^Aauth=Bearer t^A^A"), (.oauthBearer, "n,,auth=Bearer t^A^A"),
            (.oauthBearer, "p=tls-exporter,,^Aauth=Bearer t^A^A"), (.oauthBearer, "n,a=,^Aauth=Bearer t^A^A"),
            (.oauthBearer, "n,x,^Aauth=Bearer t^A^A"), (.oauthBearer, "n,a=a=2,^Aauth=Bearer t^A^A"),
            (.oauthBearer, "n,,^Aauth=Basic dDp0^A^A"), (.oauthBearer, "n,,^Aauth=Bearer ^A^A"),
            (.oauthBearer, "n,,^Aauth=Bearer a b^A^A"), (.oauthBearer, "n,,^Aauth=Bearer t^Aauth=Bearer u^A^A"),
            (.oauthBearer, "n,,^Aauth^A^A"), (.oauthBearer, "n,,^A=x^Aauth=Bearer t^A^A"),
            (.oauthBearer, "n,,^Aa1=x^Aauth=Bearer t^A^A"), (.oauthBearer, "n,,^A^Aauth=Bearer t^A^A"),
            (.oauthBearer, "n,,^Ahost=a\0^Aauth=Bearer t^A^A"), (.xoauth2, "user=a^Auser=b^Aauth=Bearer t^A^A"),
            (.xoauth2, "user=^Aauth=Bearer t^A^A"), (.xoauth2, "user=a^A^A"), (.xoauth2, "^A^A"),
        ] as [(Form, String)])
    func refuses(_ form: Form, _ text: String) {
        #expect(BearerExchange.parse(Self.octets(text), form) == nil)
        var exchange = BearerExchange(form, discovery: BearerDiscovery())
        guard !text.isEmpty else { return }
        #expect(exchange.received(Self.octets(text)) == .fail(.malformed))
        #expect(exchange.received([]) == .fail(.unexpected))
    }

    @Test func lengthIsBounded() {
        func message(_ count: Int) -> [UInt8] {
            let head = Self.octets("n,,^Aauth=Bearer ")
            return head + [UInt8](repeating: 0x74, count: count - head.count - 2) + [1, 1]
        }
        #expect(BearerExchange.parse(message(BearerExchange.maximumLength), .oauthBearer) != nil)
        #expect(BearerExchange.parse(message(BearerExchange.maximumLength + 1), .oauthBearer) == nil)
    }

    /// An initial response is one also when it is empty (RFC 4959 section 3), and that is no message.
    @Test(arguments: [.oauthBearer, .xoauth2] as [Form])
    func emptyInitialResponseFails(_ form: Form) {
        var exchange = BearerExchange(form, discovery: BearerDiscovery())
        #expect(exchange.received([]) == .fail(.malformed))
    }

    @Test func asksAndAccepts() {
        var exchange = BearerExchange(.oauthBearer, discovery: BearerDiscovery())
        #expect(exchange.received(nil) == .challenge([]))
        #expect(
            exchange.received(Self.octets("n,,^Aauth=Bearer t^A^A"))
                == .ask(.token(SASLToken(authorizationIdentity: nil, token: [0x74]))))
        #expect(exchange.answered(.accepted) == .done(serverData: nil))
        #expect(exchange.answered(.accepted) == .fail(.unexpected))
    }

    /// RFC 7628 section 3.2.3: whatever the client says to the error ends the exchange.
    @Test(arguments: [[1], [], [0x78, 0]] as [[UInt8]])
    func tellsWhereTokensAre(_ answer: [UInt8]) {
        var exchange = BearerExchange(
            .oauthBearer, discovery: BearerDiscovery(scope: "a\"\\\n", configurationURL: "https://example.com/c"))
        _ = exchange.received(Self.octets("n,,^Aauth=Bearer t^A^A"))
        #expect(
            exchange.answered(.refused)
                == .challenge(
                    Array(
                        #"{"status":"invalid_token","scope":"a\"\\\n","openid-configuration":"https://example.com/c"}"#
                            .utf8)))
        #expect(exchange.received(answer) == .fail(.refused))
        #expect(exchange.received(answer) == .fail(.unexpected))
    }

    /// RFC 7628 section 4.3: a client without a token asks where to get one.
    @Test func tellsThoseWhoAsk() {
        var exchange = BearerExchange(.oauthBearer, discovery: BearerDiscovery(scope: "mail"))
        #expect(
            exchange.received(
                Self.octets("n,a=user@example.com,^Ahost=server.example.com^Aport=143^Aauth=^A^A"))
                == .challenge(Array(#"{"status":"invalid_token","scope":"mail"}"#.utf8)))
        #expect(exchange.received([1]) == .fail(.refused))
    }

    @Test func tellsClientsOfXOAUTH2() {
        var exchange = BearerExchange(.xoauth2, discovery: BearerDiscovery())
        _ = exchange.received(Self.octets("user=a^Aauth=Bearer t^A^A"))
        #expect(exchange.answered(.refused) == .challenge(Array(#"{"status":"401","schemes":"bearer"}"#.utf8)))
        #expect(exchange.received([]) == .fail(.refused))
    }
}
