import Authentication
import Glibc
import Synchronization
import TemporaryFiles
import Testing

struct PasswdFileTests {
    static let contents = """
        # a comment:x
        :nobody:x

        ann:{PLAIN}a:1000:1001:Ann:/home/ann:/bin/sh:userdb_mail=maildir:~/M nodelay allow_nets=::1,10.0.0.0/8 userdb_flag
        bob:{PLAIN}b
        ann:{PLAIN}second
        empty:
        free::::::: nopassword
        lonely
        named:{PLAIN}n:mail:mail::/var/mail/n::
        crlf:{PLAIN}c\r
        """

    @Test func parsesEachKindOfLine() throws {
        let table = PasswdFileTable(Array(Self.contents.utf8))
        #expect(table.users == ["ann", "bob", "empty", "free", "lonely", "named", "crlf"])
        #expect(table.duplicates == ["ann"])
        let ann = try #require(table[user: "ann"])
        #expect(ann.password == "{PLAIN}a")
        #expect(ann.fields == ["nodelay": "", "allow_nets": "::1,10.0.0.0/8"])
        #expect(
            ann.userFields == [
                "uid": "1000", "gid": "1001", "home": "/home/ann", "mail": "maildir:~/M", "flag": "yes",
            ])
        #expect(table[user: "bob"]?.password == "{PLAIN}b")
        #expect(table[user: "bob"]?.userFields == [:])
        #expect(table[user: "empty"]?.password == "")
        #expect(table[user: "free"]?.fields == ["nopassword": ""])
        #expect(table[user: "lonely"]?.password == "")
        #expect(table[user: "named"]?.userFields["uid"] == "mail")
        #expect(table[user: "crlf"]?.password == "{PLAIN}c")
        #expect(table[user: "Ann"] == nil)
        #expect(table[user: ""] == nil)
    }

    @Test func anyOctetsParse() {
        var state: UInt32 = 1
        let alphabet = Array(":\n# =\r\0{}userdb_\u{FF}".utf8)
        for _ in 0..<300 {
            var bytes: [UInt8] = []
            for _ in 0..<60 {
                state = state &* 1_664_525 &+ 1_013_904_223
                bytes.append(alphabet[Int(state >> 16) % alphabet.count])
            }
            let table = PasswdFileTable(bytes)
            for user in table.users { #expect(table[user: user] != nil) }
        }
    }

    func query(_ user: String) -> AuthQuery {
        AuthQuery(user: user, request: AuthenticationRequest(service: "imap"))
    }

    func password(_ database: PasswdFileDatabase, _ user: String) -> String? {
        let lookup: PasswordLookup = database.lookup(self.query(user))
        if case .found(let entry) = lookup { return entry.password }
        return nil
    }

    @Test func readsAgainOnceASecond() throws {
        let directory = try TemporaryDirectory()
        let path = directory.path + "/users"
        try directory.write("users", "ann:1\n")
        let clock = Mutex<Int64>(0)
        let database = PasswdFileDatabase(
            path: testTemplate(path), now: { clock.withLock { $0 } }, log: { _, _ in })
        #expect(self.password(database, "ann") == "1")
        // Another size shows the change even when the file system's clock stands still.
        try directory.write("users", "ann:22\n")
        #expect(self.password(database, "ann") == "1")
        clock.withLock { $0 = 999 }
        #expect(self.password(database, "ann") == "1")
        clock.withLock { $0 = 1000 }
        #expect(self.password(database, "ann") == "22")
        unlink(path)
        clock.withLock { $0 = 2000 }
        let gone: PasswordLookup = database.lookup(self.query("ann"))
        guard case .temporary = gone else {
            Issue.record("a missing file is a temporary failure, not \(gone)")
            return
        }
        #expect(throws: AuthenticationFailure(.temporary)) { try database.users() }
    }

    @Test func pathMayHoldVariables() throws {
        let directory = try TemporaryDirectory()
        try directory.write("example.org", "ann@example.org:1\nbob:2\n")
        let database = PasswdFileDatabase(
            path: testTemplate(directory.path + "/%d"), log: { _, _ in })
        #expect(self.password(database, "ann@example.org") == "1")
        #expect(self.password(database, "ann@example.com") == nil)
        let other: PasswordLookup = database.lookup(self.query("ann@example.com"))
        #expect(other == .notFound)
        let outside: PasswordLookup = database.lookup(self.query("ann@../example.org"))
        #expect(outside == .notFound)
        #expect(try database.users() == [])
    }

    @Test func complainsAboutDuplicates() throws {
        let directory = try TemporaryDirectory()
        try directory.write("users", Self.contents)
        let log = LogCollector()
        let database = PasswdFileDatabase(
            path: testTemplate(directory.path + "/users"), log: log.add)
        #expect(self.password(database, "ann") == "{PLAIN}a")
        #expect(log.lines.count == 1)
        #expect(log.lines.first?.contains("ann exists more than once") == true)
        #expect(log.lines.allSatisfy { !$0.contains("second") })
    }
}
