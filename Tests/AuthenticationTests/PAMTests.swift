import Glibc
import TemporaryFiles
import Testing

@testable import Authentication

/// PAM through workers. Needs root for a service file of its own and a user; both go away afterwards.
@Suite(.serialized)
struct PAMTests {
    static let isRoot = getuid() == 0
    static let why: Comment = "needs root: writes a service file to /etc/pam.d and adds a system user"

    /// A worker on a thread: the tests' program has no way to run as a worker process.
    static let threadLauncher = AuthWorkerLauncher {
        guard let (ours, theirs) = UnixSocket.pair(nonBlocking: false) else { return nil }
        _ = fcntl(ours, F_SETFL, O_NONBLOCK)
        startThread { AuthWorker.run(theirs) }
        return AuthWorkerLauncher.Worker(descriptor: ours, process: nil)
    }

    /// A PAM service for one test.
    final class Service {
        let name: String
        private var path: String { "/etc/pam.d/\(self.name)" }

        init(_ suffix: String, _ lines: String) throws {
            self.name = "martlet-test-\(suffix)-\(getpid())"
            try writeFile("/etc/pam.d/\(self.name)", lines)
        }

        deinit { unlink(self.path) }
    }

    static func running(_ service: Service, _ change: (inout AuthConfiguration) throws -> Void = { _ in })
        throws
        -> RunningService
    {
        try RunningService { configuration in
            let template = testTemplate(service.name)
            configuration.passwordDatabases.append(PasswordSource(PAMPasswordDatabase(service: template)))
            configuration.userDatabases.append(UserSource(SystemUserDatabase()))
            configuration.launchWorker = Self.threadLauncher
            try change(&configuration)
        }
    }

    static let plain = AuthServiceTests.plain

    @Test(.enabled(if: isRoot, why))
    func verifiesARealUser() async throws {
        let name = "mrtl\(getpid())"
        guard
            system("useradd -M -d /nonexistent/\(name) \(name) 2>/dev/null && echo '\(name):Pw,1' | chpasswd")
                == 0
        else {
            Issue.record("useradd or chpasswd failed")
            return
        }
        defer { _ = system("userdel \(name) 2>/dev/null") }
        let service = try Service("unix", "auth required pam_unix.so\naccount required pam_unix.so\n")
        let running = try Self.running(service)
        let client = try RawClient.greeted(running.mailPath)
        let good = try #require(client.ask("AUTH\t1\tPLAIN\tuserdb\tresp=\(Self.plain(name, "Pw,1", ""))"))
        #expect(good.hasPrefix("OK\t1\tuser=\(name)\tuserdb_uid="))
        #expect(good.contains("\tuserdb_home=/nonexistent/\(name)\t"))
        #expect(client.ask("AUTH\t2\tPLAIN\tresp=\(Self.plain(name, "Pw,2", ""))") == "FAIL\t2\tuser=\(name)")
        #expect(
            client.ask("AUTH\t3\tPLAIN\tresp=\(Self.plain("mrtlnobody", "x", ""))")
                == "FAIL\t3\tuser=mrtlnobody")
        let record = try #require(client.ask("USER\t4\t\(name)"))
        #expect(record.hasPrefix("USER\t4\t\(name)\tuid="))
        #expect(client.ask("USER\t5\tmrtlnobody") == "NOTFOUND\t5")
        for line in running.log.lines { #expect(!line.contains("Pw,")) }
    }

    @Test(
        .enabled(if: isRoot, why),
        arguments: [
            ("auth required pam_permit.so\naccount required pam_permit.so\n", "OK\t1\tuser=someone"),
            ("auth required pam_deny.so\naccount required pam_permit.so\n", "FAIL\t1\tuser=someone"),
            (
                "auth required pam_permit.so\naccount required pam_deny.so\n",
                "FAIL\t1\tuser=someone"
            ),
            ("auth required pam_no_such_module.so\n", "FAIL\t1\tuser=someone\tcode=temp_fail\ttemp"),
        ])
    func mapsResults(_ lines: String, _ reply: String) throws {
        let service = try Service("map", lines)
        let running = try Self.running(service)
        let client = try RawClient.greeted(running.mailPath)
        #expect(client.ask("AUTH\t1\tPLAIN\tresp=\(Self.plain("someone", "x", ""))") == reply)
    }

