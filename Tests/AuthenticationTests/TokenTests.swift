import MailCore
import SASLCore
import TemporaryFiles
import Testing
import TokenCore

@testable import Authentication

struct TokenTests {
    static let now: Int64 = 1_800_000_000

    static func rules(_ change: (inout TokenRules) -> Void = { _ in }) -> TokenRules {
        var rules = TokenRules(
            issuers: ["https://issuer.example"], audiences: ["mail"], scopes: ["imap"], userClaim: "email", grace: 60)
        change(&rules)
        return rules
    }

    static func verifier(
        _ directory: TemporaryDirectory, keys: String = TokenVectors.keySet, rules: TokenRules = rules(),
        now: Int64 = now, _ log: LogCollector = LogCollector()
    ) throws -> TokenVerifier {
        try directory.write("keys.json", keys)
        return TokenVerifier(keyFile: directory.path + "/keys.json", rules: rules, clock: { now }, log: log.add)
    }

    static func token(_ algorithm: String) throws -> [UInt8] {
        try Array(#require(TokenVectors.tokens.first { $0.algorithm == algorithm }).text.utf8)
    }

    @Test(arguments: TokenVectors.tokens)
    func everyAlgorithm(_ algorithm: String, _ text: String) throws {
        let directory = try TemporaryDirectory()
        let verifier = try Self.verifier(directory)
        let token = Array(text.utf8)
        guard case .user("Ann") = verifier.verify(token) else {
            Issue.record("\(verifier.verify(token))")
            return
        }
        // Another octet makes it another token; but the last character of the signature has bits that mean nothing.
        for index in stride(from: 0, to: token.count - 1, by: 7) {
            var changed = token
            changed[index] = token[index] == UInt8(ascii: "A") ? UInt8(ascii: "B") : UInt8(ascii: "A")
            if case .user = verifier.verify(changed) { Issue.record("octet \(index)") }
        }
        var cut = token
        while let last = cut.popLast(), last != UInt8(ascii: ".") {
            if case .user = verifier.verify(cut) { Issue.record("cut to \(cut.count)") }
        }
    }

    /// RFC 7515 appendices A.1 and A.3.
    @Test func examplesOfRFC7515() throws {
        let directory = try TemporaryDirectory()
        let claims = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
        let examples = [
            (
                #"{"kty":"oct","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"}"#,
                "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9." + claims + ".dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
            ),
            (
                #"{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#,
                "eyJhbGciOiJFUzI1NiJ9." + claims
                    + ".DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
            ),
        ]
        for (key, token) in examples {
            let rules = TokenRules(issuers: ["joe"], audiences: [], scopes: [], userClaim: "iss", grace: 0)
            let verifier = try Self.verifier(
                directory, keys: "{\"keys\":[\(key)]}", rules: rules, now: 1_300_819_379)
            guard case .user("joe") = verifier.verify(Array(token.utf8)) else {
                Issue.record("\(verifier.verify(Array(token.utf8)))")
                continue
            }
            let later = try Self.verifier(directory, keys: "{\"keys\":[\(key)]}", rules: rules, now: 1_300_819_380)
            #expect(Self.reason(later.verify(Array(token.utf8))) == "has expired")
        }
    }

    static func reason(_ answer: TokenVerifier.Answer) -> String {
        switch answer {
        case .user(let name): "accepted \(name)"
        case .refused(let text, _), .temporary(let text): text
        }
    }

    @Test func aKeyDecidesWhatItIsFor() throws {
        let directory = try TemporaryDirectory()
        let secret = TokenVectors.keySet.replacing("\"kty\": \"oct\"", with: "\"kty\": \"oct\", \"alg\": \"HS512\"")
        let verifier = try Self.verifier(directory, keys: secret)
        #expect(Self.reason(verifier.verify(try Self.token("HS512"))) == "accepted Ann")
        #expect(Self.reason(verifier.verify(try Self.token("HS256"))).hasPrefix("is signed with a key (kid s, HS256) "))
        let other = TokenVectors.keySet.replacing("\"kid\": \"r\"", with: "\"kid\": \"q\"")
        #expect(
            Self.reason(try Self.verifier(directory, keys: other).verify(try Self.token("RS256")))
                .hasPrefix("is signed with a key"))
        // The public key of an RSA pair, taken for the secret of an HMAC: whoever knows it could sign (RFC 8725 section 2.1).
        let header = Array(#"{"alg":"HS256","kid":"r"}"#.utf8)
        let claims = try Self.token("RS256").split(separator: 0x2E)[1]
        let signed = Base64.encode(header).filter { $0 != 0x3D } + [0x2E] + claims
        let code = try #require(Digest.hmacSHA256(key: Array("the public key".utf8), signed))
        let signature = String(decoding: Base64.encode(code), as: UTF8.self)
            .replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
        let usual = try Self.verifier(directory)
        #expect(
            Self.reason(usual.verify(signed + [0x2E] + Array(signature.utf8)))
                .hasPrefix("is signed with a key (kid r, HS256) that is not in "))
    }

