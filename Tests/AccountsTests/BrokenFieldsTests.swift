import Accounts
import Authentication
import IndexedStore
import MailStore
import MaildirFormat
import ServerConfig
import Synchronization
import TemporaryFiles
import Testing

/// What a userdb says and cannot mean: the administrator is told which field it is.
@Suite struct BrokenFieldsTests {
    struct Case: Sendable {
        var home: String? = "/home/ann"
        var mail: String?
        var fields: [String: String] = [:]
        /// What the error says; empty when there is none.
        var expected = ""
    }

    static let cases = [
        Case(),
        Case(mail: "maildir:~/M"),
        Case(
            mail: "mbox:~/mail",
            expected:
                "user ann: mail=mbox:~/mail from the userdb: the format mbox is not there; known are maildir and pack"),
        Case(
            fields: ["mail_driver": "sdbox"],
            expected:
                "user ann: mail_driver=sdbox from the userdb: the format sdbox is not there; known are maildir and pack"
        ),
        Case(home: nil, expected: "user ann: mail_path ~/Maildir needs a home, and the userdb gives none"),
        Case(
            home: "home/ann",
            expected: "user ann: the home home/ann is not an absolute path; it has to begin with /"),
        Case(
            mail: "maildir:Maildir",
            expected: "user ann: mail_path Maildir is not an absolute path; it has to begin with / or ~/"),
        Case(home: "home/ann", fields: ["mail_path": "/srv/ann"]),
    ]

    @Test func theFieldIsNamed() async throws {
        let place = try TemporaryDirectory()
        var options = MaildirOptions()
        options.syncTextFiles = false
        var configuration = IndexedStore.Configuration(
            directory: place.path + "/volume", bodyFormat: MaildirFormat(options), clock: { 1_800_000_000 })
        configuration.threadCount = 1
        configuration.watchesFiles = false
        let store = try IndexedStore.open(configuration)
        let accounts = Accounts(
            store: store, mail: MailSettings(), processOwner: AccountIdentity.FileOwner(uid: 1000, gid: 1000))
        for broken in Self.cases {
            let user = UserRecord(
                user: "ann", uid: 1000, gid: 1000, home: broken.home, mailLocation: broken.mail,
                fields: broken.fields)
            var found = ""
            do throws(StoreError) {
                _ = try accounts.identity(of: user)
            } catch {
                #expect(error.code == .cannot)
                found = error.detail
            }
            #expect(found == broken.expected)
        }
        await store.close()
    }

    @Test func fieldsOfQuotasThatMeanNothing() {
        let lines = Mutex<[String]>([])
        let told = ToldOnce()
        let quota = AccountQuota(Settings()) { line in
            if told.isNew(line) { lines.withLock { $0.append(line) } }
        }
        let user = UserRecord(
            user: "ann", uid: 1, gid: 1,
            fields: [
                "quota_rule": "*:storage=garbage", "quota_rule2": "*:messages=7", "quota_storage_size": "much",
                "quota_message_count": "x",
            ])
        for _ in 0..<2 { #expect(quota.rules(of: user).limits.messages == 7) }
        let end = "from the userdb means nothing, and changes nothing; write"
        #expect(
            lines.withLock { $0 } == [
                "user ann: quota_storage_size=much \(end) a size such as 1G",
                "user ann: quota_message_count=x \(end) a number",
                "user ann: quota_rule=*:storage=garbage \(end) one such as *:storage=1G",
            ])
    }
}
