import Authentication
import Testing

struct VariableTemplateTests {
    func query(_ user: String) -> AuthQuery {
        AuthQuery(
            user: user,
            request: AuthenticationRequest(
                service: "imap", remoteAddress: "192.0.2.1", localAddress: "::1", session: "s1"))
    }

    @Test func givesTheValues() {
        let names = ["user", "service", "protocol", "remote_ip", "local_ip", "session", "home", "none"]
        let template = VariableTemplate { value in names.map { value($0) ?? "-" }.joined(separator: " ") }
        #expect(template.hasVariables)
        #expect(template.expand(self.query("ann"), home: "/h") == "ann imap imap 192.0.2.1 ::1 s1 /h -")
        #expect(!VariableTemplate(constant: "x").hasVariables)
        #expect(!VariableTemplate { _ in "x" }.hasVariables)
    }

    @Test(arguments: ["..", "../x", "a/b", "/", "a\0b", "x@../y", "x@..", "..@x"])
    func namesDoNotLeadOutOfADirectory(_ user: String) {
        #expect(testTemplate("/srv/%d/%n").expandPath(self.query(user)) == nil)
    }

    @Test func pathsOfOrdinaryNames() {
        #expect(
            testTemplate("/srv/%d/%n").expandPath(self.query("a..b@example.org")) == "/srv/example.org/a..b")
        #expect(VariableTemplate(constant: "/a/../b").expandPath(self.query("x")) == "/a/../b")
        let inHome = VariableTemplate { ($0("home") ?? "") + "/Maildir" }
        #expect(inHome.expandPath(self.query("x"), home: "/home/x") == "/home/x/Maildir")
    }
}
