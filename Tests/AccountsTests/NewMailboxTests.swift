import Accounts
import Authentication
import Glibc
import IndexedStore
import MailCore
import MailStore
import MaildirFormat
import ServerConfig
import TemporaryFiles
import Testing

/// What a mailbox that is to come can be called.
@Suite struct NewMailboxTests {
    /// A client is asked to create a mailbox only where that can succeed.
    @Test func mayBeCreated() async throws {
        let place = try TemporaryDirectory()
        var configuration = IndexedStore.Configuration(
            directory: place.path + "/volume", bodyFormat: MaildirFormat(MaildirOptions()), clock: { 1_800_000_000 })
        configuration.threadCount = 2
        configuration.watchesFiles = false
        let store = try IndexedStore.open(configuration)
        var settings = Settings()
        settings.mail.path = "~/Maildir"
        var inbox = NamespaceSettings(name: "inbox")
        inbox.holdsInbox = true
        inbox.prefix = "INBOX."
        inbox.separator = "."
        settings.namespaces = [inbox]
        let accounts = Accounts(
            store: store, mail: settings.mail, processOwner: AccountIdentity.FileOwner(uid: getuid(), gid: getgid()),
            namespaces: settings.namespaces)
        let home = place.path + "/anna"
        mkdir(home, 0o700)
        do {
            let anna = try await accounts.open(UserRecord(user: "anna", uid: getuid(), gid: getgid(), home: home))
            for (text, may) in [("INBOX/a", true), ("a", false), ("a/b", false), ("INBOX/\u{FEFF}a", false)] {
                let name = try #require(MailboxName(text))
                #expect(await anna.mayCreate(name) == may, "\(text)")
                do throws(StoreError) {
                    try await anna.create(name, specialUse: nil)
                    #expect(may, "\(text)")
                } catch {
                    #expect(!may && error.code == .cannot, "\(text): \(error)")
                }
            }
            await store.close()
        } catch {
            await store.close()
            throw error
        }
    }
}
