import Glibc
import IndexedStore
import MailCore
import MailStore
import Testing

@testable import MaildirFormat

/// Layouts beside Maildir++, and what lies elsewhere.
@Suite struct MailPlacesTests {
    private let layout = MaildirLayout(layout: .directories, codec: MailboxLevelCodec(isLevelDirectory: true))

    private func places(_ change: (inout MailPlaces) -> Void) -> MailPlaces {
        var places = MailPlaces()
        places.layout = .directories
        change(&places)
        return places
    }

    @Test(arguments: [
        ("A", "A"), ("A/B c", "A/B c"), ("inbox/x", "INBOX/x"), ("Été/y", "&AMk-t&AOk-/y"), ("a.b/c", "a.b/c"),
        ("~x/~y/z~", "\\7ex/\\7ey/z~"), (".x", "\\2ex"), ("...", "\\2e.."), ("cur", "\\63ur"), ("a/new", "a/\\6eew"),
        ("tmp/x", "\\74mp/x"), ("current", "current"), ("a\\63ur", "a\\63ur"), ("\\63ur", "\\5c63ur"),
        ("a\\2eb", "a\\2eb"),
    ])
    func mapsBothWays(_ name: String, _ directory: String) throws {
        let name = mailbox(name)
        #expect(String(decoding: try self.layout.directory(of: name), as: UTF8.self) == directory)
        #expect(Array(directory.utf8).withUnsafeBytes { self.layout.name(ofDirectory: $0) } == name)
    }

    @Test(arguments: ["cur", "a/cur", ".x", "a/.x", "", "a//b", "INBOX", "/a"])
    func isNoMailbox(_ directory: String) {
        #expect(Array(directory.utf8).withUnsafeBytes { self.layout.name(ofDirectory: $0) } == nil)
    }

    @Test func listsDirectoriesThatHoldMessages() throws {
        let temporary = try TemporaryMaildir()
        for folder in ["", "A/B", "A/B/C", "Sent", "INBOX/x", ".hidden", "a.b"] { temporary.makeFolder(folder) }
        temporary.put("A/file")
        symlink(".", "\(temporary.maildir)/loop")
        symlink("../Sent", "\(temporary.maildir)/A/link")
        let account = try temporary.account(self.places { _ in })
        #expect(try account.mailboxes().map(\.text) == ["A/B", "A/B/C", "INBOX", "INBOX/x", "Sent", "a.b"])
        let before = account.mailboxListFingerprint()
        temporary.makeFolder("A/B/D")
        #expect(account.mailboxListFingerprint() != before)
        #expect(try account.mailboxes().count == 7)
    }

    /// A directory that becomes a mailbox only after it was listed shows in the fingerprint.
    @Test(arguments: [MailPlaces.Layout.maildirPlusPlus, .directories])
    func whatBecomesAMailboxLaterIsNoticed(_ layout: MailPlaces.Layout) throws {
        let temporary = try TemporaryMaildir()
        temporary.makeFolder()
        let account = try temporary.account(self.places { $0.layout = layout })
        let name = layout == .directories ? "A" : ".A"
        mkdir("\(temporary.maildir)/\(name)", 0o700)
        #expect(try account.mailboxes() == [.inbox])
        let before = account.mailboxListFingerprint()
        mkdir("\(temporary.maildir)/\(name)/cur", 0o700)
        #expect(account.mailboxListFingerprint() != before)
        #expect(try account.mailboxes().map(\.text).sorted() == ["A", "INBOX"])
    }

    @Test func deletesAMailboxAndNotItsChildren() throws {
        let temporary = try TemporaryMaildir()
        let account = try temporary.account(self.places { _ in })
        for name in ["A", "A/B"] { _ = try account.createMailbox(mailbox(name), .sample()) }
        temporary.put("A/cur/1:2,S", "x")
        temporary.put("A/dovecot.index.log", "x")
        try account.deleteMailbox(mailbox("A"))
        #expect(try account.mailboxes().map(\.text) == ["A/B", "INBOX"])
        #expect(temporary.list("A") == ["B"])
        try account.deleteMailbox(mailbox("A/B"))
        #expect(temporary.status("A") == nil)
    }

