import MIMECore
import Testing

@Suite struct HeaderKeysTests {
    private func keys(_ header: String) -> [UInt8] {
        let cache = Array("\(header)\r\ntext".utf8).withUnsafeBytes { MessageCache.build(from: $0) }
        return cache.withUnsafeBytes { blob in
            MessageCache.View(blob).map { HeaderKeys.build(from: $0, converter: .builtIn) } ?? []
        }
    }

    private func base(_ header: String) -> String? {
        self.keys(header).withUnsafeBytes { octets in
            HeaderKeys.View(octets)?.baseSubject.map { String(decoding: $0, as: UTF8.self) }
        }
    }

    @Test func subjectsAreThere() {
        #expect(self.base("Subject: Re: [x] Lunch (fwd)\r\n") == "LUNCH")
        #expect(self.base("Subject: =?utf-8?Q?Re:_gr=C3=BC=C3=9Fe?=\r\n") == "GRU\u{308}\u{DF}E")
        #expect(self.base("From: a@b\r\n") == "")
        #expect(self.base("Subject: Re:\r\n") == "")
        // Too long to be kept, and in a charset that nobody knows.
        #expect(self.base("Subject: \(String(repeating: "a", count: 97))\r\n") == nil)
        #expect(self.base("Subject: \(String(repeating: "a", count: 96))\r\n") != nil)
        #expect(self.base("Subject: =?x-nobody?Q?a?=\r\n") == nil)
    }

    @Test func datesKeepTheirZone() {
        self.keys("Date: Sat, 21 Nov 2026 23:30:00 -0500\r\n").withUnsafeBytes { octets in
            let date = HeaderKeys.View(octets)?.sentDate
            #expect(date?.zoneOffsetMinutes == -300)
            #expect(date?.secondsSince1970 == 1_795_321_800)
        }
        self.keys("Date: once\r\n").withUnsafeBytes { #expect(HeaderKeys.View($0)?.sentDate == nil) }
    }

    @Test func identifiersAreTheSameWhereverTheyStand() {
        let a = self.keys("Message-ID: <1@x>\r\n")
        let b = self.keys("Message-ID: <2@x>\r\nReferences: <\"1\"@x> <0@x>\r\n")
        a.withUnsafeBytes { a in
            b.withUnsafeBytes { b in
                let (a, b) = (HeaderKeys.View(a), HeaderKeys.View(b))
                #expect(b?.referenceCount == 2)
                #expect(a?.messageID != nil && a?.messageID == b?.reference(0))
                #expect(b?.messageID != b?.reference(1))
            }
        }
        let many = self.keys("References: \((0..<17).map { "<\($0)@x>" }.joined(separator: " "))\r\n")
        many.withUnsafeBytes { #expect(HeaderKeys.View($0)?.referenceCount == nil) }
    }

    /// Nothing but keys is taken for keys.
    @Test func damageIsSeen() {
        let keys = self.keys(
            "Subject: a\r\nFrom: b@c\r\nMessage-ID: <1@x>\r\nReferences: <2@x>\r\nDate: 1 Jan 2024 00:00:00 +0000\r\n")
        keys.withUnsafeBytes { #expect(HeaderKeys.View($0) != nil) }
        for count in 0..<keys.count {
            Array(keys[..<count]).withUnsafeBytes { #expect(HeaderKeys.View($0) == nil) }
        }
        for index in 0..<8 {
            for value in 0...255 {
                var damaged = keys
                damaged[index] = UInt8(value)
                damaged.withUnsafeBytes { octets in
                    guard let view = HeaderKeys.View(octets) else { return }
                    _ = (view.baseSubject?.count, view.threadSubject, view.messageID, view.sentDate)
                    for reference in 0..<(view.referenceCount ?? 0) { _ = view.reference(reference) }
                    _ = (view.subjectContains(SearchNeedle("a".utf8)), view.senderContains(SearchNeedle("a".utf8)))
                }
            }
        }
    }

    /// The keys are kept on disks: their hash must never change.
    @Test func hashStays() {
        let octets = self.keys("Message-ID: <1@x>\r\n").suffix(12)
        #expect(octets.elementsEqual(self.keys("Message-ID: <1@x>\r\nSubject: other\r\n").suffix(12)))
        var seen = Set<TextKey>()
        for length in 0..<300 { seen.insert(TextKey([UInt8](repeating: 0, count: length))) }
        for number in 0..<20_000 { seen.insert(TextKey(Array("load.\(number)@x".utf8))) }
        #expect(seen.count == 20_300)
    }
}
