import MailCore
import Testing

@testable import MaildirFormat

@Suite struct MaildirFilenameTests {
    struct Case: Sendable {
        var name: String
        var base: String
        var flags: MessageFlags = []
        var letters: UInt32 = 0
        var other = ""
        var trailer = ""
    }

    @Test(arguments: [
        Case(name: "1.M2P3.h,S=28,W=32", base: "1.M2P3.h,S=28,W=32"),
        Case(name: "1.M2P3.h:2,", base: "1.M2P3.h"),
        Case(name: "1.h:2,FS", base: "1.h", flags: [.flagged, .seen]),
        Case(name: "1.h:2,DFRST", base: "1.h", flags: .all),
        Case(name: "1.h:2,SFab", base: "1.h", flags: [.flagged, .seen], letters: 3),
        Case(name: "1.h:2,Sz", base: "1.h", flags: .seen, letters: 1 << 25),
        Case(name: "1.h:2,PSX", base: "1.h", flags: .seen, other: "PX"),
        Case(name: "1.h:2,S,xyz=1", base: "1.h", flags: .seen, trailer: ",xyz=1"),
        Case(name: "1.h:1,S", base: "1.h"),
        Case(name: "1.h:", base: "1.h"),
        Case(name: "1.h:2", base: "1.h"),
        Case(name: ":2,S", base: "", flags: .seen),
        Case(name: "odd name", base: "odd name"),
    ])
    func reads(_ test: Case) {
        Array(test.name.utf8).withUnsafeBytes { bytes in
            let name = MaildirFilename(bytes)
            #expect(name.baseLength == test.base.utf8.count)
            #expect(name.flags == test.flags)
            #expect(name.keywordLetters == test.letters)
            #expect(name.otherLetters == Array(test.other.utf8))
            #expect(name.trailer == Array(test.trailer.utf8))
        }
    }

    @Test func writesSortedLetters() {
        func info(_ flags: MessageFlags, _ letters: UInt32, _ other: String = "", _ trailer: String = "")
            -> String
        {
            String(
                decoding: MaildirFilename.info(
                    flags, keywordLetters: letters, other: Array(other.utf8), trailer: Array(trailer.utf8)),
                as: UTF8.self)
        }
        #expect(info([], 0) == ":2,")
        #expect(info(.all, 0b101) == ":2,DFRSTac")
        #expect(info(.seen, 1, "PX", ",t") == ":2,PSXa,t")
        #expect(info([], .max) == ":2,abcdefghijklmnopqrstuvwxyz")
    }

    @Test(arguments: [
        ("1.h,S=28,W=32", 28 as UInt64?, 32 as UInt64?),
        ("1.h,W=32,S=28", 28, 32),
        ("1.h", nil, nil),
        ("1.h,S=", nil, nil),
        ("1.h,S=x", nil, nil),
        ("1.h,S=12x", nil, nil),
        ("1.h,S=99999999999999999999999", nil, nil),
        ("1.h,SS=1", nil, nil),
        (",S=0", 0, nil),
    ])
    func readsSizes(_ name: String, _ size: UInt64?, _ wire: UInt64?) {
        Array(name.utf8).withUnsafeBytes { bytes in
            #expect(MaildirFilename.size(UInt8(ascii: "S"), in: bytes) == size)
            #expect(MaildirFilename.size(UInt8(ascii: "W"), in: bytes) == wire)
        }
    }

    @Test func ordersByDelivery() {
        let inOrder = ["odd", "5.M3P1.h", "5.M20P1.h", "10.M1P1.h", "10.M000002P1.h", "11.foo"]
        let times = inOrder.map { name in Array(name.utf8).withUnsafeBytes { DeliveryTime($0) } }
        for (a, b) in zip(times, times.dropFirst()) { #expect(a < b) }
    }

    @Test func makesNamesThatDiffer() {
        var options = MaildirOptions()
        options.hostName = "a/b:c,d"
        options.processID = 77
        options.clock = { .init(seconds: 1_700_000_000, microseconds: 42) }
        let names = MaildirNames(options)
        let first = String(decoding: names.next(size: 28, wireSize: 32), as: UTF8.self)
        let second = String(decoding: names.next(like: Array(first.utf8)), as: UTF8.self)
        #expect(first == "1700000000.M42P77Q1.a\\057b\\072c\\054d,S=28,W=32")
        #expect(second == "1700000000.M42P77Q2.a\\057b\\072c\\054d,S=28,W=32")
    }

    @Test func knowsEntryNames() {
        for name in ["", ".", "..", "a/b", "a\0b", String(repeating: "x", count: 256)] {
            #expect(!MaildirFilename.isEntryName(Array(name.utf8)), "\(name)")
        }
        for name in ["a", "...", ".a", String(repeating: "x", count: 255)] {
            #expect(MaildirFilename.isEntryName(Array(name.utf8)))
        }
    }
}