    @Test func renamesWithChildrenAndIntoOtherDirectories() throws {
        let temporary = try TemporaryMaildir()
        let account = try temporary.account(self.places { _ in })
        for name in ["A", "A/B"] { _ = try account.createMailbox(mailbox(name), .sample()) }
        temporary.put("A/B/cur/1:2,S", "x")
        // As the store does it: each of them.
        try account.renameMailbox(mailbox("A"), to: mailbox("X/Y"))
        try account.renameMailbox(mailbox("A/B"), to: mailbox("X/Y/B"))
        #expect(try account.mailboxes().map(\.text) == ["INBOX", "X/Y", "X/Y/B"])
        #expect(temporary.list("X/Y/B/cur") == ["1:2,S"])
        #expect(temporary.status("A") == nil)
        _ = try account.createMailbox(mailbox("T/U"), .sample())
        #expect(throws: StoreError.self) { try account.renameMailbox(mailbox("X/Y"), to: mailbox("T")) }
        #expect(try account.mailboxes().map(\.text) == ["INBOX", "T/U", "X/Y", "X/Y/B"])
    }

    @Test(arguments: [MailPlaces.Layout.maildirPlusPlus, .directories])
    func textFilesAreWhereTheyAreSaidToBe(_ layout: MailPlaces.Layout) throws {
        let temporary = try TemporaryMaildir()
        let root = temporary.root
        let account = try temporary.account(
            self.places {
                $0.layout = layout
                $0.controlPath = "\(root)/control"
                $0.inboxPath = "\(root)/in"
                $0.subscriptionsName = "subs"
            })
        let isFlat = layout == .maildirPlusPlus
        let box = try account.createMailbox(mailbox("A/B"), .sample())
        let inbox = try account.mailbox(.inbox)
        for mailbox in [box, inbox] {
            let body = try mailbox.prepare(MessageOctets(text: "x"), flags: FileFlags(), internalDate: 1)
            try mailbox.publish(body, flags: FileFlags(.seen, [Keyword("work")].compactMap { $0 }))
            try mailbox.record([UIDListRow(.first, body.location)], header: .sample())
        }
        try account.setSubscriptions([mailbox("A/B")])
        _ = try account.nextUIDValidity(now: 1)
        let (boxControl, inboxControl) = isFlat ? (".A.B", ".INBOX") : ("A/B", "INBOX")
        let texts = ["dovecot-keywords", "dovecot-uidlist"]
        #expect(temporary.list("../control/\(boxControl)") == texts)
        #expect(temporary.list("../control/\(inboxControl)") == texts)
        #expect(temporary.list("../in/cur").count == 1)
        #expect(temporary.list(isFlat ? ".A.B" : "A/B").filter { $0.hasPrefix("dovecot") } == [])
        #expect(temporary.text("../control/subs")?.hasPrefix("V\t2") == true)
        #expect(temporary.status("../control/dovecot-uidvalidity") != nil)
        #expect(try box.scan().messages.map(\.uid) == [.first])
        #expect(try inbox.scan().messages.first?.flags.keywords.count == 1)
        // And along.
        try account.renameMailbox(mailbox("A/B"), to: mailbox("C"))
        #expect(try account.mailbox(mailbox("C")).scan().messages.map(\.uid) == [.first])
        try account.deleteMailbox(mailbox("C"))
        #expect(try account.mailboxes() == [.inbox])
        #expect(
            temporary.list("../control").filter { !$0.hasPrefix("dovecot") } == [isFlat ? ".INBOX" : "INBOX", "subs"])
    }

    @Test func messagesBelowADirectoryOfTheirOwn() throws {
        let temporary = try TemporaryMaildir()
        let account = try temporary.account(self.places { $0.directoryName = "mbox" })
        for name in ["A", "A/cur"] { _ = try account.createMailbox(mailbox(name), .sample()) }
        #expect(try account.mailboxes().map(\.text) == ["A", "A/cur", "INBOX"])
        #expect(temporary.list("A/mbox").filter { !$0.hasPrefix("dovecot") } == ["cur", "new", "tmp"])
        #expect(temporary.list("INBOX/mbox") == ["cur", "new", "tmp"])
        #expect(temporary.list("") == ["A", "INBOX"] || temporary.list(".") == ["A", "INBOX"])
        try account.deleteMailbox(mailbox("A"))
        #expect(try account.mailboxes().map(\.text) == ["A/cur", "INBOX"])
        try account.renameMailbox(mailbox("A/cur"), to: mailbox("B"))
        #expect(try account.mailboxes().map(\.text) == ["B", "INBOX"])
    }

    @Test func subscriptionsOfVersionOneJoinLevelsAsTheLayoutDoes() throws {
        let temporary = try TemporaryMaildir()
        temporary.makeFolder()
        temporary.put("subscriptions", "A/B\na.b\n")
        let account = try temporary.account(self.places { _ in })
        #expect(try account.subscriptions().map(\.text) == ["A/B", "a.b"])
        try account.setSubscriptions([mailbox("A/B"), mailbox("a.b"), mailbox("C/D")])
        #expect(temporary.text("subscriptions") == "A/B\na.b\nC/D\n")
    }

    @Test func takesOverFromCourier() throws {
        let temporary = try TemporaryMaildir()
        temporary.makeFolder(".A.B")
        temporary.put(".A.B/courierimapuiddb", "1 1234567 30\n5 a\n9 b\n")
        temporary.put(".A.B/cur/a:2,S")
        temporary.put(".A.B/cur/b:2,")
        temporary.put("courierimapsubscribed", "INBOX\nINBOX.A.B\n")
        let account = try temporary.account()
        let scan = try account.mailbox(mailbox("A/B")).scan()
        #expect(scan.header?.uidValidity.rawValue == 1_234_567)
        #expect(scan.header?.uidNext.rawValue == 30)
        #expect(scan.messages.map { $0.uid?.rawValue } == [5, 9])
        #expect(temporary.text(".A.B/dovecot-uidlist")?.hasPrefix("3 V1234567 N30 G") == true)
        #expect(try account.subscriptions().map(\.text) == ["INBOX", "A/B"])
        try account.setSubscriptions([mailbox("A/B")])
        #expect(temporary.text("subscriptions") == "V\t2\n\nA\tB\n")
    }

    @Test func aMailboxThatIsBeingRemovedIsNotMadeAgain() throws {
        let temporary = try TemporaryMaildir()
        let account = try temporary.account()
        let box = try account.createMailbox(mailbox("A"), .sample())
        rmdir("\(temporary.maildir)/.A/cur")
        #expect(throws: StoreError.self) { try box.scan() }
        #expect(temporary.status(".A/cur") == nil)
    }

    @Test func tellsWhenAnotherServerUsedTheMailbox() throws {
        let temporary = try TemporaryMaildir()
        temporary.makeFolder(".A")
        let root = temporary.root
        let account = try temporary.account()
        #expect(try account.mailbox(mailbox("A")).lastForeignUse() == nil)
        temporary.put(".A/dovecot.index.log", "x", time: 1_700_000_000)
        #expect(try account.mailbox(mailbox("A")).lastForeignUse() == 1_700_000_000)
        var places = MailPlaces()
        places.indexPath = "\(root)/index"
        mkdir("\(root)/index", 0o700)
        temporary.put("../index/.A/dovecot.index.log", "x", time: 1_600_000_000)
        #expect(try temporary.account(places).mailbox(mailbox("A")).lastForeignUse() == 1_600_000_000)
    }
}
