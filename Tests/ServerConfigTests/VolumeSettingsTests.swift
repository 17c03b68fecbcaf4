import Testing

@testable import ServerConfig

@Suite struct VolumeSettingsTests {
    @Test func volumes() throws {
        let settings = try settings(
            """
            mail_volume_path = /var/vol
            mail_volume = ssd
            volume ssd {
              path = /srv/ssd/martlet
            }
            volume archive {
              path = /srv/archive/martlet
            }
            """)
        #expect(settings.volumes.map(\.name) == ["default", "ssd", "archive"])
        #expect(settings.volumes.map(\.path) == ["/var/vol", "/srv/ssd/martlet", "/srv/archive/martlet"])
        #expect(settings.mail.volume == "ssd")
    }

    /// However many there are; the root has nothing before them.
    @Test func slashesAtTheEndDoNotCount() throws {
        let settings = try settings(
            """
            base_dir = /run/martlet//
            state_dir = //
            mail_volume_path = /var/vol/
            volume ssd {
              path = /srv/ssd/martlet///
            }
            """)
        #expect(settings.general.baseDirectory == "/run/martlet")
        #expect(settings.general.stateDirectory == "/")
        #expect(settings.volumes.map(\.path) == ["/var/vol", "/srv/ssd/martlet"])
    }

    @Test func aloneThereIsOne() throws {
        let settings = try settings("")
        #expect(settings.volumes.map(\.path) == ["/var/lib/martlet/volume"])
    }

    @Test(arguments: [
        ("volume a {\n path = /var/lib/martlet/volume/\n}", "has the directory of volume default"),
        ("volume a {\n path = /var/lib/martlet/volume/a\n}", "is inside of volume default"),
        ("volume a {\n path = /var/lib/martlet\n}", "is around volume default"),
        ("volume a {\n path = /x\n}\nvolume b {\n path = //x/.\n}", "has the directory of volume a"),
        ("volume a {\n path = /x/../y\n}", "`..`"),
        ("volume a {\n path = /x\n}\nvolume a {\n path = /y\n}", "is there already"),
        ("volume a {\n path = x\n}", "not an absolute path"),
        ("volume a {\n}", "write path ="),
        ("volume {\n path = /x\n}", "write volume NAME"),
        ("volume default {\n path = /x\n}", "always there"),
        ("mail_volume = arhive\nvolume archive {\n path = /x\n}", "did you mean archive?"),
        ("mail_volume = other", "no volume other"),
    ])
    func mistakes(_ text: String, _ message: String) {
        let messages = diagnostics(text).filter { !$0.contains(": warning: ") }
        #expect(messages.contains { $0.contains(message) }, "\(messages)")
    }
}
