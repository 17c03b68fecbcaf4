import Glibc
import IndexedStore
import MailCore
import MailStore
import Testing

@testable import MaildirFormat

@Suite struct MaildirAccountTests {
    @Test func makesItsRoot() throws {
        let box = try TemporaryMaildir()
        let account = try box.account()
        #expect(box.list(".") == ["cur", "new", "tmp"])
        #expect(try account.mailboxes() == [.inbox])
        #expect(try account.mailbox(.inbox).scan().header == nil)
        #expect(try account.mailbox(.inbox).scan().messages.isEmpty)
    }

    /// A user makes a file of any size without writing it.
    @Test func readsNoEndlessTextFiles() throws {
        let box = try TemporaryMaildir()
        let account = try box.account()
        for name in ["subscriptions", "dovecot-keywords", "dovecot-acl", "dovecot-attributes", "dovecot-uidlist"] {
            box.put(name)
            #expect(truncate("\(box.maildir)/\(name)", 300 << 20) == 0)
        }
        #expect(throws: StoreError.self) { try account.subscriptions() }
        #expect(throws: StoreError.self) { try account.accessList(of: .inbox) }
        #expect(throws: StoreError.self) { try account.mailbox(.inbox).scan() }
    }

    @Test func createsRenamesAndDeletes() throws {
        let box = try TemporaryMaildir()
        let account = try box.account()
        let before = account.mailboxListFingerprint()
        let made = try account.createMailbox(mailbox("A/é"), .sample())
        #expect(account.mailboxListFingerprint() != before)
        #expect(box.list(".A.&AOk-") == ["cur", "dovecot-uidlist", "maildirfolder", "new", "tmp"])
        #expect(
            box.text(".A.&AOk-/dovecot-uidlist")
                == "3 V1700000000 N1 G00112233445566778899aabbccddeeff\n")
        #expect(try made.scan().header == .sample())
        // Again, as replay does.
        #expect(try account.createMailbox(mailbox("A/é"), .sample()).scan().header == .sample())
        #expect(try account.mailboxes() == [mailbox("A/é"), .inbox])

        try account.renameMailbox(mailbox("A/é"), to: mailbox("b.c"))
        try account.renameMailbox(mailbox("A/é"), to: mailbox("b.c"))
        #expect(try account.mailboxes() == [.inbox, mailbox("b.c")])
        #expect(box.list(".b\\2ec").contains("dovecot-uidlist"))
        #expect(try account.mailbox(mailbox("b.c")).scan().header == .sample())

