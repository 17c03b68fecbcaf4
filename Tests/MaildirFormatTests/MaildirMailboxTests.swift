import Glibc
import IndexedStore
import MailCore
import MailStore
import Testing

@testable import MaildirFormat

@Suite struct MaildirMailboxTests {
    let box: TemporaryMaildir
    let account: any AccountFiles
    let inbox: any MailboxFiles

    init() throws {
        self.box = try TemporaryMaildir()
        self.account = try self.box.account()
        self.inbox = try self.account.mailbox(.inbox)
    }

    static let contents: [[UInt8]] = [
        [],
        Array("a".utf8),
        Array("Subject: x\r\n\r\nbody\r\n".utf8),
        Array("no end\r\nlast".utf8),
        Array("lone at end\r\n\r".utf8),
        Array("a\rb\r\nc\0d\r\n".utf8) + [0x80, 0xFF, 0x0D, 0x0A],
        // Cannot be told from a plain line end unless CRLF stays in the file.
        Array("x\r\r\n\r\r\r\ny".utf8),
        [UInt8](repeating: 0x0D, count: 10),
        (0..<5_000_000).map {
            $0 % 77 == 75 ? 0x0D : $0 % 77 == 76 ? 0x0A : UInt8(truncatingIfNeeded: $0 % 64 + 32)
        },
    ]

