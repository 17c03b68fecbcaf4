import SASLCore
import TemporaryFiles
import Testing

@testable import Authentication

/// Users whose mail is on another server: here nobody gets in as one of them.
struct ProxyTests {
    static let request = AuthenticationRequest(service: "imap", remoteAddress: "192.0.2.1")

    static let users = """
        moved::1000:1000:::: nopassword proxy host=10.0.0.1
        maybe:{PLAIN}x:1000:1000:::: proxy_maybe=y host=10.0.0.1
        here:{PLAIN}x:1000:1000
        other:{PLAIN}y:1000:1000:::: proxy=y host=10.0.0.1
        """

    /// A file of such users, and behind it a database that lets everybody in.
    func authenticator(_ directory: TemporaryDirectory, _ log: LogCollector) throws -> DirectAuthenticator {
        try directory.write("users", Self.users)
        let file = PasswdFileDatabase(path: testTemplate(directory.path + "/users"), log: log.add)
        var configuration = AuthConfiguration(
            passwordDatabases: [PasswordSource(file), PasswordSource(StaticPasswordDatabase(password: "x"))],
            userDatabases: [UserSource(file)])
        configuration.mechanisms = .all()
        return DirectAuthenticator(configuration: configuration, log: log.add)
    }

    @Test(arguments: ["moved", "maybe"])
    func areRefused(_ user: String) async throws {
        let directory = try TemporaryDirectory()
        let log = LogCollector()
        let authenticator = try self.authenticator(directory, log)
        let outcome = await authenticator.authenticate(Self.request, user: user, password: Array("x".utf8))
        #expect(outcome == .failure(AuthenticationFailure(.temporary)))
        #expect(log.lines.first?.hasPrefix("passwd-file(\(user),192.0.2.1): the answer has the field proxy") == true)
        #expect(log.lines.last == "auth(\(user),192.0.2.1): login failed: user is to be proxied")
    }

    /// A wrong password, or none for a proof, is no way to the database behind.
    @Test(arguments: ["moved", "other"]) func noOtherDatabaseLetsThemIn(_ user: String) async throws {
        let directory = try TemporaryDirectory()
        let log = LogCollector()
        let authenticator = try self.authenticator(directory, log)
        guard
            case .failure = await authenticator.authenticate(Self.request, user: user, password: Array("x".utf8))
        else {
            Issue.record("let in by a password")
            return
        }
        guard case .found(let candidate) = authenticator.verifier.keys(
            AuthQuery(user: user, request: Self.request), .sha256)
        else { return }
        guard case .failure = authenticator.verifier.admit(candidate) else {
            Issue.record("let in by a proof")
            return
        }
    }

    @Test func othersAreNot() async throws {
        let directory = try TemporaryDirectory()
        let log = LogCollector()
        let outcome = try await self.authenticator(directory, log).authenticate(
            Self.request, user: "here", password: Array("x".utf8))
        guard case .success(let identity, _) = outcome else {
            Issue.record("\(outcome)")
            return
        }
        #expect(identity.user == "here")
        #expect(log.lines == [])
    }

    /// Also by a field that the configuration adds, and with a proof instead of a password.
    @Test func whicheverWayTheyLogIn() throws {
        let running = try RunningService { configuration in
            configuration.mechanisms = .all()
            configuration.passwordDatabases[0].fields.overrides = ["proxy": VariableTemplate(constant: "y")]
        }
        let client = try RawClient.greeted(running.mailPath)
        let reply = client.ask("AUTH\t1\tPLAIN\tresp=\(AuthServiceTests.plain("ann", "apass"))")
        #expect(reply == "FAIL\t1\tuser=ann\tcode=temp_fail\ttemp")
        let scram = SCRAMClient(hash: .sha256, user: "ann", password: "apass")
        let (answer, _, _) = try SCRAMTests.logIn(client, scram)
        #expect(answer == "FAIL\t1\tuser=ann\tcode=temp_fail\ttemp")
    }
}
