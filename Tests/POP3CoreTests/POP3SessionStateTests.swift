import Testing

@testable import POP3Core

@Suite struct POP3SessionStateTests {
    /// After a login, with messages of these sizes.
    static func loggedIn(_ sizes: [UInt32] = [120, 200, 300]) -> POP3SessionState {
        var state = POP3SessionState(offersTLS: true, allowsPasswords: true)
        _ = state.received(.user("mrose"))
        _ = state.received(.pass([]))
        state.loggedIn(sizes: sizes)
        return state
    }

    static func reply(_ action: POP3SessionState.Action) -> String? {
        guard case .reply(let response) = action else { return nil }
        var out: [UInt8] = []
        response.encode(into: &out)
        return String(decoding: out.dropLast(2), as: UTF8.self)
    }

    @Test func loginByUserAndPass() {
        var state = POP3SessionState(offersTLS: false, allowsPasswords: true)
        #expect(Self.reply(state.received(.stat)) == "-ERR Log in first.")
        #expect(Self.reply(state.received(.pass([1]))) == "-ERR No username given.")
        #expect(Self.reply(state.received(.user("a"))) == "+OK")
        #expect(Self.reply(state.received(.user("mrose"))) == "+OK")
        #expect(state.received(.pass([2])) == .checkPassword(user: "mrose", password: [2]))
        #expect(Self.reply(state.received(.noop)) == "-ERR Not now")
        state.refused()
        #expect(Self.reply(state.received(.pass([2]))) == "-ERR No username given.")
        #expect(
            state.received(.auth(mechanism: "PLAIN", initialResponse: [1]))
                == .authenticate(mechanism: "PLAIN", initialResponse: [1]))
        state.loggedIn(sizes: [])
        #expect(Self.reply(state.received(.user("b"))) == "-ERR Already logged in.")
        #expect(Self.reply(state.received(.stls)) == "-ERR Already logged in.")
        #expect(Self.reply(state.received(.stat)) == "+OK 0 0")
    }

    @Test func passwordsWaitForTLS() {
        var state = POP3SessionState(offersTLS: true, allowsPasswords: false)
        let refusal = "-ERR [AUTH] Plaintext authentication disallowed on non-secure (SSL/TLS) connections."
        #expect(Self.reply(state.received(.user("a"))) == refusal)
        #expect(Self.reply(state.received(.pass([1]))) == refusal)
        #expect(Self.reply(state.received(.auth(mechanism: "PLAIN", initialResponse: nil))) == refusal)
        #expect(
            state.received(.capa) == .capabilities(.init(offersTLS: true, allowsPasswords: false)))
        #expect(state.received(.stls) == .startTLS)
        state.startedTLS()
        #expect(Self.reply(state.received(.stls)) == "-ERR TLS support isn't enabled.")
        #expect(Self.reply(state.received(.user("a"))) == "+OK")
    }

    /// RFC 2595 section 4: what came before TLS is forgotten.
    @Test func tlsForgetsTheUser() {
        var state = POP3SessionState(offersTLS: true, allowsPasswords: true)
        _ = state.received(.user("a"))
        state.startedTLS()
        #expect(Self.reply(state.received(.pass([1]))) == "-ERR No username given.")
    }

    @Test func capabilities() {
        #expect(
            POP3SessionState.Capabilities(offersTLS: true, allowsPasswords: true).lines(mechanisms: [
                "PLAIN", "LOGIN",
            ])
                == [
                    "TOP", "UIDL", "RESP-CODES", "PIPELINING", "AUTH-RESP-CODE", "EXPIRE NEVER", "STLS",
                    "USER",
                    "SASL PLAIN LOGIN", "IMPLEMENTATION Martlet",
                ])
        let closed = POP3SessionState.Capabilities(offersTLS: false, allowsPasswords: false)
        #expect(
            !closed.lines(mechanisms: []).contains { $0 == "STLS" || $0 == "USER" || $0.hasPrefix("SASL") })
        // What needs no TLS is offered all the same.
        #expect(closed.lines(mechanisms: ["SCRAM-SHA-256"]).contains("SASL SCRAM-SHA-256"))
        #expect(!closed.lines(mechanisms: ["SCRAM-SHA-256"]).contains("USER"))
    }

    @Test func mechanismsThatSendNoPasswordNeedNoTLS() {
        var state = POP3SessionState(offersTLS: true, allowsPasswords: false)
        state.safeMechanisms = ["SCRAM-SHA-256"]
        #expect(Self.reply(state.received(.auth(mechanism: "PLAIN", initialResponse: nil)))?.hasPrefix("-ERR") == true)
        #expect(
            state.received(.auth(mechanism: "SCRAM-SHA-256", initialResponse: nil))
                == .authenticate(mechanism: "SCRAM-SHA-256", initialResponse: nil))
    }

    /// RFC 1939 section 5: numbers stay, deleted messages are left out of everything until RSET.
    @Test func deletedMessages() {
        var state = Self.loggedIn()
        #expect(Self.reply(state.received(.stat)) == "+OK 3 620")
        #expect(Self.reply(state.received(.list(2))) == "+OK 2 200")
        #expect(Self.reply(state.received(.dele(2))) == "+OK Marked to be deleted.")
        #expect(Self.reply(state.received(.dele(2))) == "-ERR Message is deleted.")
        #expect(Self.reply(state.received(.stat)) == "+OK 2 420")
        for command in [POP3Command.list(2), .uidl(2), .retr(2), .top(2, lines: 1)] {
            #expect(Self.reply(state.received(command)) == "-ERR Message is deleted.")
        }
        for command in [POP3Command.list(4), .uidl(4), .retr(4), .top(4, lines: 1), .dele(4)] {
            #expect(Self.reply(state.received(command)) == "-ERR There's no message 4.")
        }
        #expect(state.received(.retr(3)) == .send(2, lines: nil))
        #expect(state.received(.top(3, lines: 7)) == .send(2, lines: 7))
        #expect(state.received(.uidl(3)) == .uniqueID(2))
        #expect(state.maildrop?.isDeleted(1) == true)
        #expect(Self.reply(state.received(.rset)) == "+OK")
        #expect(Self.reply(state.received(.stat)) == "+OK 3 620")
    }

    @Test func onlyQuitRemoves() {
        var state = Self.loggedIn()
        _ = state.received(.dele(3))
        _ = state.received(.dele(1))
        #expect(state.received(.quit) == .quit(removing: [0, 2]))
        #expect(state.maildrop == nil)
        #expect(Self.reply(state.received(.quit)) == "-ERR Not now")
        var early = POP3SessionState(offersTLS: true, allowsPasswords: true)
        #expect(early.received(.quit) == .quit(removing: []))
    }

    @Test func responsesAreOneLine() {
        var out: [UInt8] = []
        POP3Response.error(.temporary, "a\r\n+OK b\u{7F}").encode(into: &out)
        #expect(String(decoding: out, as: UTF8.self) == "-ERR [SYS/TEMP] a??+OK b?\r\n")
        out = []
        POP3Response.ok(String(repeating: "x", count: 1000)).encode(into: &out)
        #expect(out.count == 486)
    }

    @Test func uniqueIDs() {
        #expect(UniqueID(uid: 42, uidValidity: 1_000_000_000).bytes == Array("0000002a3b9aca00".utf8))
        #expect(UniqueID(uid: .max, uidValidity: 0xABCD_EF01).bytes == Array("ffffffffabcdef01".utf8))
        #expect(UniqueID("a b".utf8) == nil)
        #expect(UniqueID("".utf8) == nil)
        #expect(UniqueID(String(repeating: "x", count: 71).utf8) == nil)
        #expect(UniqueID(String(repeating: "~", count: 70).utf8)?.bytes.count == 70)
    }
}