    @Test func keysAreReadAgainAndMistakesSaid() throws {
        let directory = try TemporaryDirectory()
        let log = LogCollector()
        let verifier = try Self.verifier(
            directory,
            keys:
                #"{"keys": [{"kty": "RSA", "kid": "short", "n": "AQAB", "e": "AQAB"}, {"kty": "EC", "crv": "P-256", "kid": "off", "x": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE", "y": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE"}]}"#,
            log)
        guard case .temporary = verifier.verify(try Self.token("ES256")) else {
            Issue.record("without a key it is for later")
            return
        }
        #expect(
            log.lines.map { $0.replacing(directory.path, with: "") } == [
                "oauth2_key_file /keys.json: key 1 (short) has 17 bits; an RSA key needs 2048 to 16384",
                "oauth2_key_file /keys.json: key off is no valid key",
            ])
        #expect(
            TokenVerifier.problems(ofKeyFile: directory.path + "/keys.json") == log.lines + [
                "oauth2_key_file \(directory.path)/keys.json: no key in it can be used"
            ])
        let broken = try Self.verifier(directory, keys: "{\"keys\": [}")
        guard case .temporary(let text) = broken.verify(try Self.token("ES256")) else {
            Issue.record("not temporary")
            return
        }
        #expect(text.hasSuffix("keys.json: is no JSON at octet 10"))
        let missing = TokenVerifier(
            keyFile: directory.path + "/none", rules: Self.rules(), clock: { Self.now }, log: log.add)
        guard case .temporary = missing.verify(try Self.token("ES256")) else {
            Issue.record("not temporary")
            return
        }
    }

    // MARK: The service

    static func service(_ change: (inout AuthConfiguration) throws -> Void = { _ in }) throws -> RunningService {
        let directory = try TemporaryDirectory()
        try directory.write("keys.json", TokenVectors.keySet)
        return try RunningService { configuration in
            configuration.mechanisms = .all(
                BearerDiscovery(scope: "imap", configurationURL: "https://issuer.example/c"))
            let held = directory
            configuration.tokens = TokenVerifier(
                keyFile: directory.path + "/keys.json", rules: Self.rules { $0.userClaim = "email" },
                clock: {
                    _ = held
                    return Self.now
                }, log: { _, _ in })
            try change(&configuration)
        }
    }

    static func message(_ token: [UInt8], user: String = "ann") -> String {
        base64(Array("n,a=\(user),\u{1}host=h\u{1}port=143\u{1}auth=Bearer ".utf8) + token + [1, 1])
    }

    @Test func logsIn() throws {
        let running = try Self.service()
        let client = try RawClient.greeted(running.mailPath)
        let token = try Self.token("RS256")
        let reply = client.ask("AUTH\t1\tOAUTHBEARER\tservice=imap\tuserdb\tresp=\(Self.message(token))")
        #expect(reply?.hasPrefix("OK\t1\tuser=ann\t") == true)
        #expect(reply?.contains("userdb_uid=1000") == true)
        #expect(reply?.contains("color=blue") == true)
        let old = base64(Array("user=Ann\u{1}auth=Bearer ".utf8) + token + [1, 1])
        #expect(client.ask("AUTH\t2\tXOAUTH2\tservice=imap\tresp=\(old)")?.hasPrefix("OK\t2\tuser=ann") == true)
        // Without an initial response.
        #expect(client.ask("AUTH\t3\tXOAUTH2\tservice=imap") == "CONT\t3\t")
        #expect(client.ask("CONT\t3\t\(old)")?.hasPrefix("OK\t3\tuser=ann") == true)
    }

    @Test func refusesInTwoSteps() throws {
        let running = try Self.service()
        let client = try RawClient.greeted(running.mailPath)
        let token = try Self.token("RS256")
        let json = #"{"status":"invalid_token","scope":"imap","openid-configuration":"https://issuer.example/c"}"#
        for (id, message, code) in [
            (1, Self.message(token.dropLast(9) + [65]), ""),
            (2, Self.message(token, user: "slow"), "\tcode=authz_fail"),
            (3, Self.message(Array("x".utf8)), ""),
        ] {
            #expect(
                client.ask("AUTH\t\(id)\tOAUTHBEARER\tservice=imap\tresp=\(message)")
                    == "CONT\t\(id)\t\(base64(Array(json.utf8)))")
            let reply = client.ask("CONT\t\(id)\tAQ==")
            #expect(reply?.hasPrefix("FAIL\t\(id)") == true)
            #expect(reply?.contains(code) == true, "\(reply ?? "")")
        }
        #expect(
            client.ask(
                "AUTH\t4\tXOAUTH2\tservice=imap\tresp=\(base64(Array("user=a\u{1}auth=Bearer x\u{1}\u{1}".utf8)))")
                == "CONT\t4\t\(base64(Array(#"{"status":"401","schemes":"bearer","scope":"imap"}"#.utf8)))")
        #expect(client.ask("CONT\t4\t")?.hasPrefix("FAIL\t4") == true)
        #expect(running.log.lines.contains { $0.contains("oauth2(ann): login failed: ann may not act as slow") })
        #expect(running.log.lines.contains { $0.contains("the token is not a JSON Web Token") })
    }

    /// What the password database says of a user counts for one with a token.
    @Test(
        arguments: [
            ("off", false), ("nets", false), ("old", true), ("ann", true), ("nobody", true), ("lookup", true),
        ] as [(String, Bool)])
    func passwordDatabasesHaveASay(_ user: String, _ isIn: Bool) throws {
        // Every token is of "Ann": the name becomes another one here.
        let running = try Self.service { $0.usernameFormat = VariableTemplate(constant: user) }
        let client = try RawClient.greeted(running.mailPath)
        let token = try Self.token("EdDSA")
        let reply = client.ask("AUTH\t1\tOAUTHBEARER\tservice=imap\tresp=\(Self.message(token))")
        #expect(reply?.hasPrefix(isIn ? "OK\t1" : "CONT\t1") == true, "\(reply ?? "")")
    }

    /// What the configuration adds to PAM's answers holds for tokens; whom PAM knows is not asked.
    @Test(arguments: [("user_disabled", "yes", false), ("allow_nets", "192.0.2.0/24", false), ("color", "red", true)])
    func fieldsOfPAMCount(_ name: String, _ value: String, _ isIn: Bool) throws {
        let running = try Self.service { configuration in
            configuration.passwordDatabases = [
                PasswordSource(
                    PAMPasswordDatabase(service: VariableTemplate(constant: "none")),
                    fields: FieldRules(overrides: [name: VariableTemplate(constant: value)]))
            ]
        }
        let client = try RawClient.greeted(running.mailPath)
        let reply = client.ask(
            "AUTH\t1\tOAUTHBEARER\tservice=imap\trip=127.0.0.1\tresp=\(Self.message(try Self.token("EdDSA")))")
        #expect(reply?.hasPrefix(isIn ? "OK\t1" : "CONT\t1") == true, "\(reply ?? "")")
        if isIn { #expect(reply?.contains("color=red") == true) }
    }

    @Test func denyListsCount() throws {
        let running = try Self.service { configuration in
            let denied = try #require(configuration.passwordDatabases.first).database
            configuration.passwordDatabases.insert(PasswordSource(denied, use: .deny), at: 0)
        }
        let client = try RawClient.greeted(running.mailPath)
        let reply = client.ask("AUTH\t1\tOAUTHBEARER\tservice=imap\tresp=\(Self.message(try Self.token("EdDSA")))")
        #expect(reply?.hasPrefix("CONT\t1") == true)
        #expect(running.log.lines.contains { $0.contains("login failed: user is in a deny list") })
    }

    /// The issuer has users of whom nobody here knows: no temporary failure, for which clients would come again.
    @Test func whomNoUserDatabaseKnows() throws {
        let running = try Self.service { $0.usernameFormat = VariableTemplate(constant: "nobody") }
        let client = try RawClient.greeted(running.mailPath)
        let reply = client.ask(
            "AUTH\t1\tOAUTHBEARER\tservice=imap\tuserdb\tresp=\(Self.message(try Self.token("EdDSA")))")
        #expect(reply == "FAIL\t1\tuser=nobody")
        #expect(running.log.lines.contains { $0.contains("no user database knows the user") })
    }

    /// Tokens grow stale every day; nobody has to wait for it.
    @Test func whatTheIssuerSignedIsNoGuess() throws {
        let running = try Self.service()
        let client = try RawClient.greeted(running.mailPath)
        let start = ContinuousClock.now
        for id in 1...3 {
            let message = Self.message(try Self.token("EdDSA"), user: "slow\(id)")
            let request = "AUTH\t\(id)\tOAUTHBEARER\tservice=imap\trip=192.0.2.9\tresp=\(message)"
            #expect(client.ask(request)?.hasPrefix("CONT\t\(id)") == true)
            #expect(client.ask("CONT\t\(id)\tAQ==")?.hasPrefix("FAIL\t\(id)") == true)
        }
        // The third would wait four seconds.
        #expect(ContinuousClock.now - start < .seconds(2))
    }

    /// The challenge tells the client that it failed: it is what has to be slow.
    @Test func theChallengeIsHeldBack() throws {
        let running = try Self.service { $0.failureDelay = 400 }
        let client = try RawClient.greeted(running.mailPath)
        let start = ContinuousClock.now
        #expect(
            client.ask("AUTH\t1\tOAUTHBEARER\tservice=imap\tresp=\(Self.message(Array("x".utf8)))")?
                .hasPrefix("CONT\t1") == true)
        #expect(ContinuousClock.now - start >= .milliseconds(390))
        #expect(client.ask("CONT\t1\tAQ==")?.hasPrefix("FAIL\t1") == true)
    }

    /// A stranger's text must not look like other fields of a line.
    @Test func theLogHasNoForgedNames() throws {
        let running = try Self.service()
        let client = try RawClient.greeted(running.mailPath)
        let message = Self.message(Array("x".utf8), user: "x=2C203.0.113.7=2C<s>): login failed: password mismatch")
        #expect(client.ask("AUTH\t1\tOAUTHBEARER\tservice=imap\tresp=\(message)")?.hasPrefix("CONT\t1") == true)
        #expect(client.ask("CONT\t1\tAQ==") == "FAIL\t1")
        #expect(
            running.log.lines == [
                "oauth2(?): login failed: the name x\\x2c203.0.113.7\\x2c\\x3cs\\x3e\\x29:\\x20login\\x20failed:\\x20password\\x20mismatch is not allowed, see auth_username_chars"
            ])
    }

    @Test func aDenyListThatCannotBeReadLetsNobodyIn() throws {
        let running = try Self.service { configuration in
            let missing = PasswdFileDatabase(path: VariableTemplate(constant: "/nonexistent"), log: { _, _ in })
            configuration.passwordDatabases.insert(PasswordSource(missing, use: .deny), at: 0)
        }
        let client = try RawClient.greeted(running.mailPath)
        let reply = client.ask(
            "AUTH\t1\tOAUTHBEARER\tservice=imap\tresp=\(Self.message(try Self.token("EdDSA")))")
        #expect(reply?.contains("code=temp_fail") == true)
    }

    @Test func answersDirectly() async throws {
        let directory = try TemporaryDirectory()
        try directory.write("users", RunningService.users)
        let log = LogCollector()
        var configuration = try RunningService.configuration(directory, log)
        configuration.mechanisms = .all()
        configuration.tokens = try Self.verifier(directory)
        let authenticator = DirectAuthenticator(configuration: configuration, log: log.add)
        let token = try Self.token("ES384")
        let request = AuthenticationRequest(service: "doveadm")
        let outcome = await authenticator.authenticate(
            request, mechanism: .xoauth2, initialResponse: Array("auth=Bearer ".utf8) + token + [1, 1]
        ) { _ in .cancelled }
        guard case .success(let identity, _) = outcome else {
            Issue.record("\(outcome)")
            return
        }
        #expect(identity.user == "ann")
    }
}

private func base64(_ octets: [UInt8]) -> String { String(decoding: Base64.encode(octets), as: UTF8.self) }
