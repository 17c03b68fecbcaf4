@testable import Authentication
import Glibc
import MailCore
@testable import SASLCore
import TemporaryFiles
import Testing

/// The client's side of SCRAM, from a password.
struct SCRAMClient {
    let hash: SCRAMHash
    let user: String
    let password: String
    var nonce = "fyko+d2lbbFgONRv9qkxdawL"
    var header = "n,,"
    private var bare: String { "n=\(self.user),r=\(self.nonce)" }

    var first: String { self.header + self.bare }

    /// The last message and what the server has to say to it.
    func final(_ challenge: String) throws -> (message: String, answer: String, salt: String) {
        var fields: [Substring: String] = [:]
        for field in challenge.split(separator: ",") { fields[field.prefix(1)] = String(field.dropFirst(2)) }
        let salt = try #require(Base64.decode((fields["s"] ?? "").utf8))
        let salted = try #require(
            PBKDF2.derive(
                Array(self.password.utf8), salt: salt, rounds: Int(fields["i"] ?? "") ?? 0, length: self.hash.size,
                digest: self.hash.digest))
        let digest = self.hash.digest
        let clientKey = try #require(digest.mac(key: salted, Array("Client Key".utf8)))
        let storedKey = try #require(digest.hash(clientKey))
        let serverKey = try #require(digest.mac(key: salted, Array("Server Key".utf8)))
        let nonce = try #require(fields["r"])
        let bound = String(decoding: Base64.encode(Array(self.header.utf8)), as: UTF8.self)
        let withoutProof = "c=\(bound),r=\(nonce)"
        let covered = Array("\(self.bare),\(challenge),\(withoutProof)".utf8)
        let signature = try #require(digest.mac(key: storedKey, covered))
        let proof = String(decoding: Base64.encode(zip(clientKey, signature).map { $0 ^ $1 }), as: UTF8.self)
        let answer = String(decoding: Base64.encode(try #require(digest.mac(key: serverKey, covered))), as: UTF8.self)
        return ("\(withoutProof),p=\(proof)", "v=\(answer)", fields["s"] ?? "")
    }
}

struct SCRAMTests {
    static func base64(_ text: String) -> String { String(decoding: Base64.encode(Array(text.utf8)), as: UTF8.self) }
    static func text(_ base64: Substring) -> String {
        String(decoding: Base64.decode(base64.utf8) ?? [], as: UTF8.self)
    }

