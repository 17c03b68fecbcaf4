import Glibc
import IndexedStore
import MailCore
import MailStore
import Testing

@testable import MaildirFormat

@Suite struct MaildirScanTests {
    let box: TemporaryMaildir
    let inbox: any MailboxFiles

    init() throws {
        self.box = try TemporaryMaildir()
        self.inbox = try self.box.account().mailbox(.inbox)
    }

    static let guid = "a1b2c3d4e5f60718293a4b5c6d7e8f90"

    /// As Dovecot 2.3 leaves a mailbox: rows with and without keys, one message expunged, one new.
    private func makeDovecotMailbox() {
        self.box.put(
            "dovecot-uidlist",
            """
            3 V1795267042 N8 G\(Self.guid)
            1 :1795267000.M1P10.mx,S=28,W=32
            3 W40 P0000aa O7 Gfeed :1795267001.M5P10.mx
            4 :1795267002.M5P10.mx,S=5,W=6
            8 :1795267003.M5P10.mx,S=5,W=6

            """)
        self.box.put("dovecot-keywords", "0 $Forwarded\n1 Work\n")
        self.box.put("cur/1795267000.M1P10.mx,S=28,W=32:2,Sab", "x", time: 1_577_836_800)
        self.box.put("cur/1795267001.M5P10.mx:2,FRT", "x", time: 1_577_836_801)
        self.box.put("cur/1795267003.M5P10.mx,S=5,W=6:2,", "x", time: 1_577_836_803)
        self.box.put("new/1795267009.M2P10.mx,S=5,W=6", "x", time: 1_577_836_809)
        self.box.put("new/1795267009.M10P10.mx,S=5,W=6", "x", time: 1_577_836_810)
        self.box.put("new/.hidden", "x")
        self.box.put("dovecot.index.log", "x")
    }

