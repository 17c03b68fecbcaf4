import SASLCore
import Testing

struct LoginExchangeTests {
    static let question = SASLAction.ask(
        .password(
            SASLCredentials(
                authorizationIdentity: nil, authenticationIdentity: "tim",
                password: Array("tanstaaftanstaaf".utf8))))

    /// The exchange of draft-murchison-sasl-login section 2.3, with the challenges that clients want.
    @Test(arguments: [nil, []] as [[UInt8]?])
    func asksForUserThenPassword(_ initial: [UInt8]?) {
        var exchange = LoginExchange()
        #expect(exchange.received(initial) == .challenge(Array("Username:".utf8)))
        #expect(exchange.received(Array("tim".utf8)) == .challenge(Array("Password:".utf8)))
        #expect(exchange.received(Array("tanstaaftanstaaf".utf8)) == Self.question)
        #expect(exchange.answered(.accepted) == .done(serverData: nil))
        #expect(exchange.answered(.accepted) == .fail(.unexpected))
    }

    @Test func takesTheUserAsInitialResponse() {
        var exchange = LoginExchange()
        #expect(exchange.received(Array("tim".utf8)) == .challenge(Array("Password:".utf8)))
        #expect(exchange.received(Array("tanstaaftanstaaf".utf8)) == Self.question)
        #expect(exchange.answered(.refused) == .fail(.refused))
    }

    static let bad: [[UInt8]] = [
        [], [0], Array("a\0b".utf8), [UInt8](repeating: 0x61, count: 1025),
    ]

    @Test(arguments: bad + [[0xFF]])
    func refusesBadUser(_ user: [UInt8]) {
        var exchange = LoginExchange()
        _ = exchange.received(nil)
        #expect(exchange.received(user) == .fail(.malformed))
        #expect(exchange.received(Array("x".utf8)) == .fail(.unexpected))
    }

    @Test(arguments: bad)
    func refusesBadPassword(_ password: [UInt8]) {
        var exchange = LoginExchange()
        _ = exchange.received(Array("tim".utf8))
        #expect(exchange.received(password) == .fail(.malformed))
        #expect(exchange.answered(.accepted) == .fail(.unexpected))
    }
}
