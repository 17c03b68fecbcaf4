import Authentication
import Testing

struct VariableTemplateTests {
    static let query = AuthQuery(
        user: "Ann.B@Example.org",
        request: AuthenticationRequest(
            service: "imap", remoteAddress: "192.0.2.1", localAddress: "::1", session: "s1"))

    @Test(arguments: [
        ("", ""), ("plain", "plain"), ("%u", "Ann.B@Example.org"), ("%n|%d", "Ann.B|Example.org"),
        ("100%%", "100%"), ("%Lu", "ann.b@example.org"), ("%Un", "ANN.B"), ("%1n/%2.3n", "A/n.B"),
        ("%1Ln", "a"), ("%{user}", "Ann.B@Example.org"), ("%{user | username}", "Ann.B"),
        ("%{user|domain|lower}", "example.org"), ("%{ user | username | upper }", "ANN.B"),
        ("%{user | substr(0, 2)}", "An"), ("%{username}@%{domain}", "Ann.B@Example.org"),
        ("%s %r %l", "imap 192.0.2.1 ::1"), ("%{service} %{rip} %{lip} %{session}", "imap 192.0.2.1 ::1 s1"),
        ("%h%{home}", "/h/h"), ("%99n", "Ann.B"), ("%9.9n", ""),
    ])
    func expands(_ text: String, _ expected: String) throws {
        #expect(try VariableTemplate(text).expand(Self.query, home: "/h") == expected)
    }

    @Test(arguments: [
        "%", "a%", "%{user", "%{nothing}", "%{user | what}", "%{user | substr(1)}", "%{user | substr(-1, 2)}",
        "%x", "%1", "%1.n", "%99999u", "%{}", "%{user |}",
    ])
    func refuses(_ text: String) {
        #expect(throws: VariableTemplate.ParseError.self) { try VariableTemplate(text) }
    }

    @Test(arguments: ["..", "../x", "a/b", "/", "a\0b", "x@../y", "x@.."])
    func namesDoNotLeadOutOfADirectory(_ user: String) throws {
        let query = AuthQuery(user: user, request: AuthenticationRequest(service: "imap"))
        #expect(try VariableTemplate("/srv/%d/%n").expandPath(query) == nil)
    }

    @Test func pathsOfOrdinaryNames() throws {
        #expect(
            try VariableTemplate("%h/%d/%n").expandPath(Self.query, home: "/a/b") == "/a/b/Example.org/Ann.B")
    }
}
