import MailCore
import Testing

@testable import ArchiveCore

@Suite struct MboxTests {
    struct Message: Equatable, CustomStringConvertible {
        var date: Int64
        var flags: MessageFlags
        var keywords: [String]
        var text: String
        var description: String { "\(self.date) \(self.flags.rawValue) \(self.keywords) \(self.text.debugDescription)" }
    }

    static func parse(
        _ octets: [UInt8], _ quoting: MboxParser.Quoting = .rd, pieces: Int = .max
    ) -> (messages: [Message], isForeign: Bool) {
        var parser = MboxParser(quoting)
        var messages: [Message] = []
        func take(_ events: [MboxParser.Event]) {
            for event in events {
                switch event {
                case .message(let date, let flags, let keywords):
                    messages.append(Message(date: date, flags: flags, keywords: keywords.map(\.name), text: ""))
                case .octets(let octets):
                    #expect(!messages.isEmpty)
                    if !messages.isEmpty {
                        messages[messages.count - 1].text += String(decoding: octets, as: UTF8.self)
                    }
                }
            }
        }
        var start = 0
        while start < octets.count {
            let end = octets.count - start > pieces ? start + pieces : octets.count
            take(parser.append(Array(octets[start..<end])))
            start = end
        }
        take(parser.finish())
        return (messages, parser.isForeign)
    }

    static let from = "From bob@example.org Sat Jan  3 01:05:34 1998\n"
    static let date: Int64 = 883_789_534

    struct Case: Sendable {
        var text: String
        var quoting = MboxParser.Quoting.rd
        var texts: [String]
        var flags: [MessageFlags] = []
        var isForeign = false
    }

    @Test(arguments: [
        Case(text: "", texts: []),
        Case(text: "\n\n", texts: []),
        Case(text: from + "Subject: a\n\nbody\n", texts: ["Subject: a\n\nbody\n"]),
        // The empty line before the next message is the file's.
        Case(text: from + "A: 1\n\nx\n\n" + from + "B: 2\n\ny\n\n", texts: ["A: 1\n\nx\n", "B: 2\n\ny\n"]),
        Case(text: from + "A: 1\n\nx\n\n\n" + from + "B: 2\n\ny", texts: ["A: 1\n\nx\n\n", "B: 2\n\ny"]),
        // CRLF files.
        Case(
            text:
                "From a Sat Jan  3 01:05:34 1998\r\nA: 1\r\n\r\nx\r\n\r\nFrom a Sat Jan  3 01:05:34 1998\r\nB: 1\r\n\r\ny\r\n",
            texts: ["A: 1\r\n\r\nx\r\n", "B: 1\r\n\r\ny\r\n"]),
        // No header, no body, nothing at all.
        Case(text: from + "\nbody\n", texts: ["\nbody\n"]),
        Case(text: from + "A: 1\n" + from + "B: 1\n", texts: ["A: 1\n", "B: 1\n"]),
        Case(text: from, texts: [""]),
        // What looks like a separator and is none.
        Case(
            text: from + "A: 1\n\n\nFrom here on\nFrom \nFrom: x\n", texts: ["A: 1\n\n\nFrom here on\nFrom \nFrom: x\n"]
        ),
        Case(
            text: from + "A: 1\n\n>From x\n>>From y\n> From z\n>>\n", texts: ["A: 1\n\nFrom x\n>From y\n> From z\n>>\n"]
        ),
        Case(text: from + "A: 1\n\n>From x\n>>From y\n", quoting: .o, texts: ["A: 1\n\nFrom x\n>>From y\n"]),
        Case(text: from + "A: 1\n\n>From x\n", quoting: .none, texts: ["A: 1\n\n>From x\n"]),
        Case(
            text: from + "A: 1\nStatus: RO\nX-Status: AF\nX-Keywords: a b\n c\n\nx\n", texts: ["A: 1\n\nx\n"],
            flags: [[.seen, .answered, .flagged]]),
        Case(
            text: from + "X-Mozilla-Status: 0007\nX-Mozilla-Status2: 00000000\nA: 1\n\nx\n", texts: ["A: 1\n\nx\n"],
            flags: [[.seen, .answered, .flagged]]),
        Case(text: from + "A: 1\n\nStatus: RO\n", texts: ["A: 1\n\nStatus: RO\n"], flags: [[]]),
        Case(
            text: from + "Subject: DON'T DELETE THIS MESSAGE -- FOLDER INTERNAL DATA\nX-IMAP: 1 2\n\nthis\n\n" + from
                + "A: 1\n\nx\n", texts: ["A: 1\n\nx\n"]),
        Case(text: "Subject: a\n\nbody\n", texts: [], isForeign: true),
        Case(text: "\n\n" + from + "A: 1\n\nx\n", texts: ["A: 1\n\nx\n"]),
        Case(text: from + "A: \0\n\n\0\0\nFrom\0\n", texts: ["A: \0\n\n\0\0\nFrom\0\n"]),
    ])
    func reads(_ test: Case) {
        let octets = Array(test.text.utf8)
        for pieces in [Int.max, 1, 2, 3, 7] {
            let (messages, isForeign) = Self.parse(octets, test.quoting, pieces: pieces)
            #expect(messages.map(\.text) == test.texts, "in pieces of \(pieces)")
            #expect(isForeign == test.isForeign)
            if !test.flags.isEmpty { #expect(messages.map(\.flags) == test.flags) }
            #expect(messages.allSatisfy { $0.date == Self.date })
        }
        for split in octets.indices {
            var parser = MboxParser(test.quoting)
            var events = parser.append(Array(octets[..<split]))
            events += parser.append(Array(octets[split...]))
            events += parser.finish()
            #expect(
                events.count { if case .message = $0 { true } else { false } } == test.texts.count, "split at \(split)")
        }
    }

