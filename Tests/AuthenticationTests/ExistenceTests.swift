import Authentication
import TemporaryFiles
import Testing

/// Who exists where the user database is static.
struct ExistenceTests {
    static let request = AuthenticationRequest(service: "lmtp")

    /// What stands before the static user database.
    enum Passwords: Sendable {
        case none
        case file
        case pam
        case fileAndPAM
        case denyList
        case missingFile
    }

    func authenticator(
        _ directory: TemporaryDirectory, _ passwords: Passwords,
        existence: UserSource.Existence = .passwordDatabases
    ) throws -> DirectAuthenticator {
        try directory.write("users", "ann:{PLAIN}x\nbob:{PLAIN}y\nann:{PLAIN}z\n")
        let file = PasswdFileDatabase(path: testTemplate(directory.path + "/users"), log: { _, _ in })
        let missing = PasswdFileDatabase(path: testTemplate(directory.path + "/missing"), log: { _, _ in })
        let pam = PAMPasswordDatabase(service: testTemplate("martlet"))
        let sources: [PasswordSource] =
            switch passwords {
            case .none: []
            case .file: [PasswordSource(file)]
            case .pam: [PasswordSource(pam)]
            case .fileAndPAM: [PasswordSource(pam), PasswordSource(file)]
            case .denyList: [PasswordSource(file, use: .deny)]
            case .missingFile: [PasswordSource(missing)]
            }
        let fixed = StaticUserDatabase(fields: [
            "uid": testTemplate("5000"), "gid": testTemplate("5000"), "home": testTemplate("/srv/%u"),
        ])
        return DirectAuthenticator(
            configuration: AuthConfiguration(
                passwordDatabases: sources, userDatabases: [UserSource(fixed, existence: existence)]),
            log: { _, _ in })
    }

    @Test(
        arguments: [
            (.file, "ann", true), (.file, "nobody", false), (.fileAndPAM, "bob", true),
            // Nobody can tell, or not all can.
            (.fileAndPAM, "nobody", true), (.none, "nobody", true), (.pam, "nobody", true), (.denyList, "nobody", true),
            (.denyList, "ann", true),
        ] as [(ExistenceTests.Passwords, String, Bool)])
    func existsWhomThePasswordDatabasesKnow(_ passwords: Passwords, _ user: String, _ exists: Bool) async throws {
        let directory = try TemporaryDirectory()
        let authenticator = try self.authenticator(directory, passwords)
        let lookup = await authenticator.lookup(user, Self.request)
        guard exists else {
            #expect(lookup == .notFound)
            return
        }
        guard case .found(let record) = lookup else {
            Issue.record("\(lookup)")
            return
        }
        #expect(record.home == "/srv/\(user)")
    }

    @Test func everybodyExistsWhereThatIsMeant() async throws {
        let directory = try TemporaryDirectory()
        let authenticator = try self.authenticator(directory, .file, existence: .database)
        guard case .found = await authenticator.lookup("nobody", Self.request) else {
            Issue.record("not found")
            return
        }
        #expect(try await authenticator.list(matching: "*", Self.request) == [])
    }

    @Test func aSilentDatabaseBouncesNobody() async throws {
        let directory = try TemporaryDirectory()
        let authenticator = try self.authenticator(directory, .missingFile)
        guard case .temporary = await authenticator.lookup("ann", Self.request) else {
            Issue.record("not temporary")
            return
        }
    }

    @Test func theyAreListed() async throws {
        let directory = try TemporaryDirectory()
        #expect(try await self.authenticator(directory, .file).list(matching: "*", Self.request) == ["ann", "bob"])
        #expect(try await self.authenticator(directory, .fileAndPAM).list(matching: "b*", Self.request) == ["bob"])
        #expect(try await self.authenticator(directory, .pam).list(matching: "*", Self.request) == [])
    }

    /// Who has just logged in exists, whatever the files say: PAM, say, knows more than they do.
    @Test func aLoginNeedsNoSecondWitness() async throws {
        let directory = try TemporaryDirectory()
        try directory.write("users", "ann:{PLAIN}x\n")
        let file = PasswdFileDatabase(path: testTemplate(directory.path + "/users"), log: { _, _ in })
        var known = PasswordSource(file)
        // The name by which the file knows the user is another one.
        known.fields = FieldRules(overrides: ["user": testTemplate("Ann.Other")])
        let fixed = StaticUserDatabase(fields: ["uid": testTemplate("5000"), "gid": testTemplate("5000")])
        let authenticator = DirectAuthenticator(
            configuration: AuthConfiguration(
                passwordDatabases: [known],
                userDatabases: [UserSource(fixed, existence: .passwordDatabases)]),
            log: { _, _ in })
        let outcome = await authenticator.authenticate(Self.request, user: "ann", password: Array("x".utf8))
        guard case .success(let identity, _) = outcome else {
            Issue.record("\(outcome)")
            return
        }
        #expect(identity.user == "Ann.Other")
        #expect(await authenticator.lookup("ann.other", Self.request) == .notFound)
    }

    /// An id by a name that the system does not have.
    @Test func unknownOwnersAreNamed() async throws {
        let directory = try TemporaryDirectory()
        try directory.write("users", "ann:{PLAIN}x:no-such-user:1000\nbob:{PLAIN}x:1000:no-such-group\ncarl:{PLAIN}x\n")
        let log = LogCollector()
        let file = PasswdFileDatabase(path: testTemplate(directory.path + "/users"), log: log.add)
        let authenticator = DirectAuthenticator(
            configuration: AuthConfiguration(passwordDatabases: [], userDatabases: [UserSource(file)]), log: log.add)
        for user in ["ann", "bob", "carl"] { #expect(await authenticator.lookup(user, Self.request) == .notFound) }
        #expect(
            log.lines == [
                "passwd-file(ann): uid=no-such-user: there is no system user of that name",
                "passwd-file(bob): gid=no-such-group: there is no system group of that name",
                "passwd-file(carl): userdb info has no uid and gid above 0",
            ])
    }
}
