import Authentication
import TemporaryFiles
import Testing

/// Which names a login may have (`auth_username_chars`), and how the log shows them.
struct UserNameTests {
    static let request = AuthenticationRequest(service: "imap")

    static func configuration(_ characters: String?) -> AuthConfiguration {
        var configuration = AuthConfiguration(passwordDatabases: [], userDatabases: [])
        configuration.usernameFormat = nil
        if let characters { configuration.usernameCharacters = characters }
        return configuration
    }

    @Test(
        arguments: [
            ("Ann.B-c_1@example.org", nil, true), ("o'hara", nil, false), ("ann+x", nil, true), ("a b", nil, false),
            ("o'hara", "abcdefghijklmnopqrstuvwxyz'", true), ("o'hara1", "abcdefghijklmnopqrstuvwxyz'", false),
            ("o'hara", "", true), ("a b,<c>", "", true), ("müller", "", true),
        ] as [(String, String?, Bool)])
    func theSettingSaysWhich(_ name: String, _ characters: String?, _ isAllowed: Bool) {
        #expect(Self.configuration(characters).canonicalUser(name, Self.request) == (isAllowed ? name : nil))
    }

    /// They become levels of paths, lines of logs and names of accounts.
    @Test(arguments: [
        "", "/", "a/b", "../a", "..", ".", ".a", "..@example.org", "a\0b", "a\nb", "a\tb", "a\u{7F}", "a\u{85}b",
        "a\u{2028}b", "namespace:ann", String(repeating: "a", count: 256),
    ])
    func whatNoSettingAllows(_ name: String) {
        for characters in ["", name, "abcdefghijklmnopqrstuvwxyz./:"] {
            #expect(Self.configuration(characters).canonicalUser(name, Self.request) == nil)
        }
    }

    @Test func theLogEscapesThem() async throws {
        let directory = try TemporaryDirectory()
        try directory.write("users", "o'hara:{PLAIN}x:1000:1000\n")
        let log = LogCollector()
        var configuration = try RunningService.configuration(directory, log)
        configuration.usernameCharacters = ""
        let authenticator = DirectAuthenticator(configuration: configuration, log: log.add)
        for name in ["o'hara", "b,192.0.2.9) c \u{200B}ü\\"] {
            _ = await authenticator.authenticate(Self.request, user: name, password: Array("wrong".utf8))
        }
        #expect(
            log.lines == [
                "auth(o'hara): login failed: password mismatch",
                "auth(b\\x2c192.0.2.9\\x29\\x20c\\x20\\xe2\\x80\\x8bü\\x5c): login failed: unknown user",
            ])
    }

    @Test func aRefusedNameIsInTheLog() throws {
        let running = try RunningService()
        let client = try RawClient.greeted(running.mailPath)
        #expect(client.ask("AUTH\t1\tPLAIN\tresp=\(AuthServiceTests.plain("o'hara", "x"))") == "FAIL\t1")
        #expect(
            running.log.lines == ["auth(?): login failed: the name o'hara is not allowed, see auth_username_chars"])
    }
}
