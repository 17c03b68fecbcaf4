import Glibc
import ServerConfig
import TemporaryFiles
import Testing

@testable import martletd

@Suite struct ForeignOwnersTests {
    private let owners = ForeignOwners(owner: RoleUser(uid: 64_001, gid: 64_001, name: "nosuchuser"))

    @Test(arguments: [
        ("", false), ("a:{PLAIN}x\n", false), ("a:x:64001:64001::/home/a::\n", false),
        ("a:x:nosuchuser:64001::/home/a::\n", false), ("a:x:::gecos:/home/a::\n", false),
        ("# a:x:1:1::/\n", false), ("a:x:64001:1::/\nb:x:64002:1::/\n", true), ("b:x:root:0::/\n", true),
    ])
    func inAPasswdFile(_ text: String, _ expected: Bool) {
        let path = "/tmp/martlet-owners.\(UInt64.random(in: .min ... .max))"
        let file = fopen(path, "w")
        fputs(text, file)
        fclose(file)
        defer { unlink(path) }
        #expect(self.owners.areIn(file: path) == expected)
    }

    @Test func inSettings() {
        var userdb = UserdbSettings(name: "u")
        userdb.driver = .static
        #expect(!self.owners.areIn(userdb))
        userdb.fields = [FieldSetting(name: "uid", value: "64001")]
        #expect(!self.owners.areIn(userdb))
        userdb.fields = [FieldSetting(name: "uid", value: "%{user}")]
        #expect(self.owners.areIn(userdb))
        userdb.fields = []
        userdb.driver = .passwd
        #expect(self.owners.areIn(userdb))
    }

    /// A file for each domain: those that are there are looked through.
    @Test func inFilesOfDomains() throws {
        let place = try TemporaryDirectory()
        func write(_ name: String, _ text: String) {
            let file = fopen("\(place.path)/\(name)", "w")
            fputs(text, file)
            fclose(file)
        }
        write("a.example", "a:x:64001:64001::/home/a::\n")
        var userdb = UserdbSettings(name: "u")
        userdb.passwdFilePath = "\(place.path)/%{user | domain}"
        #expect(!self.owners.areIn(userdb))
        write("b.example", "b:x:64002:64002::/home/b::\n")
        #expect(self.owners.areIn(userdb))
        userdb.passwdFilePath = "\(place.path)/%Ld"
        #expect(self.owners.areIn(userdb))
        userdb.passwdFilePath = "\(place.path)/c%d"
        #expect(!self.owners.areIn(userdb))
    }

    @Test(arguments: [
        ("/a/%{user | domain}/p", "/a/*/p"), ("/a/%d", "/a/*"), ("/a/%2.1Ln.x", "/a/*.x"), ("/a%%b", "/a%b"),
        ("/[a]?*\\", "/\\[a]\\?\\*\\\\"), ("/a%", "/a*"), ("/a%{b", "/a*"),
    ])
    func patterns(_ path: String, _ expected: String) { #expect(ForeignOwners.pattern(path) == expected) }

    /// What a passdb tells of its users, where the userdb is `prefetch`.
    @Test func inFieldsOfAPassdb() throws {
        let place = try TemporaryDirectory()
        let file = fopen(place.path + "/users", "w")
        fputs("a:x:::::: nodelay userdb_uid=64002 userdb_gid=64002\n", file)
        fclose(file)
        var settings = Settings()
        var passdb = PassdbSettings(name: "p")
        passdb.passwdFilePath = place.path + "/users"
        settings.passdbs = [passdb]
        var userdb = UserdbSettings(name: "u")
        userdb.driver = .static
        settings.userdbs = [userdb]
        #expect(!self.owners.areIn(settings))
        settings.userdbs[0].driver = .prefetch
        #expect(self.owners.areIn(settings))
        settings.passdbs[0].passwdFilePath = "/nowhere"
        #expect(!self.owners.areIn(settings))
        settings.passdbs[0].fields = [FieldSetting(name: "userdb_uid", value: "64002")]
        #expect(self.owners.areIn(settings))
    }
}