    /// The database's own name for the user, and the configuration's fields on PAM's bare yes.
    @Test(.enabled(if: isRoot, why))
    func nameFormatAndFieldsApply() throws {
        let service = try Service(
            "format", "auth required pam_permit.so\naccount required pam_permit.so\n")
        let running = try Self.running(service) { configuration in
            configuration.passwordDatabases[1].usernameFormat = testTemplate("%n")
            configuration.passwordDatabases[1].fields = FieldRules(
                defaults: ["userdb_uid": testTemplate("7"), "userdb_gid": testTemplate("8")],
                overrides: ["userdb_home": testTemplate("/h/%d/%n"), "x": testTemplate("y")])
            configuration.userDatabases = [UserSource(PrefetchUserDatabase())]
            configuration.pamCacheLifetime = 60
        }
        let client = try RawClient.greeted(running.mailPath)
        let plain = Self.plain("a@example.org", "x", "")
        // The second answer comes from memory.
        for id in 1...2 {
            #expect(
                client.ask("AUTH\t\(id)\tPLAIN\tuserdb\tresp=\(plain)")
                    == "OK\t\(id)\tuser=a@example.org\tx=y\tuserdb_uid=7\tuserdb_gid=8"
                    + "\tuserdb_home=/h/example.org/a")
        }
    }

    /// A login on a slow module is asked first and answered last.
    @Test(.enabled(if: isRoot, why))
    func slowModuleDelaysNobodyElse() throws {
        let directory = try TemporaryDirectory()
        guard mkfifo(directory.path + "/gate", 0o600) == 0 else { throw FixtureError("mkfifo") }
        // The module's program reads from the fifo and so waits for the test to write: slow without a clock.
        try directory.write("wait", "#!/bin/sh\nread x < \(directory.path)/gate\n")
        chmod(directory.path + "/wait", 0o700)
        let service = try Service(
            "slow",
            "auth required pam_exec.so quiet \(directory.path)/wait\n"
                + "account required pam_permit.so\n")
        let running = try Self.running(service) { $0.pamWorkers = 3 }
        let client = try RawClient.greeted(running.mailPath)
        client.send("AUTH\t1\tPLAIN\tresp=\(Self.plain("someone", "x", ""))")
        for id in 2..<20 {
            #expect(
                client.ask("AUTH\t\(id)\tPLAIN\tresp=\(Self.plain("ann", "apass", ""))")
                    == "OK\t\(id)\tuser=ann\tcolor=blue")
            #expect(client.ask("USER\t\(id)\tslow")?.hasPrefix("USER\t\(id)\tslow") == true)
        }
        try writeFile(directory.path + "/gate", "go\n")
        #expect(client.line() == "OK\t1\tuser=someone")
    }

    /// Worker processes: spawned, reused, replaced when they die. The shell plays the worker.
    @Test func spawnsWorkers() throws {
        let running = try RunningService { configuration in
            configuration.passwordDatabases.append(
                PasswordSource(PAMPasswordDatabase(service: testTemplate("any"))))
            let script = """
                while read -r command id service user rest <&3; do
                    test "$user" = dies && exit 1
                    test "$user" = bad && printf 'FAIL\\t%s\\t\\tno\\n' "$id" >&3
                    test "$user" = bad || printf 'OK\\t%s\\t%s%s\\n' "$id" "$user" "$$" >&3
                done
                """
            configuration.launchWorker = .spawn(["/bin/sh", "-c", script])
            configuration.pamWorkers = 1
            configuration.pamWorkerRequests = 3
        }
        let client = try RawClient.greeted(running.mailPath)
        func ask(_ id: Int, _ user: String) -> String? {
            client.ask("AUTH\t\(id)\tPLAIN\tresp=\(Self.plain(user, "x", ""))")
        }
        let first = try #require(ask(1, "x"))
        #expect(first.hasPrefix("OK\t1\tuser=x"))
        let process = first.dropFirst(11)
        #expect(ask(2, "x") == "OK\t2\tuser=x\(process)")
        #expect(ask(3, "bad") == "FAIL\t3\tuser=bad")
        // After three logins another process serves.
        #expect(ask(4, "x") != "OK\t4\tuser=x\(process)")
        #expect(ask(5, "dies") == "FAIL\t5\tuser=dies\tcode=temp_fail\ttemp")
        #expect(ask(6, "x")?.hasPrefix("OK\t6\tuser=x") == true)
    }

    @Test func killsAWorkerThatHangs() throws {
        let running = try RunningService { configuration in
            configuration.passwordDatabases.append(
                PasswordSource(PAMPasswordDatabase(service: testTemplate("any"))))
            configuration.launchWorker = .spawn(["/bin/sh", "-c", "exec sleep 1000"])
            configuration.pamTimeout = 0
        }
        let client = try RawClient.greeted(running.mailPath)
        let plain = Self.plain("someone", "x", "")
        #expect(client.ask("AUTH\t1\tPLAIN\tresp=\(plain)") == "FAIL\t1\tuser=someone\tcode=temp_fail\ttemp")
    }

    @Test func workerThatCannotStartIsTemporary() throws {
        let running = try RunningService { configuration in
            configuration.passwordDatabases.append(
                PasswordSource(PAMPasswordDatabase(service: testTemplate("any"))))
            configuration.launchWorker = .spawn(["/nonexistent/worker"])
        }
        let client = try RawClient.greeted(running.mailPath)
        let plain = Self.plain("someone", "x", "")
        #expect(client.ask("AUTH\t1\tPLAIN\tresp=\(plain)") == "FAIL\t1\tuser=someone\tcode=temp_fail\ttemp")
    }
}