    @Test func runsTheExampleOfRFC5802Section5() throws {
        let salt = try #require(Base64.decode("QSXCR+Q6sek8bf92".utf8))
        let keys = try #require(SCRAMKeys(hash: .sha1, iterations: 4096, salt: salt, password: Array("pencil".utf8)))
        var exchange = SCRAMExchange(
            hash: .sha1, functions: SCRAMHash.sha1.functions, nonce: Array("3rfcNHYJY1ZVvWVs7j".utf8))
        guard case .ask = exchange.received(Array("n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL".utf8)) else {
            Issue.record("no question")
            return
        }
        #expect(
            exchange.answered(.keys(keys))
                == .challenge(
                    Array("r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096".utf8)))
        #expect(
            exchange.received(
                Array(
                    "c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=".utf8))
                == .done(serverData: Array("v=rmF9pqV8S7suAoZWja4dJRkFsKQ=".utf8)))
    }

    @Test func keysOfRFC7677Section3() throws {
        let salt = try #require(Base64.decode("W22ZaJ0SNY7soEsUEjb6gQ==".utf8))
        let keys = try #require(SCRAMKeys(hash: .sha256, iterations: 4096, salt: salt, password: Array("pencil".utf8)))
        #expect(
            String(decoding: keys.stored, as: UTF8.self)
                == "4096,W22ZaJ0SNY7soEsUEjb6gQ==,WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=,"
                + "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=")
    }

    static func configure(_ configuration: inout AuthConfiguration) { configuration.mechanisms = .all() }

    /// A service whose user `scr` has a password in the scheme itself, `s1` one for the other mechanism.
    static func service(_ change: (inout AuthConfiguration) -> Void = { _ in }) throws -> RunningService {
        let running = try RunningService { configuration in
            configuration.mechanisms = .all()
            change(&configuration)
        }
        let keys = try PasswordScheme.generate(.scramSHA256, password: Array("pencil".utf8), rounds: 5000)
        let other = try PasswordScheme.generate(.scramSHA1, password: Array("pencil".utf8))
        try running.directory.write(
            "users",
            RunningService.users
                + """

                scr:\(keys):1000:1000::/home/scr
                s1:\(other):1000:1000
                uni:{PLAIN}\u{2168}:1000:1000
                damaged:{SCRAM-SHA-256}4096,x,y,z:1000:1000
                """)
        return running
    }

    /// Logs in on a socket; the lines of the service after the client's last message, and the salt.
    static func logIn(_ client: RawClient, _ scram: SCRAMClient, _ words: String = "", initial: Bool = true) throws
        -> (reply: String?, answer: String, salt: String)
    {
        var line: String?
        if initial {
            line = client.ask("AUTH\t1\t\(scram.hash.mechanism.text)\(words)\tresp=\(base64(scram.first))")
        } else {
            #expect(client.ask("AUTH\t1\t\(scram.hash.mechanism.text)\(words)\tresp=") == "CONT\t1\t")
            line = client.ask("CONT\t1\t\(base64(scram.first))")
        }
        let challenge = try #require(line)
        guard challenge.hasPrefix("CONT\t1\t") else { return (challenge, "", "") }
        let final = try scram.final(Self.text(challenge.dropFirst(7)))
        return (client.ask("CONT\t1\t\(base64(final.message))"), final.answer, final.salt)
    }

    @Test(
        arguments: [
            (.sha256, "scr", "pencil"), (.sha1, "s1", "pencil"), (.sha256, "ann", "apass"), (.sha1, "ANN", "apass"),
            (.sha256, "uni", "IX"),
        ] as [(SCRAMHash, String, String)], [true, false])
    func logsIn(_ login: (hash: SCRAMHash, user: String, password: String), _ initial: Bool) throws {
        let running = try Self.service { $0.usernameCharacters = "" }
        let client = try RawClient.greeted(running.clientPath)
        let scram = SCRAMClient(hash: login.hash, user: login.user, password: login.password)
        let fields = login.user.lowercased() == "ann" ? "\tcolor=blue" : ""
        var (reply, answer, _) = try Self.logIn(client, scram, "\tservice=smtp", initial: initial)
        // Without `final-resp-ok` the server's proof is one more challenge.
        #expect(reply == "CONT\t1\t\(Self.base64(answer))")
        #expect(client.ask("CONT\t1\t") == "OK\t1\tuser=\(login.user.lowercased())\(fields)")
        (reply, answer, _) = try Self.logIn(client, scram, "\tservice=smtp\tfinal-resp-ok", initial: initial)
        #expect(reply == "OK\t1\tuser=\(login.user.lowercased())\(fields)\tresp=\(Self.base64(answer))")
    }

    @Test(
        arguments: [
            (.sha256, "scr", "pencils", "FAIL\t1\tuser=scr"), (.sha1, "scr", "pencil", "FAIL\t1\tuser=scr"),
            (.sha256, "nobody", "x", "FAIL\t1\tuser=nobody"), (.sha256, "slow", "U*U", "FAIL\t1\tuser=slow"),
            (.sha256, "free", "x", "FAIL\t1\tuser=free"), (.sha256, "empty", "x", "FAIL\t1\tuser=empty"),
            (.sha256, "lookup", "x", "FAIL\t1\tuser=lookup"), (.sha256, "nets", "x", "FAIL\t1\tuser=nets"),
            (.sha256, "off", "x", "FAIL\t1\tuser=off\treason=Moved\tcode=user_disabled"),
            (.sha256, "off", "y", "FAIL\t1\tuser=off"),
            (.sha256, "old", "x", "FAIL\t1\tuser=old\tcode=pass_expired"),
            (.sha256, "damaged", "x", "FAIL\t1\tuser=damaged\tcode=temp_fail\ttemp"),
            (.sha256, "a/b", "x", "FAIL\t1"),
        ] as [(SCRAMHash, String, String, String)])
    func refuses(_ hash: SCRAMHash, _ user: String, _ password: String, _ expected: String) throws {
        let running = try Self.service()
        let client = try RawClient.greeted(running.clientPath)
        let (reply, _, _) = try Self.logIn(client, SCRAMClient(hash: hash, user: user, password: password))
        #expect(reply == expected)
        // The connection and the mechanism live on.
        let (again, answer, _) = try Self.logIn(client, SCRAMClient(hash: .sha256, user: "scr", password: "pencil"))
        #expect(again == "CONT\t1\t\(Self.base64(answer))")
        #expect(client.ask("CONT\t1\t") == "OK\t1\tuser=scr")
    }

    @Test func unknownUsersLookLikeOthers() throws {
        let running = try Self.service()
        let client = try RawClient.greeted(running.clientPath)
        func salt(_ user: String, _ hash: SCRAMHash = .sha256) throws -> String {
            try Self.logIn(client, SCRAMClient(hash: hash, user: user, password: "wrong")).salt
        }
        let unknown = try salt("nobody")
        #expect(try salt("nobody") == unknown)
        #expect(try salt("NOBODY") == unknown)
        #expect(try salt("nobody", .sha1) != unknown)
        #expect(try salt("somebody") != unknown)
        #expect(Base64.decode(unknown.utf8)?.count == 16)
        // A readable password and one that cannot serve: the same kind of salt, and the same each time.
        for user in ["ann", "slow"] {
            let first = try salt(user)
            #expect(try salt(user) == first)
            #expect(Base64.decode(first.utf8)?.count == 16)
        }
    }

    @Test func finalMessageHasToBeEmpty() throws {
        let running = try Self.service()
        let client = try RawClient.greeted(running.clientPath)
        let scram = SCRAMClient(hash: .sha256, user: "scr", password: "pencil")
        _ = try Self.logIn(client, scram)
        #expect(client.ask("CONT\t1\tYQ==") == "FAIL\t1\tuser=scr\treason=Invalid response\tcode=invalid_base64")
        _ = try Self.logIn(client, scram)
        client.send("CANCEL\t1")
        #expect(client.ask("CONT\t1\t") == "FAIL\t1\treason=Unexpected continuation")
        // Acting as somebody else.
        var other = scram
        other.header = "n,a=ann,"
        #expect(try Self.logIn(client, other).reply == "FAIL\t1\tuser=scr\tcode=authz_fail")
        other.header = "n,a=scr,"
        #expect(try Self.logIn(client, other).reply?.hasPrefix("CONT") == true)
    }

    @Test func plusIsForTheMailRoleOnly() throws {
        let running = try Self.service()
        func offers(_ path: String) throws -> [String] {
            let client = try RawClient(path)
            var lines: [String] = []
            while let line = client.line(), line != "DONE" { if line.hasPrefix("MECH") { lines.append(line) } }
            return lines
        }
        #expect(
            try offers(running.clientPath) == [
                "MECH\tPLAIN\tplaintext", "MECH\tLOGIN\tplaintext", "MECH\tSCRAM-SHA-256\tmutual-auth",
                "MECH\tSCRAM-SHA-1\tmutual-auth", "MECH\tOAUTHBEARER\tplaintext", "MECH\tXOAUTH2\tplaintext",
            ])
        #expect(
            try offers(running.mailPath).contains("MECH\tSCRAM-SHA-256-PLUS\tmutual-auth\tchannel-binding"))
        let client = try RawClient.greeted(running.clientPath)
        #expect(
            client.ask("AUTH\t1\tSCRAM-SHA-256-PLUS\tservice=smtp") == "FAIL\t1\treason=Unsupported mechanism")
    }

    @Test(arguments: [true, false]) func theMailRoleLogsIn(_ inSuccess: Bool) async throws {
        let running = try Self.service()
        let client = AuthClient(path: running.mailPath)
        defer { client.stop() }
        var request = AuthenticationRequest(service: "sieve")
        request.successData = inSuccess ? .inSuccess : .asChallenge
        let scram = SCRAMClient(hash: .sha256, user: "scr", password: "pencil")
        try await self.check(client, request, scram)
        var configuration = try RunningService.configuration(running.directory, LogCollector())
        configuration.mechanisms = .all()
        let direct = DirectAuthenticator(configuration: configuration, log: { _, _ in })
        try await self.check(direct, request, scram)
        var wrong = scram
        wrong = SCRAMClient(hash: .sha256, user: "scr", password: "pen")
        for authenticator in [client, direct] as [any Authenticator] {
            let outcome = await Self.run(authenticator, request, wrong).outcome
            #expect(outcome == .failure(AuthenticationFailure(.credentials)))
        }
    }

    private func check(
        _ authenticator: some Authenticator, _ request: AuthenticationRequest, _ scram: SCRAMClient
    ) async throws {
        let (outcome, challenges, answer) = await Self.run(authenticator, request, scram)
        guard case .success(let identity, let record) = outcome else {
            Issue.record("\(outcome)")
            return
        }
        #expect(record.home == "/home/scr")
        #expect(identity.fields["resp"] == nil)
        if request.successData == .inSuccess {
            #expect(identity.successData == Array(answer.utf8))
            #expect(challenges.count == 1)
        } else {
            #expect(identity.successData == nil)
            #expect(challenges.count == 2 && challenges.last == answer)
        }
    }

    static func run(
        _ authenticator: any Authenticator, _ request: AuthenticationRequest, _ scram: SCRAMClient
    ) async -> (outcome: AuthenticationOutcome, challenges: [String], answer: String) {
        var challenges: [String] = []
        var answer = ""
        let outcome = await authenticator.authenticate(
            request, mechanism: scram.hash.mechanism, initialResponse: Array(scram.first.utf8)
        ) { challenge in
            challenges.append(String(decoding: challenge, as: UTF8.self))
            guard challenges.count == 1, let final = try? scram.final(challenges[0]) else { return .response([]) }
            answer = final.answer
            return .response(Array(final.message.utf8))
        }
        return (outcome, challenges, answer)
    }

    @Test func deniedUsersAndSilentDatabases() throws {
        struct Silent: PasswordDatabase {
            var driver: String { "test" }
            var mayBlock: Bool { true }
            func lookup(_ query: AuthQuery) -> PasswordLookup { .temporary("gone") }
        }
        let denying = try Self.service {
            $0.passwordDatabases.insert(
                PasswordSource(AuthServiceTests.TemporaryUsers(users: ["scr"]), use: .deny), at: 0)
        }
        var client = try RawClient.greeted(denying.clientPath)
        let scram = SCRAMClient(hash: .sha256, user: "scr", password: "pencil")
        #expect(try Self.logIn(client, scram).reply == "FAIL\t1\tuser=scr")
        #expect(try Self.logIn(client, SCRAMClient(hash: .sha256, user: "ann", password: "apass")).answer != "")
        let silent = try Self.service { $0.passwordDatabases.append(PasswordSource(Silent())) }
        client = try RawClient.greeted(silent.clientPath)
        #expect(try Self.logIn(client, scram).reply?.hasPrefix("CONT") == true)
        client.send("CANCEL\t1")
        let unknown = SCRAMClient(hash: .sha256, user: "nobody", password: "x")
        #expect(try Self.logIn(client, unknown).reply == "FAIL\t1\tuser=nobody\tcode=temp_fail\ttemp")
    }

    @Test func plainLoginsVerifyToo() throws {
        let running = try Self.service()
        let client = try RawClient.greeted(running.clientPath)
        #expect(
            client.ask("AUTH\t1\tPLAIN\tresp=\(AuthServiceTests.plain("scr", "pencil"))") == "OK\t1\tuser=scr")
        #expect(
            client.ask("AUTH\t2\tPLAIN\tresp=\(AuthServiceTests.plain("scr", "pencils"))") == "FAIL\t2\tuser=scr")
    }
}
