import Testing

@testable import MaildirFormat

@Suite struct UIDListFileTests {
    struct Case: Sendable {
        var text: String
        var validity: UInt32 = 1_700_000_000
        var next: UInt32
        /// `uid name`.
        var rows: [String]
        var repairs: [UIDListFile.Repair] = []
        /// Names without a file.
        var gone: Set<String> = []
    }

    static let header = "3 V1700000000 N9 G00112233445566778899aabbccddeeff\n"

    @Test(arguments: [
        Case(text: header, next: 9, rows: []),
        Case(text: header + "1 :a\n5 :b,S=1\n", next: 9, rows: ["1 a", "5 b,S=1"]),
        Case(text: header + "8 :a\n12 :b\n", next: 13, rows: ["8 a", "12 b"]),
        Case(text: header + "1 W32 Pabc :a:2,S\n", next: 9, rows: ["1 a"]),
        Case(text: header + "1 P:x :a :b\n", next: 9, rows: ["1 a "]),
        Case(text: "1 1700000000 9\n1 a\n2 b:2,S\n", next: 9, rows: ["1 a", "2 b"]),
        // A later row takes a name over.
        Case(text: header + "1 :a\n2 :b\n3 :a\n", next: 9, rows: ["2 b", "3 a"]),
        // Broken ones.
        Case(
            text: header + "2 :b\n1 :a\n3 :c\n", next: 9, rows: ["1 a", "2 b", "3 c"], repairs: [.unordered]),
        Case(
            text: header + "1 :a\nrubbish\n2 b\n0 :z\n4294967295 :y\n3 :x/y\n4 :\n5 :c\n", next: 9,
            rows: ["1 a", "5 c"], repairs: [.garbage(6)]),
        Case(
            text: header + "1 :a\n20 :b\n20 :c\n3 :d\n", next: 21, rows: ["1 a", "3 d"],
            repairs: [.unordered, .ambiguousUID(20)]),
        Case(
            text: header + "1 :a\n2 :b\n2 :c\n3 :d\n", next: 9, rows: ["1 a", "2 c", "3 d"],
            repairs: [.unordered], gone: ["b"]),
        Case(text: header + "1 :a\n1 :a\n2 :b\n", next: 9, rows: ["1 a", "2 b"], repairs: [.unordered]),
        Case(text: header + "1 :a\n2 :b", next: 9, rows: ["1 a", "2 b"], repairs: [.torn]),
        Case(text: "3 V1700000000 N0\n4 :a\n", next: 5, rows: ["4 a"], repairs: [.header]),
        Case(text: "3 V0 N9\n4 :a\n", validity: 0, next: 9, rows: ["4 a"], repairs: [.header]),
        Case(text: "3 :a\n4 :b\n", validity: 0, next: 5, rows: ["3 a", "4 b"], repairs: [.header]),
        Case(text: "garbage\n4 :b\n", validity: 0, next: 5, rows: ["4 b"], repairs: [.header, .garbage(1)]),
        Case(text: "\0\0\0\0", validity: 0, next: 1, rows: [], repairs: [.header, .torn, .garbage(1)]),
        Case(text: "", validity: 0, next: 1, rows: [], repairs: [.header]),
    ])
    func reads(_ test: Case) {
        let list = UIDListFile(Array(test.text.utf8)) { name in
            !test.gone.contains(String(decoding: name, as: UTF8.self))
        }
        #expect(list.uidValidity == test.validity)
        #expect(list.realNext == test.next)
        #expect(Self.rows(list) == test.rows)
        #expect(list.repairs == test.repairs)
        // What is written is whole, and the same again.
        var written = list
        written.uidValidity = 1_700_000_000
        if written.guid == nil { written.guid = "00112233445566778899aabbccddeeff" }
        let again = UIDListFile(written.encoded())
        #expect(!again.needsRewrite)
        #expect(Self.rows(again) == Self.rows(list))
        #expect(again.realNext == list.realNext)
    }

    static func rows(_ list: UIDListFile) -> [String] {
        list.rows.map { "\($0.uid) \(String(decoding: list.text[$0.name], as: UTF8.self))" }
    }

    @Test func keepsWhatItDoesNotKnow() {
        let text = "3 V7 N9 G00112233445566778899aabbccddeeff X1 Yab\n1 S5 W6 Pp O3 Gg Qz :a,S=1\n2 :b\n"
        let list = UIDListFile(Array(text.utf8))
        #expect(String(decoding: list.encoded(), as: UTF8.self) == text)
        func value(_ key: Unicode.Scalar) -> String? {
            list.value(UInt8(ascii: key), of: list.rows[0]).map { String(decoding: $0, as: UTF8.self) }
        }
        #expect(value("W") == "6")
        #expect(value("P") == "p")
        #expect(value("O") == "3")
        #expect(value("G") == "g")
        #expect(value("Z") == nil)
    }

    @Test func survivesEveryTruncation() {
        let text = Array((Self.header + "1 :aa\n2 W5 :bb\n30 :cc\n").utf8)
        for end in 0...text.count {
            let list = UIDListFile(Array(text[..<end]))
            #expect(list.rows.allSatisfy { $0.uid <= 30 })
            #expect(list.rows.count <= 3)
        }
        // Any octet changed.
        for index in text.indices {
            for byte: UInt8 in [0, 0x0A, 0x20, 0x2F, 0x39, 0x3A, 0xFF] {
                var broken = text
                broken[index] = byte
                let list = UIDListFile(broken)
                #expect(list.rows.count <= 4)
                for (a, b) in zip(list.rows, list.rows.dropFirst()) { #expect(a.uid < b.uid) }
            }
        }
    }

    @Test func addsRows() {
        var list = UIDListFile(Array((Self.header + "1 Pq :a\n5 :b\n").utf8))
        list.add([(3, [], Array("c".utf8)), (5, [], Array("d".utf8)), (9, Array("Gq".utf8), Array("a".utf8))])
        #expect(Self.rows(list) == ["3 c", "5 d", "9 a"])
        #expect(list.row(5) != nil)
        #expect(list.row(4) == nil)
        #expect(list.realNext == 10)
    }
}

/// Lists that somebody made to be slow or large.
@Suite struct HostileUIDListTests {
    /// Rows of one UID are compared with all others of it, in time that grows with their number only.
    @Test func manyNamesOfOneUID() {
        var text = Array(UIDListFileTests.header.utf8)
        let rows = 50_000
        for number in 0..<rows { text += Array("7 :n\(number)\n".utf8) }
        let begin = ContinuousClock.now
        let list = UIDListFile(text) { $0.elementsEqual("n4711".utf8) }
        #expect(ContinuousClock.now - begin < .seconds(10))
        #expect(list.rows.count == 1)
        #expect(list.rows.first.map { String(decoding: list.text[$0.name], as: UTF8.self) } == "n4711")
        #expect(list.repairs == [.unordered])
    }

    @Test func rowsHaveABound() {
        let text = Array((UIDListFileTests.header + "1 :a\n2 :b\n90 :c\n3 :d\n").utf8)
        let list = UIDListFile(text, limit: 2)
        #expect(list.rows.map(\.uid) == [1, 2])
        #expect(list.repairs == [.tooMany(2)])
        // Clients may know it.
        #expect(list.realNext == 91)
        #expect(list.needsRewrite)
    }
}
