import MIMECore
import MailCore
import Testing

/// Messages made to cost more than they are worth. Nothing here may trap, recurse without bound or take
/// time out of proportion: each runs in milliseconds when linear and for minutes when not.
@Suite struct HostileTests {
    static func useAll(_ message: [UInt8]) {
        let blob = message.withUnsafeBytes { MessageCache.build(from: $0) }
        blob.withUnsafeBytes { bytes in
            let view = MessageCache.View(bytes)
            #expect(view != nil)
            if let octets = view?.envelope { #expect(isWellFormed(text(octets))) }
            if let octets = view?.bodyStructure { #expect(isWellFormed(text(octets))) }
        }
        // Bounded whatever the message: three wire forms, fields, preview, references.
        #expect(blob.count < 256 * 1024)
        message.withUnsafeBytes { bytes in
            let parts = PartTable(bytes)
            #expect(parts.parts.count <= 10_001)
            #expect(parts.root.bodyEnd == message.count)
            for part in parts.parts {
                #expect(part.headerStart <= part.bodyStart && part.bodyStart <= part.bodyEnd)
                #expect(part.bodyEnd <= message.count && part.depth <= 101)
            }
        }
    }

    static func repeated(_ head: String, _ piece: String, _ count: Int, _ tail: String = "") -> [UInt8] {
        var out = Array(head.utf8)
        let piece = Array(piece.utf8)
        out.reserveCapacity(out.count + piece.count * count)
        for _ in 0..<count { out.append(contentsOf: piece) }
        return out + Array(tail.utf8)
    }

    @Test(arguments: ["From: ", "Subject: ", "Content-Type: ", "Date: ", "Content-Type: a/b; c=", "To: a@b "])
    func nestedComments(_ name: String) {
        Self.useAll(Self.repeated(name, "(", 100_000, "\r\n\r\n"))
        Self.useAll(Self.repeated(name, "(", 100_000, String(repeating: ")", count: 100_000) + "x\r\n\r\n"))
    }

    @Test func manyParts() {
        Self.useAll(Self.repeated("Content-Type: multipart/x; boundary=b\r\n\r\n", "--b\r\n\r\nx\r\n", 100_000))
        Self.useAll(Self.repeated("Content-Type: multipart/digest; boundary=b\r\n\r\n", "--b\r\n", 100_000))
    }

    @Test func deepMultiparts() {
        var message: [UInt8] = []
        for level in 0..<30_000 {
            message.append(
                contentsOf: Array("Content-Type: multipart/x; boundary=\"\(level).\"\r\n\r\n--\(level).\r\n".utf8))
        }
        Self.useAll(message)
        Self.useAll(Self.repeated("", "Content-Type: multipart/x; boundary=b\r\n\r\n--b\r\n", 100_000))
        Self.useAll(Self.repeated("", "Content-Type: message/rfc822\r\n\r\n", 100_000))
    }

    @Test(arguments: ["; a=b", "; a*0=b", ";", "; boundary=x", "\r\n ", "\""])
    func endlessParameters(_ piece: String) {
        Self.useAll(Self.repeated("Content-Type: multipart/x", piece, 60_000, "\r\n\r\n--x\r\n"))
        Self.useAll(Self.repeated("Content-Disposition: x", piece, 60_000, "\r\n\r\n"))
    }

    @Test func hugeFields() {
        Self.useAll(Self.repeated("References: ", "<abc@def> ", 1_000_000, "\r\n\r\n"))
        Self.useAll(Self.repeated("To: ", "a@b,", 100_000, "\r\n\r\n"))
        Self.useAll(Self.repeated("Subject: ", "ä ", 100_000, "\r\n\r\n"))
        Self.useAll(Self.repeated("", "Received: x\r\n", 50_000, "\r\n"))
    }

    /// Each piece once made the reader look at all that follows it, or at all that came before.
    @Test func fieldsReadOnce() {
        for name in ["References: ", "In-Reply-To: ", "Message-ID: "] {
            Self.useAll(Self.repeated(name, "<", 1_000_000, "\r\n\r\n"))
            Self.useAll(Self.repeated(name, "<", 1_000_000, ">\r\n\r\n"))
        }
        let disposition = "Content-Disposition: a; b=" + String(repeating: "c", count: 60_000) + "\r\n"
        Self.useAll(Self.repeated(disposition, "Content-Disposition: a\r\n", 100_000, "\r\n"))
        Self.useAll(Self.repeated("Subject: ", "[]", 100_000, "\r\n\r\n"))
        Self.useAll(Self.repeated("Subject: ", "[a] ", 100_000, "x\r\n\r\n"))
    }

    /// Thousands of names asked for, of a header with as many fields.
    @Test func headerFieldsByManyNames() throws {
        let message = Self.repeated("A: 1\r\n", "X-Unknown: 2\r\n", 100_000, "B: 3\r\n\r\n")
        var names: [[UInt8]] = (0..<20_000).map { Array("Name-\($0)".utf8) }
        names += [Array("b".utf8), Array("A".utf8), []]
        message.withUnsafeBytes { bytes in
            let table = PartTable(bytes)
            #expect(
                Section(kind: .headerFields(names)).content(of: bytes, table)
                    == .octets(Array("A: 1\r\nB: 3\r\n\r\n".utf8)))
            let others = Section(kind: .headerFieldsNot(names)).content(of: bytes, table)
            #expect(others?.count == 100_000 * 14 + 2)
        }
    }

    @Test func noLineEndsNoColonsAndNULs() {
        Self.useAll([UInt8](repeating: 0, count: 200_000))
        Self.useAll([UInt8](repeating: 0x2D, count: 200_000))
        Self.useAll([UInt8](repeating: 0x0D, count: 200_000))
        Self.useAll([UInt8](repeating: 0x0A, count: 200_000))
        Self.useAll([UInt8](repeating: 0xFF, count: 200_000))
        Self.useAll(Self.repeated("A: b", "\n ", 100_000))
        Self.useAll(Self.repeated("Content-Type: multipart/x; boundary=-\r\n\r\n", "--", 100_000))
        Self.useAll(Self.repeated("Content-Type: multipart/x; boundary=-\r\n\r\n", "--\n", 100_000))
    }

    /// Random mixtures of the pieces that mean something, the same in every run.
    @Test func mixtures() {
        let pieces = [
            "Content-Type: multipart/mixed; boundary=b\r\n", "Content-Type: message/rfc822\r\n", "\r\n", "--b\r\n",
            "--b--\r\n", "--bb\r\n", "Content-Type: multipart/digest; boundary=bb\r\n", "\n", "x", "\r", " ", "\0", "ä",
            "From: \"", "a@b,(", "; name*0*=utf-8''%C3", "=?utf-8?B?w6Q", "?=", "Date: 1 Jan",
            "Content-Transfer-Encoding: base64\r\n",
        ].map { Array($0.utf8) }
        var state: UInt64 = 42
        for _ in 0..<600 {
            var message: [UInt8] = []
            for _ in 0..<24 {
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                message.append(contentsOf: pieces[Int(state >> 33) % pieces.count])
            }
            CacheTests.check(message, text(message))
            message.withUnsafeBytes { bytes in
                let search = MessageText(bytes, PartTable(bytes))
                _ = search.textContains(SearchNeedle("zzz".utf8))
            }
        }
    }

    /// A name is one with all its octets, those included that count for nothing in a number.
    @Test(arguments: [
        ("a&lt;b", "a<b"), ("a&\0lt;b", "a b"), ("a&\0\0\0\0lt;b", "a b"), ("a&;b", "a b"), ("<\0b>x", " x"),
    ])
    func entitiesAndTagsHaveWholeNames(_ html: String, _ shown: String) {
        var out: [UInt8] = []
        Array(html.utf8).withUnsafeBytes { HTMLText.append(Octets($0), to: &out) }
        #expect(String(decoding: out, as: UTF8.self) == shown)
    }
}
