import Authentication
import ServerConfig
import Testing
import Wiring

/// What the auth role makes of passdbs and userdbs.
@Suite struct AuthWiringTests {
    @Test func whoExistsAndWhoMayLogIn() throws {
        var settings = Settings()
        settings.auth.usernameCharacters = "abc'"
        var blocked = PassdbSettings(name: "blocked")
        blocked.passwdFilePath = "/etc/martlet/blocked"
        blocked.isDenyList = true
        var users = PassdbSettings(name: "users")
        users.passwdFilePath = "/etc/martlet/users"
        settings.passdbs = [blocked, users]
        var listed = UserdbSettings(name: "static")
        listed.driver = .static
        listed.fields = [FieldSetting(name: "uid", value: "vmail")]
        var everybody = listed
        everybody.allowsAllUsers = true
        var file = UserdbSettings(name: "passwd-file")
        file.passwdFilePath = "/etc/martlet/users"
        settings.userdbs = [listed, everybody, file]
        let configuration = try AuthConfiguration(settings) { _, _ in }
        #expect(configuration.passwordDatabases.map(\.use) == [.deny, .accept])
        #expect(configuration.userDatabases.map(\.existence) == [.passwordDatabases, .database, .database])
        #expect(configuration.usernameCharacters == "abc'")
    }
}
