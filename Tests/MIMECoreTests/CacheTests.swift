import MIMECore
import MailCore
import Testing

@Suite struct CacheTests {
    static func decode(_ encoded: [UInt8], _ size: Int) -> PartTable? {
        encoded.withUnsafeBytes { bytes in
            var reader = ByteReader(bytes)
            return PartTable(from: &reader, messageSize: size)
        }
    }

    static let fieldSets: [[String]] = [
        [
            "From", "TO", "cc", "Bcc", "Subject", "Date", "Message-ID", "Priority", "X-Priority", "References",
            "Newsgroups", "In-Reply-To", "Content-Type", "Reply-To", "Received",
        ],
        [
            "DATE", "FROM", "SENDER", "SUBJECT", "TO", "CC", "MESSAGE-ID", "REFERENCES", "CONTENT-TYPE",
            "CONTENT-DESCRIPTION", "IN-REPLY-TO", "REPLY-TO", "LINES", "LIST-POST", "LIST-SUBSCRIBE",
            "LIST-UNSUBSCRIBE", "X-LABEL", "X-ORIGINAL-TO",
        ],
        ["subject"], ["received", "received"], [],
    ]

    /// Every answer of the cache is that of the message itself.
    static func check(_ message: [UInt8], _ name: String) {
        let blob = message.withUnsafeBytes { MessageCache.build(from: $0) }
        blob.withUnsafeBytes { bytes in
            guard let view = MessageCache.View(bytes) else {
                Issue.record("\(name): no view")
                return
            }
            #expect(view.size == message.count, "\(name)")
            let expectedTable = table(message)
            #expect(view.parts == nil || view.parts == expectedTable, "\(name)")
            #expect(view.headerSize == expectedTable.root.header.count, "\(name)")
            if let octets = view.envelope { #expect(text(octets) == envelope(message), "\(name)") }
            if let octets = view.bodyStructure { #expect(text(octets) == bodyStructure(message), "\(name)") }
            if let octets = view.body { #expect(text(octets) == body(message), "\(name)") }
            #expect(isWellFormed(envelope(message)), "\(name)")
            #expect(isWellFormed(bodyStructure(message)), "\(name)")
            for names in Self.fieldSets {
                let names = names.map { Array($0.utf8) }
                var out: [UInt8] = [7]
                if view.appendHeaderFields(CachedFields(names), to: &out) {
                    #expect(text(out.dropFirst()) == section(message, Section(kind: .headerFields(names))), "\(name)")
                } else {
                    #expect(out == [7], "\(name)")
                }
            }
            #expect(UTF8Text.isValid(Array(view.preview)), "\(name)")
            #expect(String(decoding: view.preview, as: UTF8.self).unicodeScalars.count <= 200, "\(name)")
        }
    }

    static let sample = crlf(
        """
        Received: from a
        \tby b
        From: a@b
        X-Other: x
        SUBJECT: Re: [list] hello
        References: <1@x> <2@x>
        In-Reply-To: <3@x>
        Message-ID: <4@x>
        Date: Fri, 31 Dec 1999 23:30:00 -0100
        received: again

        > quoted
        Hello,   world.

        """)

    @Test func sampleMessage() {
        Self.check(Self.sample, "sample")
        let blob = Self.sample.withUnsafeBytes { MessageCache.build(from: $0) }
        blob.withUnsafeBytes { bytes in
            let view = MessageCache.View(bytes)
            #expect(view?.sentDate?.secondsSince1970 == 946_686_600)
            #expect(view?.sentDate?.asWritten.day == 31)
            #expect(view.map { text($0.preview) } == "Hello, world.")
            #expect(view?.messageID.map { text($0) } == "4@x")
            #expect(view?.references().map { text($0) } == ["1@x", "2@x"])
            #expect(view?.baseSubject().map { text($0.subject) } == "hello")
            #expect(view?.baseSubject()?.isReply == true)
            #expect(view?.fieldBodies(Array("Received".utf8))?.count == 2)
            #expect(view?.fieldBodies(Array("cc".utf8))?.isEmpty == true)
            #expect(view?.fieldBodies(Array("x-other".utf8)) == nil)
            var out: [UInt8] = []
            #expect(view?.appendHeaderFields(CachedFields([Array("X-Other".utf8)]), to: &out) == false)
        }
    }

    @Test func damageShowsAsNil() {
        let blob = Self.sample.withUnsafeBytes { MessageCache.build(from: $0) }
        func use(_ bytes: [UInt8]) {
            bytes.withUnsafeBytes { bytes in
                guard let view = MessageCache.View(bytes) else { return }
                _ = view.body
                _ = view.parts
                _ = view.references()
                _ = view.baseSubject()
                _ = view.sentDate?.asWritten
                var out: [UInt8] = []
                _ = view.appendHeaderFields(CachedFields([Array("subject".utf8)]), to: &out)
                if let parts = view.parts {
                    _ = Self.sample.withUnsafeBytes { Section(path: [1]).content(of: $0, parts) }
                    var out: [UInt8] = []
                    Self.sample.withUnsafeBytes { BodyStructure.append(Octets($0), parts, to: &out) }
                }
            }
        }
        for length in 0..<blob.count {
            use(Array(blob[..<length]))
            for value: UInt8 in [0, 1, 0x7F, 0x80, 0xFF] {
                var damaged = blob
                damaged[length] = value
                use(damaged)
            }
        }
        #expect([UInt8]().withUnsafeBytes { MessageCache.View($0) == nil })
    }

    @Test func hugeFieldsAreNotCached() {
        var message = Array("Subject: s\r\nReferences:".utf8)
        for i in 0..<400_000 { message.append(contentsOf: Array(" <\(i)@some.host.example>".utf8)) }
        message.append(contentsOf: Array("\r\nTo: a@b\r\n\r\nx".utf8))
        let blob = message.withUnsafeBytes { MessageCache.build(from: $0) }
        #expect(blob.count < 4096)
        blob.withUnsafeBytes { bytes in
            let view = MessageCache.View(bytes)
            var out: [UInt8] = []
            #expect(view?.appendHeaderFields(CachedFields([Array("references".utf8)]), to: &out) == false)
            #expect(view?.appendHeaderFields(CachedFields([Array("to".utf8)]), to: &out) == true)
            let ids = view?.references().map { text($0) } ?? []
            #expect(ids.count == 64)
            #expect(ids.first == "0@some.host.example")
            #expect(ids.last == "399999@some.host.example")
        }
    }

    @Test func namesFitTheMask() {
        let set = CachedFields([Array("from".utf8), Array("x-forwarded-message-id".utf8)])
        #expect(set.isComplete)
        #expect(!CachedFields([Array("from".utf8), Array("x-no".utf8)]).isComplete)
    }
}