        box.put(".b\\2ec/sub/deeper/file", "x")
        try account.deleteMailbox(mailbox("b.c"))
        try account.deleteMailbox(mailbox("b.c"))
        #expect(box.list(".") == ["cur", "new", "tmp"])
        #expect(Self.code { try account.mailbox(mailbox("b.c")) } == .notFound)
    }

    /// Other programs make directories in other normal forms, as macOS does: each is a mailbox of its own.
    @Test func keepsNormalFormsApart() throws {
        let box = try TemporaryMaildir()
        let account = try box.account()
        let composed = mailbox("\u{E9}")
        let decomposed = mailbox("e\u{301}")
        for directory in [".&AOk-", ".e&AwE-"] {
            for folder in ["cur", "new", "tmp"] { box.put("\(directory)/\(folder)/.keep", "") }
        }
        #expect(Set(try account.mailboxes()) == [.inbox, composed, decomposed])
        box.put(".e&AwE-/new/1.a.b", "x")
        #expect(try account.mailbox(decomposed).scan().messages.count == 1)
        #expect(try account.mailbox(composed).scan().messages.isEmpty)
        try account.deleteMailbox(composed)
        #expect(try account.mailboxes() == [.inbox, decomposed])
        #expect(box.list(".") == [".e&AwE-", "cur", "new", "tmp"])
    }

    /// What is a name in UTF-8 may be that of another mailbox's directory in modified UTF-7.
    @Test func keepsLiteralAmpersandsApart() throws {
        let box = try TemporaryMaildir()
        let account = try box.account()
        let (accented, literal) = (mailbox("\u{C9}t\u{E9}"), mailbox("&AMk-t&AOk-"))
        _ = try account.createMailbox(accented, .sample())
        #expect(Self.code { try account.mailbox(literal) } == .notFound)
        try account.deleteMailbox(literal)
        #expect(Self.code { try account.renameMailbox(literal, to: mailbox("x")) } == .notFound)
        _ = try account.createMailbox(literal, .sample(6))
        #expect(box.list(".").contains(".&-AMk-t&-AOk-"))
        #expect(try account.mailboxes() == [.inbox, accented, literal].sorted())
        try account.deleteMailbox(literal)
        #expect(try account.mailboxes() == [.inbox, accented])
        // Where names are in UTF-8, the one is written as if they were not.
        let other = try TemporaryMaildir { $0.namesInUTF8 = true }
        let places = try other.account()
        _ = try places.createMailbox(accented, .sample())
        _ = try places.createMailbox(literal, .sample(6))
        #expect(other.list(".").contains(".&-AMk-t&-AOk-"))
        #expect(try places.mailboxes() == [.inbox, accented, literal].sorted())
        #expect(try places.mailbox(literal).scan().messages.isEmpty)
        try places.deleteMailbox(literal)
        #expect(try places.mailboxes() == [.inbox, accented])
    }

    /// `mailbox_list_storage_escape_char` and `mailbox_list_utf8`.
    @Test func namesDirectoriesAsTold() throws {
        let box = try TemporaryMaildir {
            $0.escapeCharacter = UInt8(ascii: "^")
            $0.namesInUTF8 = true
        }
        let account = try box.account()
        for name in ["a.b", "\u{E9}", "x^2ey", "~c", "d\\2e"] {
            _ = try account.createMailbox(mailbox(name), .sample())
        }
        #expect(
            Set(box.list(".")) == [
                ".a^2eb", ".\u{E9}", ".x^5e2ey", ".^7ec", ".d\\2e", "cur", "new", "tmp",
            ])
        #expect(try account.mailboxes().count == 6)
        try account.setSubscriptions([mailbox("a.b"), mailbox("\u{E9}")])
        #expect(box.text("subscriptions") == "V\t2\n\na^2eb\n\u{E9}\n")
        #expect(try account.subscriptions() == [mailbox("a.b"), mailbox("\u{E9}")])
        // What was named in modified UTF-7 before is found.
        for folder in ["cur", "new", "tmp"] { box.put(".&APw-/\(folder)/.keep", "") }
        #expect(try account.mailboxes().contains(mailbox("\u{FC}")))
        #expect(try account.mailbox(mailbox("\u{FC}")).scan().messages.isEmpty)
    }

    @Test func refusesWhatCannotBe() throws {
        let box = try TemporaryMaildir()
        let account = try box.account()
        _ = try account.createMailbox(mailbox("a"), .sample())
        _ = try account.createMailbox(mailbox("b"), .sample(5))
        #expect(Self.code { try account.deleteMailbox(.inbox) } == .cannot)
        #expect(Self.code { try account.renameMailbox(.inbox, to: mailbox("c")) } == .cannot)
        #expect(Self.code { try account.renameMailbox(mailbox("a"), to: mailbox("b")) } == .alreadyExists)
        #expect(Self.code { try account.renameMailbox(mailbox("x"), to: mailbox("y")) } == .notFound)
        let long = mailbox(String(repeating: "x", count: 300))
        #expect(Self.code { try account.createMailbox(long, .sample()) } == .cannot)
        box.put(".b/dovecot-uidlist", "3 V5 N3 G00112233445566778899aabbccddeeff\n1 :a\n")
        #expect(Self.code { try account.createMailbox(mailbox("b"), .sample(6)) } == .alreadyExists)
        #expect(
            Self.code {
                try MaildirFormat(box.options).openAccount(
                    AccountIdentity(name: "u", home: "", mailPath: "relative"))
            } == .cannot)
    }

    static func code<Value>(_ body: () throws -> Value) -> StoreError.Code? {
        do {
            _ = try body()
            return nil
        } catch {
            return (error as? StoreError)?.code
        }
    }

    @Test func listsOnlyMaildirs() throws {
        let box = try TemporaryMaildir()
        let account = try box.account()
        box.makeFolder(".Good")
        box.makeFolder(".a\\5cb")
        box.makeFolder("plain")
        box.makeFolder(".bad..name")
        box.makeFolder(".INBOX")
        box.put(".nocur/new/x")
        box.put(".file", "x")
        box.makeFolder("../elsewhere")
        symlink("../elsewhere", "\(box.maildir)/.linked")
        symlink("/", "\(box.maildir)/.root")
        symlink(".", "\(box.maildir)/.loop")
        symlink("../Maildir", "\(box.maildir)/.again")
        symlink("nowhere", "\(box.maildir)/.dangling")
        let names = try account.mailboxes().map(\.text)
        #expect(names == ["Good", "INBOX", "a\\b", "linked"])
        #expect(account.unnamedDirectories.sorted() == [".INBOX", ".bad..name"])
        _ = try account.mailbox(mailbox("a\\b")).scan()
        // Removing a linked one removes the link alone.
        try account.deleteMailbox(mailbox("linked"))
        #expect(box.list("../elsewhere") == ["cur", "new", "tmp"])
        try account.deleteMailbox(mailbox("a\\b"))
        #expect(try account.mailboxes().map(\.text) == ["Good", "INBOX"])
    }

    @Test func removesLeftOversOfDeletion() throws {
        let box = try TemporaryMaildir()
        box.put("..DOVECOT-TRASHED/cur/x", "x")
        let account = try box.account()
        #expect(box.list(".") == ["cur", "new", "tmp"])
        box.put("..DOVECOT-TRASHED/cur/x", "x")
        _ = try account.createMailbox(mailbox("a"), .sample())
        try account.deleteMailbox(mailbox("a"))
        #expect(box.list(".") == ["cur", "new", "tmp"])
    }

    @Test func countsUIDValidityAsDovecotDoes() throws {
        let box = try TemporaryMaildir()
        let account = try box.account()
        #expect(try account.nextUIDValidity(now: 0x6b01_7de2).rawValue == 0x6b01_7de2)
        #expect(box.text("dovecot-uidvalidity") == "6b017de2")
        #expect(box.list(".").contains("dovecot-uidvalidity.6b017de2"))
        #expect(box.status("dovecot-uidvalidity.6b017de2")?.st_mode == S_IFREG | 0o444)
        // The clock stands still, or goes back.
        #expect(try account.nextUIDValidity(now: 0x6b01_7de2).rawValue == 0x6b01_7de3)
        #expect(try account.nextUIDValidity(now: 5).rawValue == 0x6b01_7de4)
        #expect(
            box.list(".").filter { $0.hasPrefix("dovecot-uidvalidity.") } == ["dovecot-uidvalidity.6b017de4"])
        // The counter alone is lost, or the main file.
        unlink("\(box.maildir)/dovecot-uidvalidity.6b017de4")
        #expect(try account.nextUIDValidity(now: 5).rawValue == 0x6b01_7de5)
        unlink("\(box.maildir)/dovecot-uidvalidity")
        #expect(try account.nextUIDValidity(now: 5).rawValue == 0x6b01_7de6)
    }

    @Test func neverRepeatsAUIDValidityInUse() throws {
        let box = try TemporaryMaildir()
        let account = try box.account()
        _ = try account.createMailbox(mailbox("a"), .sample(4_000_000))
        #expect(try account.nextUIDValidity(now: 5).rawValue == 4_000_001)
        #expect(try account.nextUIDValidity(now: 5_000_000).rawValue == 5_000_000)
    }

    @Test func keepsSubscriptions() throws {
        let box = try TemporaryMaildir()
        let account = try box.account()
        #expect(try account.subscriptions().isEmpty)
        try account.setSubscriptions([mailbox("A/B"), .inbox])
        #expect(box.text("subscriptions") == "V\t2\n\nA\tB\nINBOX\n")
        #expect(try account.subscriptions() == [mailbox("A/B"), .inbox])
        let inode = box.status("subscriptions")?.st_ino
        try account.setSubscriptions([.inbox, mailbox("A/B")])
        #expect(box.status("subscriptions")?.st_ino == inode)
        #expect(!box.list(".").contains("subscriptions.lock"))
        box.put("subscriptions", "A.B\n")
        try account.setSubscriptions([mailbox("A/B"), mailbox("C")])
        #expect(box.text("subscriptions") == "A.B\nC\n")
    }

    @Test func waitsForALockAndBreaksAStaleOne() throws {
        let box = try TemporaryMaildir { $0.lockTimeout = 0 }
        let account = try box.account()
        box.put("subscriptions.lock", "\(getpid()):host.example")
        #expect(Self.code { try account.setSubscriptions([.inbox]) } == .inUse)
        // Of a process that is gone.
        box.put("subscriptions.lock", "4000124:host.example")
        try account.setSubscriptions([.inbox])
        // Of another host: by age alone.
        box.put("subscriptions.lock", "4000124:other.example")
        #expect(Self.code { try account.setSubscriptions([mailbox("a")]) } == .inUse)
        box.put("subscriptions.lock", "1:other.example", time: Int(box.options.clock().seconds) - 31)
        try account.setSubscriptions([mailbox("a")])
        #expect(try account.subscriptions() == [mailbox("a")])
        #expect(box.list(".") == ["cur", "new", "subscriptions", "tmp"])
        #expect(box.reports.all.count == 2)
    }

    @Test func breaksItsOwnLockOfAnEarlierLife() throws {
        let box = try TemporaryMaildir {
            $0.lockTimeout = 0
            $0.processID = getpid()
        }
        let account = try box.account()
        box.put("subscriptions.lock", "\(getpid()):host.example")
        try account.setSubscriptions([.inbox])
        let directory = try DirectoryHandle.open(Array(box.maildir.utf8))
        try DotLock.hold("subscriptions", in: directory, box.options) { () throws(StoreError) in
            #expect(Self.code { try account.setSubscriptions([mailbox("a")]) } == .inUse)
        }
        try account.setSubscriptions([mailbox("a")])
        #expect(!box.list(".").contains("subscriptions.lock"))
    }
}
