import Testing

@testable import AdminCommands

struct RowFormatterTests {
    private static func text(_ format: RowFormat, _ columns: [String]?, _ rows: [[String]]) -> String {
        var formatter = RowFormatter(format)
        var out: [UInt8] = []
        if let columns { out += formatter.begin(columns) }
        for row in rows { out += formatter.add(row.map { Array($0.utf8) }) }
        out += formatter.end()
        return String(decoding: out, as: UTF8.self)
    }

    @Test(
        arguments: [
            (.table, "mailbox messages\nINBOX   3\nSent mail 10\n"),
            (.tab, "mailbox\tmessages\nINBOX\t3\nSent mail\t10\n"),
            (.flow, "mailbox=INBOX messages=3\nmailbox=Sent mail messages=10\n"),
            (.pager, "mailbox: INBOX\nmessages: 3\n\u{C}\nmailbox: Sent mail\nmessages: 10\n"),
            (.json, "[{\"mailbox\":\"INBOX\",\"messages\":\"3\"},\n{\"mailbox\":\"Sent mail\",\"messages\":\"10\"}]\n"),
        ] as [(RowFormat, String)])
    func showsRows(_ format: RowFormat, _ expected: String) {
        let shown = Self.text(format, ["mailbox", "messages"], [["INBOX", "3"], ["Sent mail", "10"]])
        // The table's padding is its own test.
        func squeezed(_ text: String) -> String {
            format == .table
                ? text.split(separator: " ", omittingEmptySubsequences: true).joined(separator: " ") : text
        }
        #expect(squeezed(shown) == squeezed(expected))
    }

    /// As doveadm: names stand where a program reads them.
    @Test(
        arguments: [
            (.table, ["n"], "mailbox n\nINBOX   3\n"), (.table, ["mailbox", "n"], "INBOX 3\n"),
            (.flow, ["mailbox"], "INBOX n=3\n"), (.flow, ["mailbox", "n"], "INBOX 3\n"),
            (.pager, ["mailbox"], "INBOX\nn: 3\n"), (.tab, ["mailbox", "n"], "mailbox\tn\nINBOX\t3\n"),
            (.json, ["mailbox", "n"], "[{\"mailbox\":\"INBOX\",\"n\":\"3\"}]\n"),
        ] as [(RowFormat, [String], String)])
    func leavesNamesOut(_ format: RowFormat, _ untitled: [String], _ expected: String) {
        var formatter = RowFormatter(format, untitled: Set(untitled))
        var out = formatter.begin(["mailbox", "n"])
        out += formatter.add([Array("INBOX".utf8), Array("3".utf8)])
        out += formatter.end()
        #expect(String(decoding: out, as: UTF8.self) == expected)
    }

    @Test func tablePadsToTheWidestCharacters() {
        let shown = Self.text(.table, ["name", "n"], [["Entwürfe", "1"], ["x", "22"]])
        #expect(shown == "name     n\nEntwürfe 1\nx        22\n")
    }

    @Test(
        arguments: [
            (.table, "mailbox\n"), (.tab, "mailbox\n"), (.flow, ""), (.pager, ""), (.json, "[]\n"),
        ] as [(RowFormat, String)])
    func showsThatNothingWasFound(_ format: RowFormat, _ expected: String) {
        #expect(Self.text(format, ["mailbox"], []) == expected)
    }

    /// A command without results, such as `mailbox create`, prints nothing in any format.
    @Test(arguments: RowFormat.allCases)
    func saysNothingWithoutColumns(_ format: RowFormat) {
        #expect(Self.text(format, nil, []) == "")
    }

    @Test func jsonEscapes() {
        var formatter = RowFormatter(.json)
        _ = formatter.begin(["a\"b"])
        let value: [UInt8] = [0x22, 0x5C, 0x0A, 0x0D, 0x09, 0x01, 0x7F, 0x00] + Array("ü".utf8) + [0xFF]
        let out = formatter.add([value]) + formatter.end()
        #expect(
            String(decoding: out, as: UTF8.self)
                == #"[{"a\"b":"\"\\\n\r\t\u0001\u007f\u0000ü"# + "\u{FFFD}" + "\"}]\n")
    }

    @Test func tabEscapesTabsAndLineEnds() {
        #expect(Self.text(.tab, ["hdr"], [["A: b\r\n\tc\r\n"]]) == "hdr\nA: b\u{1}r\u{1}n\u{1}tc\u{1}r\u{1}n\n")
    }
}
