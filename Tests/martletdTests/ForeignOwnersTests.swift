import Glibc
import ServerConfig
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
}
