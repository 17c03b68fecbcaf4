import Authentication
import Glibc
import MailCore
import TemporaryFiles
import Testing

/// The protocol as MTAs and the mail role speak it, against a service on real sockets.
struct AuthServiceTests {
    static func plain(_ user: String, _ password: String, as other: String = "") -> String {
        String(decoding: Base64.encode(Array("\(other)\0\(user)\0\(password)".utf8)), as: UTF8.self)
    }

    @Test func greetsAtOnce() throws {
        let running = try RunningService()
        let client = try RawClient(running.clientPath)
        // Exim reads before it writes.
        #expect(client.line() == "VERSION\t1\t2")
        #expect(client.line() == "MECH\tPLAIN\tplaintext")
        #expect(client.line() == "MECH\tLOGIN\tplaintext")
        #expect(client.line() == "SPID\t\(getpid())")
        #expect(client.line() == "CUID\t1")
        let cookie = try #require(client.line())
        #expect(cookie.hasPrefix("COOKIE\t") && cookie.utf8.count == 39)
        #expect(client.line() == "DONE")
        // Then all at once.
        client.send(
            "VERSION\t1\t1\nCPID\t17\nAUTH\t1\tPLAIN\tservice=smtp\trip=192.0.2.9\tlip=::1\tnologin\tresp="
                + Self.plain("ann", "apass"))
        #expect(client.line() == "OK\t1\tuser=ann\tcolor=blue")
    }

    @Test func refusesOtherVersions() throws {
        let running = try RunningService()
        for opening in ["VERSION\t2\t0", "CPID\t1", "AUTH\t1\tPLAIN"] {
            let client = try RawClient(running.clientPath)
            while let line = client.line(), line != "DONE" {}
            #expect(client.ask(opening) == nil, "\(opening)")
        }
    }