    @Test(arguments: contents.indices)
    func keepsOctets(_ index: Int) throws {
        let octets = Self.contents[index]
        let body = try self.inbox.prepare(
            MessageOctets(octets), flags: FileFlags(), internalDate: 1_000_000_000)
        #expect(self.box.list("new").isEmpty)
        #expect(self.box.list("tmp").count == 1)
        try self.inbox.publish(body, flags: FileFlags())
        #expect(self.box.list("new") == [body.location.text])
        #expect(self.box.list("tmp").isEmpty)
        #expect(try self.inbox.read(body.location, flags: FileFlags()).bytes == octets)
        // `nil` for large and empty ones, and where the file system cannot say what is in memory.
        if let atHand = self.inbox.readAtHand(body.location, flags: FileFlags()) { #expect(atHand.bytes == octets) }
        #expect(self.box.list("tmp").isEmpty)
        let status = try #require(self.box.status("new/\(body.location.text)"))
        #expect(status.st_mtim.tv_sec == 1_000_000_000)
        #expect(status.st_mode == S_IFREG | 0o600)
        #expect(body.location.text.hasSuffix(",S=\(status.st_size),W=\(octets.count)"))
        let found = try #require(try self.inbox.scan().messages.first)
        #expect(found.location == body.location)
        #expect(found.uid == nil)
        #expect(found.size == UInt32(octets.count))
        #expect(found.internalDate == 1_000_000_000)
    }

    @Test func writesDovecotsForm() throws {
        let body = try self.publish("Subject: x\r\n\r\nbody\r\n")
        #expect(self.box.text("new/\(body.text)") == "Subject: x\n\nbody\n")
        let kept = try TemporaryMaildir { $0.saveCRLF = true }
        let inbox = try kept.account().mailbox(.inbox)
        let other = try inbox.prepare(MessageOctets(text: "a\r\n"), flags: FileFlags(), internalDate: 1)
        try inbox.publish(other, flags: FileFlags())
        #expect(kept.text("new/\(other.location.text)") == "a\r\n")
        #expect(other.location.text.hasSuffix(",S=3,W=3"))
    }

    @discardableResult
    private func publish(
        _ text: String, _ flags: FileFlags = FileFlags(), in mailbox: (any MailboxFiles)? = nil
    ) throws -> BodyLocation {
        let mailbox = mailbox ?? self.inbox
        let body = try mailbox.prepare(MessageOctets(text: text), flags: flags, internalDate: 1_234_567)
        try mailbox.publish(body, flags: flags)
        return body.location
    }

    /// Names that follow flags late, all over a mailbox: found by few listings, and still found when they move on.
    @Test func findsManyRenamed() throws {
        var bodies: [BodyLocation] = []
        for number in 0..<40 { bodies.append(try self.publish("\(number)")) }
        let seen = FileFlags(.seen, [])
        for (number, body) in bodies.enumerated() where number % 2 == 0 {
            self.box.rename("new/\(body.text)", "cur/\(body.text):2,F")
        }
        for body in bodies { _ = try self.inbox.read(body, flags: seen) }
        for (number, body) in bodies.enumerated() where number % 2 == 0 {
            self.box.rename("cur/\(body.text):2,F", "cur/\(body.text):2,T")
        }
        for (number, body) in bodies.enumerated() {
            #expect(try self.inbox.read(body, flags: seen).text == "\(number)")
        }
        for body in bodies.prefix(20) { try self.inbox.remove(body, flags: seen) }
        for (number, body) in bodies.enumerated() {
            if number < 20 {
                let error = #expect(throws: StoreError.self) { try self.inbox.read(body, flags: seen) }
                #expect(error?.code == .expunged)
            } else {
                #expect(try self.inbox.read(body, flags: seen).text == "\(number)")
            }
        }
        #expect(self.box.list("cur").count + self.box.list("new").count == 20)
    }

    @Test func readsForeignLineEnds() throws {
        self.box.put("cur/mixed:2,S", "a\r\nb\nc\r\rd\n")
        let octets = try self.inbox.read(BodyLocation("mixed"), flags: FileFlags(.seen))
        #expect(octets.text == "a\r\nb\r\nc\r\rd\r\n")
        // It may be compressed for all that its name says.
        #expect(self.inbox.readAtHand(BodyLocation("mixed"), flags: FileFlags(.seen)) == nil)
        #expect(try self.inbox.scan().messages.first?.size == nil)
    }

    @Test func publishesIntoCurWithFlags() throws {
        let location = try self.publish("x", FileFlags([.seen, .flagged], keywords("Work", "$Junk")))
        #expect(self.box.list("cur") == ["\(location.text):2,FSab"])
        #expect(self.box.text("dovecot-keywords") == "0 Work\n1 $Junk\n")
        let found = try #require(try self.inbox.scan().messages.first)
        #expect(found.flags == FileFlags([.seen, .flagged], keywords("Work", "$Junk")))
        #expect(!self.box.list(".").contains { $0.hasSuffix(".lock") })
    }

    @Test func publishesOnce() throws {
        let body = try self.inbox.prepare(MessageOctets(text: "x"), flags: FileFlags(), internalDate: 1)
        try self.inbox.publish(body, flags: FileFlags())
        try self.inbox.publish(body, flags: FileFlags())
        self.box.rename("new/\(body.location.text)", "cur/\(body.location.text):2,S")
        try self.inbox.publish(body, flags: FileFlags())
        #expect(self.box.list("new").isEmpty)
        #expect(self.box.list("cur").count == 1)
        try self.inbox.remove(body.location, flags: FileFlags())
        #expect(MaildirAccountTests.code { try self.inbox.publish(body, flags: FileFlags()) } == .temporary)
    }

    /// What a kept listing lacks is not looked for by another listing, until a name comes or goes.
    @Test func missingFilesNeedOneListing() throws {
        let location = try self.publish("x\r\n", FileFlags())
        var past = [timespec(tv_sec: 1_000_000_000, tv_nsec: 0), timespec(tv_sec: 1_000_000_000, tv_nsec: 0)]
        for folder in ["new", "cur"] { utimensat(AT_FDCWD, "\(self.box.maildir)/\(folder)", &past, 0) }
        let mailbox = try #require(self.inbox as? MaildirMailbox)
        let directory = try mailbox.currentDirectory()
        let listings = mailbox.account.shared.listings
        for number in 0..<3 { #expect(try mailbox.find(Array("missing\(number)".utf8), in: directory)?.name == nil) }
        #expect(listings.isComplete(directory, key: mailbox.key))
        self.box.rename("new/\(location.text)", "cur/\(location.text):2,S")
        #expect(!listings.isComplete(directory, key: mailbox.key))
        #expect(try mailbox.find(location.bytes, in: directory)?.folder == .cur)
        #expect(try mailbox.find(Array("missing".utf8), in: directory)?.name == nil)
        try self.inbox.remove(location, flags: FileFlags())
        #expect(self.box.list("cur").isEmpty)
    }

    @Test func discards() throws {
        let body = try self.inbox.prepare(MessageOctets(text: "x"), flags: FileFlags(), internalDate: 1)
        self.inbox.discard(body)
        self.inbox.discard(body)
        #expect(self.box.list("tmp").isEmpty)
    }

    // MARK: Crash points

    @Test func restores() throws {
        let octets = MessageOctets(text: "a\r\nb\r\n")
        let body = try self.inbox.prepare(octets, flags: FileFlags(), internalDate: 77)
        let location = body.location
        func restore(_ flags: FileFlags = FileFlags()) throws {
            try self.inbox.restore(octets, at: location, flags: flags, internalDate: 77)
        }
        // Not published, or its name is lost.
        try restore()
        #expect(self.box.list("new") == [location.text])
        #expect(self.box.status("new/\(location.text)")?.st_mtim.tv_sec == 77)
        // There already, here or under other flags.
        let inode = self.box.status("new/\(location.text)")?.st_ino
        try restore()
        #expect(self.box.status("new/\(location.text)")?.st_ino == inode)
        self.box.rename("new/\(location.text)", "cur/\(location.text):2,ST")
        try restore()
        try restore(FileFlags(.flagged))
        #expect(self.box.list("new").isEmpty)
        #expect(self.box.list("cur") == ["\(location.text):2,ST"])
        // The name survived, the octets did not.
        self.box.put("cur/\(location.text):2,ST", "")
        try restore()
        #expect(self.box.list("new").isEmpty)
        #expect(self.box.text("cur/\(location.text):2,ST") == "a\nb\n")
        #expect(try self.inbox.read(location, flags: FileFlags()).text == "a\r\nb\r\n")
    }

    @Test func survivesAReplacedDirectory() throws {
        let made = try self.account.createMailbox(mailbox("A"), .sample())
        try self.publish("x", in: made)
        try self.account.deleteMailbox(mailbox("A"))
        self.box.makeFolder(".A")
        let location = try self.publish("y", in: made)
        #expect(self.box.list(".A/new") == [location.text])
        #expect(try made.read(location, flags: FileFlags()).text == "y")
        try made.record([UIDListRow(.first, location)], header: .sample(9))
        #expect(self.box.text(".A/dovecot-uidlist")?.hasPrefix("3 V9 N2 ") == true)
    }

    // MARK: Links and copies

    @Test func linksOneBodyForMany() throws {
        let other = try self.account.createMailbox(mailbox("A"), .sample())
        let octets = MessageOctets(text: "a\r\n")
        let first = try self.inbox.prepare(octets, flags: FileFlags(), internalDate: 5)
        let second = try #require(try other.prepareLink(to: first, flags: FileFlags(), internalDate: 5))
        try self.inbox.publish(first, flags: FileFlags())
        // The first one is published already.
        let third = try #require(try other.prepareLink(to: first, flags: FileFlags(), internalDate: 5))
        // Another date needs a file of its own.
        let fourth = try #require(try other.prepareLink(to: first, flags: FileFlags(), internalDate: 6))
        for body in [second, third, fourth] { try other.publish(body, flags: FileFlags()) }
        #expect(self.box.status("new/\(first.location.text)")?.st_nlink == 3)
        #expect(self.box.list(".A/new").count == 3)
        #expect(self.box.status(".A/new/\(fourth.location.text)")?.st_mtim.tv_sec == 6)
        for body in [second, third, fourth] {
            #expect(try other.read(body.location, flags: FileFlags()).text == "a\r\n")
            #expect(body.location.text.hasSuffix(",S=2,W=3"))
        }
        try self.inbox.remove(first.location, flags: FileFlags())
        #expect(try other.prepareLink(to: first, flags: FileFlags(), internalDate: 5) == nil)
    }

    @Test func copiesUnderTheSameNameWhereFree() throws {
        let other = try self.account.createMailbox(mailbox("A"), .sample())
        let location = try self.publish("x\r\n", FileFlags(.seen, keywords("k")))
        func copy() throws -> PreparedBody {
            try other.prepareCopy(
                of: location, flags: FileFlags(.seen, keywords("k")), in: self.inbox,
                as: FileFlags(.seen, keywords("k")))
        }
        let first = try copy()
        let second = try copy()
        #expect(first.location == location)
        #expect(second.location != location)
        #expect(second.location.text.hasSuffix(",S=2,W=3"))
        for body in [first, second] { try other.publish(body, flags: FileFlags(.seen, keywords("k"))) }
        #expect(self.box.list(".A/cur").count == 2)
        #expect(self.box.status(".A/cur/\(location.text):2,Sa")?.st_nlink == 3)
        #expect(self.box.text(".A/dovecot-keywords") == "0 k\n")
        // A name is free again with its message. One that was given up stays taken for a while: its message may be in
        // the log, and its file still to be removed.
        try other.remove(location, flags: FileFlags(.seen, keywords("k")))
        let third = try copy()
        #expect(third.location == location)
        other.discard(third)
        #expect(try self.inbox.read(location, flags: FileFlags(.seen, keywords("k"))).text == "x\r\n")
        #expect(try copy().location != location)
        // Twice, as after an interruption; and when the source's file has another name by then.
        let fourth = try copy()
        for _ in 0..<2 { try other.publish(fourth, flags: FileFlags(.seen, keywords("k"))) }
        #expect(self.box.list(".A/cur").count == 2)
        let late = try copy()
        // Under flags that we do not know of, and inside one mailbox.
        self.box.rename("cur/\(location.text):2,Sa", "cur/\(location.text):2,DS")
        #expect(throws: StoreError.self) { try other.publish(late, flags: FileFlags()) }
        _ = try copy()
        let inside = try self.inbox.prepareCopy(
            of: location, flags: FileFlags(), in: self.inbox, as: FileFlags())
        #expect(inside.location != location)
        #expect(
            MaildirAccountTests.code {
                try other.prepareCopy(
                    of: BodyLocation("gone"), flags: FileFlags(), in: self.inbox, as: FileFlags())
            } == .expunged)
    }

    // MARK: Flags

    @Test func setsFlags() throws {
        let location = try self.publish("x")
        func set(_ old: FileFlags, _ new: FileFlags) throws {
            try self.inbox.setFlags(location, from: old, to: new)
        }
        try set(FileFlags(), FileFlags())
        #expect(self.box.list("new").count == 1)
        try set(FileFlags(), FileFlags(.seen))
        #expect(self.box.list("cur") == ["\(location.text):2,S"])
        try set(FileFlags(.seen), FileFlags([.seen, .draft], keywords("b", "a")))
        #expect(self.box.list("cur") == ["\(location.text):2,DSab"])
        try set(FileFlags([.seen, .draft], keywords("b", "a")), FileFlags())
        #expect(self.box.list("cur") == ["\(location.text):2,"])
        // Twice, and with a wrong idea of the old ones.
        try set(FileFlags(.seen), FileFlags(.deleted))
        try set(FileFlags(.seen), FileFlags(.deleted))
        #expect(self.box.list("cur") == ["\(location.text):2,T"])
        try self.inbox.setFlags(BodyLocation("gone"), from: FileFlags(), to: FileFlags(.seen))
    }

    @Test func keepsOthersLetters() throws {
        self.box.put("cur/1.h:2,PSq,more", "x")
        let location = BodyLocation("1.h")
        try self.inbox.setFlags(location, from: FileFlags(.seen), to: FileFlags(.flagged))
        #expect(self.box.list("cur") == ["1.h:2,FPq,more"])
        // A scan names the letter; then it is a keyword like others.
        let found = try #require(try self.inbox.scan().messages.first)
        #expect(found.flags == FileFlags(.flagged, keywords("unknown-16")))
        #expect(self.box.text("dovecot-keywords") == "16 unknown-16\n")
        try self.inbox.setFlags(location, from: found.flags, to: FileFlags(.flagged))
        #expect(self.box.list("cur") == ["1.h:2,FP,more"])
    }

    @Test func lostNamesOfLettersAreWrittenAgain() throws {
        let work = FileFlags([], keywords("Work"))
        _ = try self.publish("x", work)
        unlink("\(self.box.maildir)/dovecot-keywords")
        #expect(try self.inbox.scan().messages.map(\.flags) == [work])
        #expect(self.box.text("dovecot-keywords") == "0 Work\n")
        unlink("\(self.box.maildir)/dovecot-keywords")
        let other = try self.publish("y", FileFlags([], keywords("New")))
        #expect(self.box.list("cur").contains("\(other.text):2,b"))
        #expect(self.box.text("dovecot-keywords") == "0 Work\n1 New\n")
    }

    @Test func hasLettersFor26Keywords() throws {
        let many = (0..<30).compactMap { Keyword("k\($0)") }
        let location = try self.publish("x", FileFlags([], many))
        #expect(self.box.list("cur") == ["\(location.text):2,abcdefghijklmnopqrstuvwxyz"])
        #expect(try self.inbox.read(location, flags: FileFlags([], many)).text == "x")
        #expect(try self.inbox.scan().keywords.count == 26)
    }

    @Test func changesKeywordsWithALaterTime() throws {
        let future = Int(self.box.options.clock().seconds) + 1000
        self.box.put("dovecot-keywords", "0 a\n", time: future)
        let location = try self.publish("x", FileFlags([], keywords("b")))
        #expect(self.box.list("cur") == ["\(location.text):2,b"])
        #expect(self.box.status("dovecot-keywords")?.st_mtim.tv_sec == future + 1)
        // Another program adds one.
        self.box.put("dovecot-keywords", "0 a\n1 b\n2 c\n", time: future + 2)
        let second = try self.publish("x", FileFlags([], keywords("d")))
        #expect(self.box.list("cur").contains("\(second.text):2,d"))
        #expect(self.box.text("dovecot-keywords") == "0 a\n1 b\n2 c\n3 d\n")
    }

    @Test func removesAndReadsUnderAnyFlags() throws {
        let location = try self.publish("x")
        self.box.rename("new/\(location.text)", "cur/\(location.text):2,FRS")
        #expect(try self.inbox.read(location, flags: FileFlags()).text == "x")
        try self.inbox.remove(location, flags: FileFlags())
        try self.inbox.remove(location, flags: FileFlags())
        #expect(self.box.list("cur").isEmpty)
        #expect(MaildirAccountTests.code { try self.inbox.read(location, flags: FileFlags()) } == .expunged)
        self.box.put("cur/bare", "y")
        #expect(try self.inbox.read(BodyLocation("bare"), flags: FileFlags(.seen)).text == "y")
    }

    @Test func readsNoLinksFifosOrPaths() throws {
        symlink("/etc/passwd", "\(self.box.maildir)/cur/link:2,S")
        mkfifo("\(self.box.maildir)/cur/fifo:2,S", 0o600)
        mkdir("\(self.box.maildir)/cur/dir:2,S", 0o700)
        for name in ["link", "fifo", "dir", "../x", "..", "", "a:2,S"] {
            #expect(throws: StoreError.self) {
                try self.inbox.read(BodyLocation(name), flags: FileFlags(.seen))
            }
        }
        #expect(try self.inbox.scan().messages.isEmpty)
    }

