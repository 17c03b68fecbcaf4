import Glibc
import IndexedStore
import MailCore
import MailStore
import Testing

@testable import MaildirFormat

/// Times and sizes that owners of files can give them, and no program would.
@Suite struct HostileFileTests {
    @Test(arguments: [
        (Int64(100), Int64(130), Int64(30)), (130, 100, -30), (.min, 0, .max), (.min, .max, .max), (-1, .max, .max),
        (.max, -2, .min), (.max, .max, 0), (0, .min, .min),
    ])
    func ages(_ time: Int64, _ now: Int64, _ age: Int64) {
        #expect(FileAge.seconds(since: time, at: now) == age)
    }

    @Test(arguments: [(Int.min, true), (-1, true), (1_800_000_000, false), (.max, false)])
    func settling(_ time: Int, _ isOver: Bool) {
        var status = stat()
        status.st_mtim = timespec(tv_sec: time, tv_nsec: 0)
        #expect(SettlingTime.isOver(since: status, at: timespec(tv_sec: 1_800_000_000, tv_nsec: 0)) == isOver)
    }

    /// A lock file of before 1970 when the clock shows the end of time is old.
    @Test func ageOfALock() throws {
        let box = try TemporaryMaildir { $0.clock = { MaildirOptions.WallTime(seconds: .max, microseconds: 0) } }
        box.makeFolder()
        box.put("subscriptions.lock", "1:elsewhere.example", time: -5)
        let directory = try DirectoryHandle.open(Array(box.maildir.utf8))
        try DotLock.hold("subscriptions", in: directory, box.options) { () throws(StoreError) in }
        #expect(box.reports.all == ["removed stale lock file subscriptions.lock"])
    }

    @Test func fileOfTheEndOfTimeIsReplaced() throws {
        let box = try TemporaryMaildir()
        box.makeFolder()
        let directory = try DirectoryHandle.open(Array(box.maildir.utf8))
        let lock = try DotLock("dovecot-keywords", in: directory, box.options)
        try lock.replace(with: Array("0 Work\n".utf8), mode: 0o600, sync: false, laterThan: .max)
        #expect(box.text("dovecot-keywords") == "0 Work\n")
    }

    @Test func sizeFileOfAnyAge() throws {
        let box = try TemporaryMaildir { $0.clock = { MaildirOptions.WallTime(seconds: .max, microseconds: 0) } }
        box.makeFolder()
        box.put("maildirsize", "100S\n90 1\n90 1\n", time: -5)
        let account = try box.account()
        try account.updateSizeFile(QuotaLimits(storage: 100), counting: { _ in true }, isTrusted: true)
        #expect(box.text("maildirsize") == "100S\n0 0\n")
    }

    /// A file without content that has a size: it is listed, and neither read nor copied.
    @Test func hugeFile() throws {
        let box = try TemporaryMaildir()
        box.makeFolder()
        box.put("new/1700000000.M1P1.h", "")
        try #require(truncate("\(box.maildir)/new/1700000000.M1P1.h", 2 << 30) == 0)
        let account = try box.account()
        let inbox = try account.mailbox(.inbox)
        let scan = try inbox.scan()
        #expect(scan.messages.map(\.location.text) == ["1700000000.M1P1.h"])
        for _ in 0..<2 {
            let error = #expect(throws: StoreError.self) {
                _ = try inbox.read(BodyLocation(Array("1700000000.M1P1.h".utf8)), flags: FileFlags([]))
            }
            #expect(error?.code == .damaged)
        }
        #expect(box.list("tmp") == [])
        #expect(box.reports.all.count == 1)
    }
}
