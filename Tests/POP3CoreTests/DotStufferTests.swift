import Testing

@testable import POP3Core

@Suite struct DotStufferTests {
    struct Case: CustomTestStringConvertible, Sendable {
        let message: String
        let wire: String
        var testDescription: String { self.message.debugDescription }
    }

    static let cases = [
        Case(message: "", wire: ".\r\n"),
        Case(message: "a\r\n", wire: "a\r\n.\r\n"),
        Case(message: "a", wire: "a\r\n.\r\n"),
        Case(message: ".", wire: "..\r\n.\r\n"),
        Case(message: ".\r\n", wire: "..\r\n.\r\n"),
        Case(message: "..\r\n.\r\na.\r\n", wire: "...\r\n..\r\na.\r\n.\r\n"),
        Case(message: "a\r\n.b\r\n\r\n.\r\n", wire: "a\r\n..b\r\n\r\n..\r\n.\r\n"),
        // The last octet counts.
        Case(message: "a\r", wire: "a\r\r\n.\r\n"),
        Case(message: "a\n", wire: "a\n\r\n.\r\n"),
        Case(message: "a\n.\r\n", wire: "a\n..\r\n.\r\n"),
        Case(message: "a\r.\r\n", wire: "a\r.\r\n.\r\n"),
        Case(
            message: "long enough to take eight octets at once\r\n.\r\n",
            wire: "long enough to take eight octets at once\r\n..\r\n.\r\n"),
    ]

    @Test(arguments: cases)
    func encodes(_ example: Case) {
        let message = Array(example.message.utf8)
        let wire = Array(example.wire.utf8)
        #expect(Self.encode([message]) == wire)
        #expect(Self.encode(message.map { [$0] }) == wire)
        for split in 0...message.count {
            #expect(Self.encode([Array(message[..<split]), Array(message[split...])]) == wire)
        }
    }

    /// Blocks of 64 octets are looked at in one: what is looked for at each place of one, and of the next.
    @Test(arguments: ["\n.", "\n", ".", "\n\n..", "\r\n.\r\n"])
    func findsDotsAtEveryPlace(_ mark: String) {
        for place in 0..<150 {
            var message = [UInt8](repeating: 0x61, count: 150)
            message.replaceSubrange(place..<min(150, place + mark.utf8.count), with: mark.utf8)
            #expect(Self.encode([message]) == Self.encode(message.map { [$0] }))
        }
    }

    private static func encode(_ pieces: [[UInt8]]) -> [UInt8] {
        var stuffer = DotStuffer()
        var out: [UInt8] = []
        for piece in pieces { piece.withUnsafeBytes { stuffer.encode($0, into: &out) } }
        stuffer.finish(into: &out)
        return out
    }

    static let message = "Subject: x\r\nTo: y\r\n\r\none\r\ntwo\r\n\r\nfour"

    @Test(arguments: [
        (0, "Subject: x\r\nTo: y\r\n\r\n"), (1, "Subject: x\r\nTo: y\r\n\r\none\r\n"),
        (3, "Subject: x\r\nTo: y\r\n\r\none\r\ntwo\r\n\r\n"), (4, message), (5, message),
        (99_999_999, message),
        (.max, message),
    ])
    func top(_ lines: Int, _ expected: String) {
        #expect(Self.top(Self.message, lines) == expected)
    }

    @Test func topOfOddMessages() {
        #expect(Self.top("", 0) == "")
        #expect(Self.top("\r\nbody\r\nmore\r\n", 1) == "\r\nbody\r\n")
        #expect(Self.top("No: body\r\n", 1) == "No: body\r\n")
        #expect(Self.top("No: end", 0) == "No: end")
        #expect(Self.top("A: b\n\nbody\nmore\n", 1) == "A: b\n\nbody\n")
        #expect(Self.top("A: b\r\n\r\n", 0) == "A: b\r\n\r\n")
    }

    private static func top(_ message: String, _ lines: Int) -> String {
        let bytes = Array(message.utf8)
        let length = bytes.withUnsafeBytes { TopLines.length(of: $0, lines: lines) }
        return String(decoding: bytes[..<length], as: UTF8.self)
    }
}