    @Test(arguments: [
        // As Postfix and Exim send it.
        (
            "AUTH\t1\tPLAIN\tservice=smtp\tnologin\tresp=\(plain("ann", "apass"))",
            "OK\t1\tuser=ann\tcolor=blue"
        ),
        ("AUTH\t1\tplain\tresp=\(plain("ANN", "apass"))", "OK\t1\tuser=ann\tcolor=blue"),
        ("AUTH\t1\tPLAIN\tservice=smtp\tresp=\(plain("ann", "wrong"))", "FAIL\t1\tuser=ann"),
        ("AUTH\t1\tPLAIN\tservice=smtp\tresp=\(plain("nobody", "x"))", "FAIL\t1\tuser=nobody"),
        ("AUTH\t1\tPLAIN\tresp=\(plain("ann", "apass", as: "ann"))", "OK\t1\tuser=ann\tcolor=blue"),
        ("AUTH\t1\tPLAIN\tresp=\(plain("ann", "apass", as: "slow"))", "FAIL\t1\tuser=ann\tcode=authz_fail"),
        ("AUTH\t1\tPLAIN\tresp=\(plain("slow", "U*U"))", "OK\t1\tuser=slow"),
        ("AUTH\t1\tPLAIN\tresp=\(plain("slow", "U*V"))", "FAIL\t1\tuser=slow"),
        ("AUTH\t1\tPLAIN\tresp=\(plain("alias", "x"))", "OK\t1\tuser=ann"),
        ("AUTH\t1\tPLAIN\tresp=\(plain("broken", "x"))", "FAIL\t1\tuser=broken\tcode=temp_fail\ttemp"),
        ("AUTH\t1\tPLAIN\tresp=\(plain("weak", "Hello world!"))", "FAIL\t1\tuser=weak\tcode=temp_fail\ttemp"),
        (
            "AUTH\t1\tPLAIN\trip=192.0.2.4\tresp=\(plain("nets", "x"))",
            "OK\t1\tuser=nets\tallow_nets=192.0.2.0/24"
        ),
        ("AUTH\t1\tPLAIN\trip=192.0.3.4\tresp=\(plain("nets", "x"))", "FAIL\t1\tuser=nets"),
        ("AUTH\t1\tPLAIN\tresp=\(plain("nets", "x"))", "FAIL\t1\tuser=nets"),
        ("AUTH\t1\tPLAIN\tresp=\(plain("off", "x"))", "FAIL\t1\tuser=off\treason=Moved\tcode=user_disabled"),
        ("AUTH\t1\tPLAIN\tresp=\(plain("off", "y"))", "FAIL\t1\tuser=off"),
        ("AUTH\t1\tPLAIN\tresp=\(plain("old", "x"))", "FAIL\t1\tuser=old\tcode=pass_expired"),
        ("AUTH\t1\tPLAIN\tresp=\(plain("free", "anything"))", "OK\t1\tuser=free\tnopassword"),
        ("AUTH\t1\tPLAIN\tresp=\(plain("free2", "x"))", "FAIL\t1\tuser=free2\tcode=temp_fail\ttemp"),
        ("AUTH\t1\tPLAIN\tresp=\(plain("empty", "x"))", "FAIL\t1\tuser=empty"),
        ("AUTH\t1\tPLAIN\tresp=\(plain("lookup", "x"))", "FAIL\t1\tuser=lookup"),
        ("AUTH\t1\tPLAIN\tresp=\(plain("a/b", "x"))", "FAIL\t1"),
        ("AUTH\t1\tPLAIN\tresp=***", "FAIL\t1\treason=Invalid base64 data\tcode=invalid_base64"),
        ("AUTH\t1\tPLAIN\tresp=YWJj", "FAIL\t1\treason=Invalid response\tcode=invalid_base64"),
        ("AUTH\t1\tGSSAPI\tservice=smtp", "FAIL\t1\treason=Unsupported mechanism"),
        ("AUTH\t1", "FAIL\t1\treason=Unsupported mechanism"),
        ("AUTH\t4294967295\tPLAIN\tresp=\(plain("ann", "apass"))", "OK\t4294967295\tuser=ann\tcolor=blue"),
        ("AUTH\t1\tPLAIN\tservice=smtp", "CONT\t1\t"),
        ("AUTH\t1\tPLAIN\tservice=smtp\tresp=", "CONT\t1\t"),
        ("AUTH\t1\tLOGIN\tservice=smtp", "CONT\t1\tVXNlcm5hbWU6"),
        ("CONT\t5\t", "FAIL\t5\treason=Unexpected continuation"),
        ("WHATEVER\t1\nAUTH\t1\tPLAIN\tresp=\(plain("ann", "apass"))", "OK\t1\tuser=ann\tcolor=blue"),
        ("USER\t1\tann\nAUTH\t2\tPLAIN\tresp=\(plain("ann", "apass"))", "OK\t2\tuser=ann\tcolor=blue"),
    ])
    func answersClient(_ request: String, _ reply: String) throws {
        let running = try RunningService()
        let client = try RawClient.greeted(running.clientPath)
        #expect(client.ask(request) == reply)
        // Whatever it was, the connection lives on.
        #expect(
            client.ask("AUTH\t99\tPLAIN\tresp=\(Self.plain("ann", "apass"))")
                == "OK\t99\tuser=ann\tcolor=blue")
        for line in running.log.lines { #expect(!line.contains("apass")) }
    }

    @Test func runsExchanges() throws {
        let running = try RunningService()
        let client = try RawClient.greeted(running.clientPath)
        #expect(client.ask("AUTH\t1\tPLAIN\tservice=smtp") == "CONT\t1\t")
        #expect(client.ask("CONT\t1\t\(Self.plain("ann", "apass"))") == "OK\t1\tuser=ann\tcolor=blue")
        // The id is free again. Two exchanges run side by side.
        #expect(client.ask("AUTH\t1\tLOGIN") == "CONT\t1\tVXNlcm5hbWU6")
        #expect(client.ask("AUTH\t2\tLOGIN") == "CONT\t2\tVXNlcm5hbWU6")
        #expect(client.ask("CONT\t2\tYW5u") == "CONT\t2\tUGFzc3dvcmQ6")
        #expect(client.ask("CONT\t1\tYW5u") == "CONT\t1\tUGFzc3dvcmQ6")
        #expect(client.ask("CONT\t1\tYXBhc3M=") == "OK\t1\tuser=ann\tcolor=blue")
        #expect(client.ask("CONT\t2\tYXBhc3N=") == "OK\t2\tuser=ann\tcolor=blue")
        #expect(client.ask("AUTH\t3\tLOGIN") == "CONT\t3\tVXNlcm5hbWU6")
        #expect(client.ask("CONT\t3\t*") == "FAIL\t3\treason=Invalid base64 data\tcode=invalid_base64")
        #expect(client.ask("AUTH\t4\tLOGIN") == "CONT\t4\tVXNlcm5hbWU6")
        client.send("CANCEL\t4")
        #expect(client.ask("CONT\t4\tYW5u") == "FAIL\t4\treason=Unexpected continuation")
    }

