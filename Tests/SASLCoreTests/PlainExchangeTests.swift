import SASLCore
import Testing

struct PlainExchangeTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var input: [UInt8]
        var expected: SASLCredentials?
        var testDescription: String { String(decoding: self.input.prefix(40), as: UTF8.self) }

        init(_ input: String, _ authorization: String?, _ user: String, _ password: String) {
            self.input = Array(input.utf8)
            self.expected = SASLCredentials(
                authorizationIdentity: authorization, authenticationIdentity: user,
                password: Array(password.utf8))
        }

        init(bad input: [UInt8]) { self.input = input }
        init(bad input: String) { self.init(bad: Array(input.utf8)) }
    }

    static let long = String(repeating: "x", count: 255)
    static let tooLong = String(repeating: "x", count: 1025)

    @Test(arguments: [
        // RFC 4616 section 4
        Case("\0tim\0tanstaaftanstaaf", nil, "tim", "tanstaaftanstaaf"),
        Case("Ursel\0Kurt\0xipj3plmq", "Ursel", "Kurt", "xipj3plmq"),
        Case("\0jörg@example.org\0pässwort", nil, "jörg@example.org", "pässwort"),
        Case("\(long)\0\(long)\0\(long)", long, long, long),
        Case(bad: ""), Case(bad: "tim"), Case(bad: "tim\0secret"), Case(bad: "\0\0secret"),
        Case(bad: "\0tim\0"), Case(bad: "\0tim\0secret\0"), Case(bad: "\0\0"), Case(bad: "\0a\0b\0c"),
        Case(bad: "\0\(tooLong)\0x"), Case(bad: "\0x\0\(tooLong)"), Case(bad: "\(tooLong)\0x\0x"),
        Case(bad: [0, 0xC3, 0x28, 0, 0x78]), Case(bad: [0xFF, 0, 0x78, 0, 0x78]),
    ])
    func parses(_ test: Case) {
        #expect(PlainExchange.parse(test.input) == test.expected)
    }

    @Test func passwordNeedNotBeUTF8() {
        let credentials = PlainExchange.parse([0, 0x61, 0, 0xE4, 0xFF])
        #expect(credentials?.password == [0xE4, 0xFF])
    }

    @Test func messageIsWhatParseReads() {
        let message = PlainExchange.message(user: "tim", password: Array("x y".utf8))
        #expect(message == Array("\0tim\0x y".utf8))
        #expect(PlainExchange.message(user: "", password: [1]) == nil)
        #expect(PlainExchange.message(user: "a\0b", password: [1]) == nil)
        #expect(PlainExchange.message(user: "a", password: [1, 0]) == nil)
    }

    static let question = SASLAction.ask(
        .password(
            SASLCredentials(
                authorizationIdentity: nil, authenticationIdentity: "tim", password: Array("x".utf8))))

    @Test func challengesWithoutInitialResponse() {
        var exchange = PlainExchange()
        #expect(exchange.received(nil) == .challenge([]))
        #expect(exchange.received(Array("\0tim\0x".utf8)) == Self.question)
        #expect(exchange.answered(.accepted) == .done(serverData: nil))
        #expect(exchange.received([]) == .fail(.unexpected))
    }

    @Test func takesInitialResponse() {
        var exchange = PlainExchange()
        #expect(exchange.received(Array("\0tim\0x".utf8)) == Self.question)
        #expect(exchange.answered(.refused) == .fail(.refused))
        #expect(exchange.answered(.accepted) == .fail(.unexpected))
    }

    @Test func emptyResponseFails() {
        var exchange = PlainExchange()
        #expect(exchange.received(nil) == .challenge([]))
        #expect(exchange.received([]) == .fail(.malformed))
        // An initial one as well (RFC 4959 section 3).
        exchange = PlainExchange()
        #expect(exchange.received([]) == .fail(.malformed))
        #expect(exchange.received(Array("\0tim\0x".utf8)) == .fail(.unexpected))
    }

    @Test func answerOrResponseAtTheWrongTimeNeverSucceeds() {
        var early = PlainExchange()
        #expect(early.answered(.accepted) == .fail(.unexpected))
        #expect(early.received(Array("\0tim\0x".utf8)) == .fail(.unexpected))
        var twice = PlainExchange()
        _ = twice.received(Array("\0tim\0x".utf8))
        #expect(twice.received(Array("\0tim\0x".utf8)) == .fail(.unexpected))
        #expect(twice.answered(.accepted) == .fail(.unexpected))
    }
}
