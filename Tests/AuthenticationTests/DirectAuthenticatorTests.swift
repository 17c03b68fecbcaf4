import Authentication
import SASLCore
import TemporaryFiles
import Testing

struct DirectAuthenticatorTests {
    static let request = AuthenticationRequest(service: "doveadm")

    func authenticator(_ directory: TemporaryDirectory) throws -> DirectAuthenticator {
        try directory.write("users", RunningService.users)
        let log = LogCollector()
        return DirectAuthenticator(
            configuration: try RunningService.configuration(directory, log), log: log.add)
    }

    @Test(
        arguments: [
            ("Ann", "apass", nil), ("slow", "U*U", nil), ("alias", "x", nil), ("ann", "no", .credentials),
            ("nobody", "x", .credentials), ("a/b", "x", .credentials), ("off", "x", .userDisabled),
            ("nolog", "x", .userDisabled), ("old", "x", .passwordExpired), ("orphan", "x", .temporary),
            ("broken", "x", .temporary),
        ] as [(String, String, AuthenticationFailure.Code?)])
    func answersAsTheServiceDoes(
        _ user: String, _ password: String, _ expected: AuthenticationFailure.Code?
    ) async throws {
        let directory = try TemporaryDirectory()
        let authenticator = try self.authenticator(directory)
        let outcome = await authenticator.authenticate(
            Self.request, user: user, password: Array(password.utf8))
        switch outcome {
        case .success(let identity, let record):
            #expect(expected == nil)
            #expect(identity.user == record.user)
        case .failure(let failure): #expect(failure.code == expected)
        }
    }

    @Test func looksUpAndLists() async throws {
        let directory = try TemporaryDirectory()
        let authenticator = try self.authenticator(directory)
        guard case .found(let record) = await authenticator.lookup("ANN", Self.request) else {
            Issue.record("not found")
            return
        }
        #expect(record.home == "/home/ann")
        #expect(await authenticator.lookup("nobody", Self.request) == .notFound)
        #expect(try await authenticator.list(matching: "?nn", Self.request) == ["ann"])
    }

    @Test func runsExchanges() async throws {
        let directory = try TemporaryDirectory()
        let authenticator = try self.authenticator(directory)
        var answers = ["apass", "ann"]
        let outcome = await authenticator.authenticate(
            Self.request, mechanism: .login, initialResponse: nil
        ) { _ in .response(Array((answers.popLast() ?? "").utf8)) }
        guard case .success = outcome else {
            Issue.record("\(outcome)")
            return
        }
        let unknown = try #require(SASLMechanismName("X-NONE"))
        #expect(
            await authenticator.authenticate(Self.request, mechanism: unknown, initialResponse: nil) { _ in
                .cancelled
            } == .failure(AuthenticationFailure(.unknownMechanism)))
    }
}