    @Test func heldFailureDoesNotDelayOthers() throws {
        let running = try RunningService { $0.failureDelay = 300 }
        let client = try RawClient.greeted(running.clientPath)
        client.send("AUTH\t1\tPLAIN\tresp=\(Self.plain("ann", "wrong"))")
        client.send("AUTH\t2\tPLAIN\tresp=\(Self.plain("ann", "apass"))")
        #expect(client.line() == "OK\t2\tuser=ann\tcolor=blue")
        #expect(client.line() == "FAIL\t1\tuser=ann")
    }

    @Test func closesOnAReusedID() throws {
        let running = try RunningService()
        let client = try RawClient.greeted(running.clientPath)
        #expect(client.ask("AUTH\t1\tLOGIN") == "CONT\t1\tVXNlcm5hbWU6")
        #expect(client.ask("AUTH\t1\tLOGIN") == nil)
    }

    @Test func answersLookups() throws {
        let running = try RunningService()
        let client = try RawClient(running.userdbPath)
        #expect(client.line() == "VERSION\t1\t1")
        #expect(client.line() == "SPID\t\(getpid())")
        client.send("VERSION\t1\t0")
        #expect(
            client.ask("USER\t1\tANN\tservice=lmtp")
                == "USER\t1\tann\tuid=1000\tgid=1001\thome=/home/ann\tmail=maildir:~/M\tquota=1G")
        #expect(client.ask("USER\t2\tnobody\tservice=lmtp") == "NOTFOUND\t2")
        #expect(client.ask("USER\t3\torphan") == "NOTFOUND\t3")
        #expect(client.ask("USER\t4\troot") == "NOTFOUND\t4")
        #expect(client.ask("USER\t5\t../etc") == "NOTFOUND\t5")
        client.send("AUTH\t6\tPLAIN\tresp=\(Self.plain("ann", "apass"))")
        client.send("LIST\t7\tservice=x\tuser=a*")
        #expect(client.line() == "LIST\t7\tann")
        #expect(client.line() == "LIST\t7\talias")
        #expect(client.line() == "DONE\t7\t")
        let complaints = running.log.lines.filter { $0.contains("uid and gid") }
        #expect(complaints.count == 2)
    }

    @Test func missingFileIsTemporary() throws {
        let running = try RunningService { configuration in
            let file = PasswdFileDatabase(path: testTemplate("/nonexistent/users"), log: { _, _ in })
            configuration.userDatabases = [UserSource(file)]
            configuration.passwordDatabases.append(PasswordSource(file))
        }
        let client = try RawClient.greeted(running.mailPath)
        #expect(
            client.ask("USER\t1\tann") == "FAIL\t1\treason=User database did not answer\tcode=temp_fail")
        #expect(client.ask("LIST\t2") == "DONE\t2\tfail")
        // The first database decides when it can, else nobody knows.
        #expect(
            client.ask("AUTH\t3\tPLAIN\tresp=\(Self.plain("ann", "apass"))") == "OK\t3\tuser=ann\tcolor=blue")
        #expect(
            client.ask("AUTH\t4\tPLAIN\tresp=\(Self.plain("nobody", "x"))")
                == "FAIL\t4\tuser=nobody\tcode=temp_fail\ttemp")
    }

    @Test func mailRoleGetsTheRecord() throws {
        let running = try RunningService()
        let client = try RawClient.greeted(running.mailPath)
        #expect(
            client.ask("AUTH\t1\tPLAIN\tservice=imap\tuserdb\tresp=\(Self.plain("ann", "apass"))")
                == "OK\t1\tuser=ann\tcolor=blue\tuserdb_uid=1000\tuserdb_gid=1001\tuserdb_home=/home/ann"
                + "\tuserdb_mail=maildir:~/M\tuserdb_quota=1G")
        #expect(
            client.ask("AUTH\t2\tPLAIN\tuserdb\tresp=\(Self.plain("nolog", "x"))")
                == "FAIL\t2\tuser=nolog\treason=Later\tcode=user_disabled")
        #expect(
            client.ask("AUTH\t3\tPLAIN\tuserdb\tresp=\(Self.plain("orphan", "x"))")
                == "FAIL\t3\tuser=orphan\tcode=temp_fail\ttemp")
        #expect(
            client.ask("PASS\t4\tann") == "PASS\t4\tuser=ann\tcolor=blue\tuserdb_gid=1001"
                + "\tuserdb_home=/home/ann\tuserdb_mail=maildir:~/M\tuserdb_quota=1G\tuserdb_uid=1000")
        #expect(client.ask("PASS\t5\tnobody") == "NOTFOUND\t5")
        #expect(client.ask("AUTH\t6\tPLAIN\tresp=\(Self.plain("slow", "U*U"))") == "OK\t6\tuser=slow")
        #expect(client.ask("CACHE-FLUSH\t7") == "OK\t7\t1")
        #expect(client.ask("CACHE-FLUSH\t8") == "OK\t8\t0")
    }

    @Test func defaultsOverridesStaticAndDenyLists() throws {
        let running = try RunningService { configuration in
            let fixed = StaticUserDatabase(fields: [
                "uid": testTemplate("5000"), "gid": testTemplate("mail"),
                "home": testTemplate("/srv/%d/%n"),
            ])
            configuration.userDatabases[0].fields.defaults = [
                "uid": testTemplate("700"), "gid": testTemplate("701"),
                "home": testTemplate("/d/%u"),
            ]
            configuration.userDatabases[0].fields.overrides = ["quota": testTemplate("2G")]
            configuration.userDatabases.append(UserSource(fixed))
            configuration.defaultDomain = nil
            let denied = TemporaryUsers(users: ["slow"])
            configuration.passwordDatabases.insert(PasswordSource(denied, use: .deny), at: 0)
        }
        let client = try RawClient.greeted(running.mailPath)
        #expect(
            client.ask("USER\t1\torphan") == "USER\t1\torphan\tuid=700\tgid=701\thome=/d/orphan\tquota=2G")
        #expect(
            client.ask("USER\t2\tann")
                == "USER\t2\tann\tuid=1000\tgid=1001\thome=/home/ann\tmail=maildir:~/M\tquota=2G")
        #expect(
            client.ask("USER\t3\tx@example.org")
                == "USER\t3\tx@example.org\tuid=5000\tgid=8\thome=/srv/example.org/x")
        #expect(client.ask("USER\t4\t..@example.org") == "NOTFOUND\t4")
        #expect(client.ask("AUTH\t5\tPLAIN\tresp=\(Self.plain("slow", "U*U"))") == "FAIL\t5\tuser=slow")
    }

    /// A password database of names, for deny lists.
    struct TemporaryUsers: PasswordDatabase {
        var users: Set<String>
        var driver: String { "test" }
        var mayBlock: Bool { true }
        func lookup(_ query: AuthQuery) -> PasswordLookup {
            self.users.contains(query.user) ? .found(PasswordEntry(password: "")) : .notFound
        }
    }

    @Test func reloadChangesTheDatabases() throws {
        let running = try RunningService()
        let client = try RawClient.greeted(running.mailPath)
        #expect(client.ask("USER\t1\tnew") == "NOTFOUND\t1")
        try running.directory.write("other", "new:{PLAIN}n:1:1\n")
        let file = PasswdFileDatabase(
            path: testTemplate(running.directory.path + "/other"), log: { _, _ in })
        running.service.reload(
            AuthConfiguration(passwordDatabases: [PasswordSource(file)], userDatabases: [UserSource(file)]))
        // The reload is taken before the next poll; the request below comes after the wake-up.
        var reply = client.ask("USER\t2\tnew")
        for id in 3..<1000 where reply?.hasPrefix("NOTFOUND") == true {
            reply = client.ask("USER\t\(id)\tnew")
        }
        #expect(reply?.hasSuffix("new\tuid=1\tgid=1") == true)
    }
}