    @Test(
        arguments: [
            ("From bob Sat Jan  3 01:05:34 1998", 883_789_534), ("From  Sat Jan 3 01:05 1998", 883_789_500),
            ("From bob at example.org Sat Jan  3 01:05:34 +0100 1998", 883_785_934),
            ("From - Sat Jan  3 01:05:34 1998 -0030", 883_791_334),
            ("From x SAT JAN 03 01:05:34 EST 1998", 883_789_534),
            ("From x Thu Jan  1 00:00:00 1970", 0), ("From bob", nil), ("From bob Sat Jan 33 01:05:34 1998", nil),
            ("From Sat to Sun", nil), ("From x Sat Jan 3 99:05:34 1998", nil), ("From x Sat Jan 3 01:05:34", nil),
            ("from x Sat Jan  3 01:05:34 1998", nil),
        ] as [(String, Int64?)])
    func separators(_ line: String, _ date: Int64?) {
        #expect(MboxSeparator.date(Array(line.utf8)) == date)
    }

    /// Whatever the message: what is written is read again, in pieces of any size.
    @Test(arguments: [
        "A: 1\r\n\r\nx\r\n", "\r\nbody", "A: 1", "A: 1\r\n", "",
        "A: 1\r\n\r\nFrom x\r\n>From y\r\n>>From Sat Jan 3 01:05:34 1998\r\n",
        "A: 1\r\n\r\n\r\n\r\n", "From: a\r\nFrom b Sat Jan  3 01:05:34 1998\r\n\r\nFrom b Sat Jan  3 01:05:34 1998",
        "Status: X\r\nA: 1\r\n\r\nlone \r cr \r\r\n", ">", ">>From", "A: 1\r\n\r\n>", "a\0b\r\n\r\n\0",
        // Found by fuzzing: a CR at the end of a header alone became the empty line behind it, and flags text of the body.
        "A: 1\r\n\r", "A: 1\r\n\r\r", "\r", "\r\r", "A: 1\r\n\r\r\nx\r\n", "\r\r\nx", "A: 1\r\nB: 2\r\n c", "A: 1\r\nB: 2\r\n\tc\r",
    ])
    func writesWhatIsRead(_ text: String) {
        for pieces in [1, 2, 5, 1000] {
            var writer = MboxWriter()
            var out: [UInt8] = []
            for number in 0..<2 {
                writer.begin(
                    date: 1_700_000_000 + Int64(number), flags: [.seen, .flagged],
                    keywords: ["k", "$x"].compactMap { Keyword($0) }, into: &out)
                var rest = Array(text.utf8)[...]
                while !rest.isEmpty {
                    writer.append(Array(rest.prefix(pieces)), into: &out)
                    rest = rest.dropFirst(pieces)
                }
                writer.end(into: &out)
            }
            let (messages, _) = Self.parse(out, pieces: pieces)
            #expect(messages.count == 2)
            for (number, message) in messages.enumerated() {
                #expect(message.date == 1_700_000_000 + Int64(number))
                #expect(message.flags == [.seen, .flagged])
                #expect(message.keywords == ["k", "$x"])
                // LF for CRLF, an end for the last line, no field of flags of its own; and a header alone has got its
                // empty line.
                let wanted = text.replacing("\r\n", with: "\n").replacing("Status: X\n", with: "")
                #expect(
                    [wanted, wanted + "\n", wanted + "\n\n"].contains(message.text),
                    "\(message) for \(text.debugDescription)")
            }
        }
    }

    @Test func memoryIsBounded() {
        var parser = MboxParser()
        var octets = 0
        var messages = 0
        func take(_ events: [MboxParser.Event]) {
            for event in events {
                switch event {
                case .message: messages += 1
                case .octets(let some): octets += some.count
                }
            }
        }
        take(parser.append(Array(Self.from.utf8)))
        // A header without end in one line, of `>` in the end.
        let piece = [UInt8](repeating: UInt8(ascii: "x"), count: 1 << 16)
        for _ in 0..<64 { take(parser.append(piece)) }
        #expect(octets >= 60 << 16)
        take(parser.append([0x0A]))
        for _ in 0..<8 { take(parser.append([UInt8](repeating: 0x3E, count: 1 << 16))) }
        #expect(octets >= 71 << 16)
        take(parser.finish())
        #expect(messages == 1)
        #expect(octets == (72 << 16) + 1)
    }

    /// No octets bring it down, and pieces do not matter.
    @Test(arguments: 0..<40) func anything(_ seed: UInt64) {
        var random = Seeded(state: seed)
        let words = [
            "From ", Self.from, ">", "\n", "\r\n", "\r", "Status: R", ":", " ", "\0", "A: b\n", "x",
            "From a Sat Jan  3 01:05:34 1998",
        ]
        var octets: [UInt8] = []
        for _ in 0..<60 { octets += Array(words[Int(random.next() % UInt64(words.count))].utf8) }
        for quoting in [MboxParser.Quoting.rd, .o, .none] {
            let whole = Self.parse(octets, quoting)
            for pieces in [1, 3, 11] { #expect(Self.parse(octets, quoting, pieces: pieces).messages == whole.messages) }
        }
    }

    struct Seeded {
        var state: UInt64
        mutating func next() -> UInt64 {
            self.state = self.state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return self.state >> 33
        }
    }
}
