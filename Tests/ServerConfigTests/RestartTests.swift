import Testing

@testable import ServerConfig

/// What a reload cannot put into force is told to whoever reloads.
@Suite struct RestartTests {
    private static let before = """
        namespace inbox {
          inbox = yes
          separator = /
          mailbox Trash {
            autoexpunge = 30 days
            special_use = \\Trash
          }
        }

        """

    private func waiting(_ old: String, _ new: String) throws -> [String] {
        let old = try #require(load(basics + old).configuration)
        return try #require(load(basics + new).configuration).awaitingRestart(since: old)
    }

    @Test(
        arguments: [
            ("", []),
            ("login_timeout = 5 s\ndefault_client_limit = 7\nimap_message_limit = 5\n", []),
            ("mail_fsync = always\nmail_volume_log_retention = 1 days\n", ["mail_fsync", "mail_volume_log_retention"]),
            ("service imap {\n inet_listener imap {\n port = 1143\n }\n}\n", ["listeners"]),
            ("protocols = imap\n", ["protocols"]), ("listen = 127.0.0.1\n", ["listen"]),
            ("volume x {\n path = /srv/x\n}\n", ["volume { }"]),
        ] as [(String, [String])])
    func settings(_ text: String, _ names: [String]) throws {
        #expect(try self.waiting(Self.before, Self.before + text) == names)
    }

    @Test(
        arguments: [
            ("30 days", "7 days", []),
            ("special_use = \\Trash", "special_use = \\Junk", ["auto, special_use and aliases of mailbox { }"]),
            ("separator = /", "separator = .", ["separator"]),
        ] as [(String, String, [String])])
    func blocks(_ old: String, _ new: String, _ names: [String]) throws {
        #expect(try self.waiting(Self.before, Self.before.replacing(old, with: new)) == names)
    }
}