    @Test func followsTheDirectorysPermissions() throws {
        let made = try self.account.createMailbox(mailbox("A"), .sample())
        chmod("\(self.box.maildir)/.A", 0o770)
        let location = try self.publish("x", in: made)
        #expect(self.box.status(".A/new/\(location.text)")?.st_mode == S_IFREG | 0o660)
        self.box.put(".A/dovecot-shared")
        chmod("\(self.box.maildir)/.A/dovecot-shared", 0o640)
        let second = try self.publish("x", in: made)
        #expect(self.box.status(".A/new/\(second.text)")?.st_mode == S_IFREG | 0o640)
    }

    @Test func fingerprintFollowsOthers() throws {
        let location = try self.publish("x")
        var last = self.inbox.fingerprint()
        #expect(self.inbox.fingerprint() == last)
        func changed() -> Bool {
            let now = self.inbox.fingerprint()
            defer { last = now }
            return now != last
        }
        self.box.put("new/1.h", "x")
        #expect(changed())
        self.box.put("dovecot-uidlist", "1 2 3\n")
        #expect(changed())
        self.box.put("dovecot-keywords", "0 a\n")
        #expect(changed())
        self.box.rename("new/\(location.text)", "cur/\(location.text):2,S")
        #expect(changed())
        #expect(self.inbox.watchedDirectories == ["\(self.box.maildir)/new", "\(self.box.maildir)/cur"])
        try self.inbox.flush()
    }

    @Test func sharesFewDescriptors() throws {
        let box = try TemporaryMaildir { $0.openDirectories = 4 }
        let account = try box.account()
        var mailboxes: [any MailboxFiles] = []
        for number in 0..<20 { mailboxes.append(try account.createMailbox(mailbox("m\(number)"), .sample())) }
        for _ in 0..<2 {
            for made in mailboxes { try self.publish("x", in: made) }
        }
        for number in 0..<20 { #expect(box.list(".m\(number)/new").count == 2) }
    }
}