    @Test func readsDovecotsMailbox() throws {
        self.makeDovecotMailbox()
        let before = self.box.text("dovecot-uidlist")
        let scan = try self.inbox.scan()
        #expect(scan.header?.uidValidity.rawValue == 1_795_267_042)
        #expect(scan.header?.uidNext.rawValue == 9)
        #expect(scan.header?.guid == Self.guid)
        #expect(scan.keywords == keywords("$Forwarded", "Work"))
        #expect(scan.messages.map { $0.uid?.rawValue } == [1, 3, 8, nil, nil])
        #expect(
            scan.messages.map(\.location.text) == [
                "1795267000.M1P10.mx,S=28,W=32", "1795267001.M5P10.mx", "1795267003.M5P10.mx,S=5,W=6",
                "1795267009.M2P10.mx,S=5,W=6", "1795267009.M10P10.mx,S=5,W=6",
            ])
        #expect(scan.messages[0].flags == FileFlags(.seen, keywords("$Forwarded", "Work")))
        #expect(scan.messages[1].flags == FileFlags([.flagged, .answered, .deleted]))
        #expect(scan.messages.map(\.size) == [32, 40, 6, 6, 6])
        #expect(scan.messages.map(\.internalDate) == [0, 1, 3, 9, 10].map { 1_577_836_800 + $0 })
        #expect(scan.messages[1].guid == "feed")
        #expect(scan.messages[1].pop3UIDL == "0000aa")
        #expect(scan.messages[1].pop3Order == 7)
        #expect(scan.messages[0].guid == nil)
        // Nothing was wrong, so nothing was written.
        #expect(self.box.text("dovecot-uidlist") == before)
        #expect(self.box.reports.all.isEmpty)
    }

    @Test func asksNoStatusOfWhatIsKnown() throws {
        self.makeDovecotMailbox()
        // Known by their UIDs, and by names of other files.
        let scan = try self.inbox.scan(besides: try self.known([(1, "x", [], []), (7, "y", [], [])]))
        #expect(scan.messages.map(\.internalDate) == [0, 0, 1_577_836_803, 1_577_836_809, 1_577_836_810])
        #expect(scan.messages.map { $0.uid?.rawValue } == [1, 3, 8, nil, nil])
        #expect(scan.unchanged.isEmpty)
    }

    private static let names = [
        "1795267000.M1P10.mx,S=28,W=32", "1795267001.M5P10.mx", "1795267003.M5P10.mx,S=5,W=6",
    ]

    /// Keywords are numbers of `$Forwarded` and `Work`; 2 is one that files cannot show.
    private func known(
        _ messages: [(UInt32, String, MessageFlags, [UInt16])], changing: [UInt32] = [],
        uidValidity: UInt32 = 1_795_267_042
    ) throws -> KnownMessages {
        let table = keywords("$Forwarded", "Work", "Hidden")
        var known = KnownMessages(try #require(UIDValidity(rawValue: uidValidity))) { numbers, shown, showable in
            Set(numbers.map { table[Int($0)] }.filter(showable.contains)) == Set(shown)
        }
        for (uid, name, flags, keywords) in messages {
            Array(name.utf8).withUnsafeBytes {
                known.append(UID(nonZero: uid), flags, keywords, $0, isChanging: changing.contains(uid))
            }
        }
        return known
    }

    @Test func leavesOutWhatIsAsKnown() throws {
        self.makeDovecotMailbox()
        let flags: [MessageFlags] = [.seen, [.flagged, .answered, .deleted], []]
        let all =
            [
                (1, Self.names[0], flags[0], [0, 1]), (3, Self.names[1], flags[1], [2]),
                (8, Self.names[2], flags[2], []),
            ] as [(UInt32, String, MessageFlags, [UInt16])]
        let scan = try self.inbox.scan(besides: try self.known(all))
        #expect(Array(scan.unchanged.map(\.rawValue)) == [1, 3, 8])
        #expect(scan.messages.map(\.internalDate) == [1_577_836_809, 1_577_836_810])
        #expect(scan.header?.uidValidity.rawValue == 1_795_267_042)

        // One thing at a time is otherwise.
        for (number, other) in [
            (0, (1, Self.names[0], [], [0, 1])), (0, (1, Self.names[0], flags[0], [0])),
            (0, (1, Self.names[0], flags[0], [])), (1, (3, Self.names[1], flags[1], [1])),
            (1, (4, Self.names[1], flags[1], [])), (1, (3, Self.names[2], flags[1], [])),
            (2, (8, Self.names[2] + "x", [], [])), (2, (8, "", [], [])), (2, (9, Self.names[2], [], [])),
        ] as [(Int, (UInt32, String, MessageFlags, [UInt16]))] {
            var changed = all
            changed[number] = other
            let uid = all[number].0
            let scan = try self.inbox.scan(besides: try self.known(changed))
            #expect(Array(scan.unchanged.map(\.rawValue)) == [1, 3, 8].filter { $0 != uid }, "\(other)")
            #expect(scan.messages.map { $0.uid?.rawValue } == [uid, nil, nil], "\(other)")
        }
        let changing = try self.inbox.scan(besides: try self.known(all, changing: [3]))
        #expect(changing.messages.map { $0.uid?.rawValue } == [3, nil, nil])
        let foreign = try self.inbox.scan(besides: try self.known(all, uidValidity: 1))
        #expect(foreign.unchanged.isEmpty && foreign.messages.count == 5)
    }

    /// Rows without files are dropped from the list meanwhile; the others are still found by their own.
    @Test func leavesOutWhatIsAsKnownInASparseList() throws {
        let rows = (1...300).map { (uid: UInt32($0), name: "1795267000.M\($0)P10.mx,S=5,W=6") }
        let kept = rows.filter { $0.uid % 10 == 0 }
        self.box.put(
            "dovecot-uidlist",
            "3 V1795267042 N301 G\(Self.guid)\n" + rows.map { "\($0.uid) :\($0.name)\n" }.joined())
        for row in kept { self.box.put("cur/\(row.name):2,S", "x") }
        let scan = try self.inbox.scan(besides: try self.known(kept.map { ($0.uid, $0.name, .seen, []) }))
        #expect(scan.unchanged.map(\.rawValue) == kept.map(\.uid))
        #expect(scan.messages.isEmpty)
        #expect(self.box.text("dovecot-uidlist")?.split(separator: "\n").count == kept.count + 1)
    }

    @Test func appendsRows() throws {
        self.makeDovecotMailbox()
        let before = try #require(self.box.text("dovecot-uidlist"))
        let inode = self.box.status("dovecot-uidlist")?.st_ino
        let header = MailboxHeader(
            uidValidity: try #require(UIDValidity(rawValue: 1_795_267_042)), uidNext: UID(nonZero: 11),
            guid: Self.guid)
        let rows = [
            UIDListRow(UID(nonZero: 9), BodyLocation("1795267009.M2P10.mx,S=5,W=6")),
            UIDListRow(UID(nonZero: 10), BodyLocation("1795267009.M10P10.mx,S=5,W=6")),
        ]
        try self.inbox.record(rows, header: header)
        let added = "9 :1795267009.M2P10.mx,S=5,W=6\n10 :1795267009.M10P10.mx,S=5,W=6\n"
        #expect(self.box.text("dovecot-uidlist") == before + added)
        #expect(self.box.status("dovecot-uidlist")?.st_ino == inode)
        // Again, as replay does: nothing changes but N.
        try self.inbox.record(rows, header: header)
        #expect(self.box.text("dovecot-uidlist") == before + added)
        try self.inbox.record([UIDListRow(UID(nonZero: 12), BodyLocation("z"))], header: header)
        #expect(self.box.text("dovecot-uidlist") == before + added + "12 :z\n")
        #expect(try self.inbox.scan().header?.uidNext.rawValue == 13)
        // A row that another program appended.
        self.box.put("dovecot-uidlist", before + added + "12 :z\n13 :other\n")
        try self.inbox.record([UIDListRow(UID(nonZero: 14), BodyLocation("y"))], header: header)
        #expect(self.box.text("dovecot-uidlist") == before + added + "12 :z\n13 :other\n14 :y\n")
        // One before the last: keys of other rows stay.
        try self.inbox.record([UIDListRow(UID(nonZero: 2), BodyLocation("b"), guid: "feed")], header: header)
        let lines = try #require(self.box.text("dovecot-uidlist")).split(separator: "\n")
        #expect(lines[0] == "3 V1795267042 N15 G\(Self.guid)")
        #expect(lines[2] == "2 Gfeed :b")
        #expect(lines[3] == "3 W40 P0000aa O7 Gfeed :1795267001.M5P10.mx")
        #expect(!self.box.list(".").contains { $0.hasSuffix(".lock") || $0.hasSuffix(".tmp") })
    }

    @Test func appendsToALongList() throws {
        var text = "3 V5 N1 G\(Self.guid)\n"
        for uid in 1...2000 { text += "\(uid) :1795267000.M\(uid)P10.mx,S=28,W=32\n" }
        self.box.put("dovecot-uidlist", text)
        let header = MailboxHeader(
            uidValidity: try #require(UIDValidity(rawValue: 5)), uidNext: UID(nonZero: 2002), guid: Self.guid)
        try self.inbox.record([UIDListRow(UID(nonZero: 2001), BodyLocation("a"))], header: header)
        #expect(self.box.text("dovecot-uidlist") == text + "2001 :a\n")
        // A torn end is not appended to.
        self.box.put("dovecot-uidlist", text + "2001 :a\n2002 :tor")
        try self.inbox.record([UIDListRow(UID(nonZero: 2003), BodyLocation("b"))], header: header)
        #expect(self.box.text("dovecot-uidlist")?.hasSuffix("2001 :a\n2002 :tor\n2003 :b\n") == true)
    }

    @Test func givesAHeader() throws {
        try self.inbox.record([], header: .sample(7, next: 4))
        #expect(self.box.text("dovecot-uidlist") == "3 V7 N4 G00112233445566778899aabbccddeeff\n")
        try self.inbox.record([], header: .sample(7, next: 6))
        #expect(self.box.text("dovecot-uidlist") == "3 V7 N6 G00112233445566778899aabbccddeeff\n")
        // Never back.
        try self.inbox.record([], header: .sample(7, next: 1))
        #expect(try self.inbox.scan().header?.uidNext.rawValue == 6)
    }

    @Test func upgradesVersionOne() throws {
        self.box.put("dovecot-uidlist", "1 1700000000 12\n3 a\n5 b\n")
        self.box.put("cur/a:2,S", "x")
        self.box.put("cur/b:2,S", "x")
        let scan = try self.inbox.scan()
        let guid = try #require(scan.header?.guid)
        #expect(scan.messages.map { $0.uid?.rawValue } == [3, 5])
        #expect(self.box.text("dovecot-uidlist") == "3 V1700000000 N12 G\(guid)\n3 :a\n5 :b\n")
        #expect(try self.inbox.scan().header?.guid == guid)
    }

    @Test func salvagesABrokenList() throws {
        self.box.put(
            "dovecot-uidlist",
            "3 V9 N4 G\(Self.guid)\n1 :a\n7 :g\nrubbish\n3 :c\n3 :gone\n5 :e1\n5 :e2\n4294967295 :z\n6 :f")
        for name in ["a", "c", "e1", "e2", "f", "g", "z"] { self.box.put("cur/\(name):2,", "x") }
        let scan = try self.inbox.scan()
        #expect(scan.header?.uidValidity.rawValue == 9)
        #expect(scan.header?.uidNext.rawValue == 8)
        let uids = scan.messages.map { "\($0.uid?.rawValue ?? 0) \($0.location.text)" }
        #expect(uids == ["1 a", "3 c", "6 f", "7 g", "0 e1", "0 e2", "0 z"])
        #expect(self.box.text("dovecot-uidlist") == "3 V9 N8 G\(Self.guid)\n1 :a\n3 :c\n6 :f\n7 :g\n")
        #expect(self.box.reports.all.count == 1)
        _ = try self.inbox.scan()
        #expect(self.box.reports.all.count == 1)
    }

    @Test func keepsUIDsWhenTheHeaderIsLost() throws {
        self.box.put("dovecot-uidlist", "3 V0 N0\n3 :a\n5 :b\n")
        self.box.put("cur/a:2,S", "x")
        self.box.put("cur/b:2,S", "x")
        let scan = try self.inbox.scan()
        #expect(scan.header == nil)
        #expect(scan.messages.map { $0.uid?.rawValue } == [3, 5])
        try self.inbox.record([], header: .sample(44))
        #expect(
            self.box.text("dovecot-uidlist") == "3 V44 N6 G00112233445566778899aabbccddeeff\n3 :a\n5 :b\n")
    }

    @Test func dropsDeadRows() throws {
        var text = "3 V5 N500 G\(Self.guid)\n"
        for uid in 1...300 { text += "\(uid) :m\(uid)\n" }
        self.box.put("dovecot-uidlist", text)
        for uid in 1...100 { self.box.put("cur/m\(uid):2,S", "x") }
        #expect(try self.inbox.scan().messages.count == 100)
        let lines = try #require(self.box.text("dovecot-uidlist")).split(separator: "\n")
        #expect(lines.count == 101)
        #expect(lines[0] == "3 V5 N500 G\(Self.guid)")
    }

    @Test func takesAMessageOnce() throws {
        self.box.put("dovecot-uidlist", "3 V5 N3 G\(Self.guid)\n1 :a\n2 :a\n")
        self.box.put("new/a", "x")
        self.box.put("cur/a:2,S", "x")
        let scan = try self.inbox.scan()
        #expect(scan.messages.map { $0.uid?.rawValue } == [2])
        #expect(scan.messages[0].flags == FileFlags(.seen))
        #expect(self.box.reports.all.count == 1)
    }

    @Test func sweepsTemporaryFiles() throws {
        self.box.put("tmp/old", "x")
        _ = try self.inbox.scan()
        #expect(self.box.list("tmp") == ["old"])
        let later = try TemporaryMaildir { $0.clock = { .init(seconds: Int64(time(nil)) + 37 * 3600) } }
        later.put("tmp/old", "x")
        _ = try later.account().mailbox(.inbox).scan()
        #expect(later.list("tmp").isEmpty)
    }

    @Test func readsNamesThatAreNoText() throws {
        let name: [UInt8] = [0xFF, 0xFE, 0x20, 0x31]
        let path = Array("\(self.box.maildir)/cur/".utf8) + name + Array(":2,S".utf8) + [0]
        let descriptor = path.withUnsafeBytes { bytes -> CInt in
            guard let base = bytes.baseAddress else { return -1 }
            return open(base.assumingMemoryBound(to: CChar.self), O_WRONLY | O_CREAT, 0o600)
        }
        close(descriptor)
        let found = try #require(try self.inbox.scan().messages.first)
        #expect(found.location.bytes == name)
        #expect(try self.inbox.read(found.location, flags: found.flags).count == 0)
        try self.inbox.setFlags(found.location, from: found.flags, to: FileFlags(.flagged))
        try self.inbox.record([UIDListRow(.first, found.location)], header: .sample())
        #expect(try self.inbox.scan().messages.first?.uid == .first)
        let copy = try self.inbox.prepareCopy(
            of: found.location, flags: FileFlags(.flagged), in: self.inbox, as: FileFlags())
        try self.inbox.publish(copy, flags: FileFlags())
        #expect(self.box.list("new").count == 1)
    }
}
