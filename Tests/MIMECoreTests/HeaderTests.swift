import MIMECore
import Testing

@Suite struct HeaderTests {
    struct Case: Sendable {
        var header: String
        /// `name|body` of each field.
        var fields: [String]
        var bodyStart: Int
    }

    @Test(arguments: [
        Case(header: "A: b\r\nC : d\r\n e\r\n\r\nbody", fields: ["A| b", "C| d\r\n e"], bodyStart: 19),
        Case(header: "A: b\nC: d\n\nbody", fields: ["A| b", "C| d"], bodyStart: 11),
        Case(header: "", fields: [], bodyStart: 0),
        Case(header: "\r\nbody", fields: [], bodyStart: 2),
        Case(header: "no colon\r\nA:\r\n\r\n", fields: ["|no colon", "A|"], bodyStart: 16),
        Case(header: "A: b", fields: ["A| b"], bodyStart: 4),
        Case(header: ": empty\r\nA: b\rc\r\n", fields: ["| empty", "A| b\rc"], bodyStart: 17),
        Case(header: "A: b\r\n \r\n\tc\r\n\r\n", fields: ["A| b\r\n \r\n\tc"], bodyStart: 15),
        Case(header: " leading\r\nA: b\r\n\r\n", fields: ["| leading", "A| b"], bodyStart: 18),
        Case(header: "A: b\r\n\r", fields: ["A| b", "|\r"], bodyStart: 7),
    ])
    func fieldsAreFound(_ test: Case) {
        withOctets(test.header) { octets in
            var scanner = HeaderScanner(octets)
            var found: [String] = []
            var covered = 0
            while let field = scanner.next() {
                #expect(field.range.lowerBound == covered)
                covered = field.range.upperBound
                found.append("\(text(octets[field.name].buffer))|\(text(octets[field.body].buffer))")
            }
            #expect(found == test.fields)
            #expect(scanner.bodyStart == test.bodyStart)
            #expect(covered <= scanner.bodyStart)
        }
    }

    @Test func cutAnywhereNothingTraps() {
        let header = Array("From : a\r\n b\r\nx\r\n:\r\n\tq\r\nSubject: \0 x\r\n\r\nBody".utf8)
        for length in 0...header.count {
            header[..<length].withUnsafeBytes { bytes in
                var end = 0
                for field in HeaderScanner(Octets(bytes)) { end = field.range.upperBound }
                #expect(end <= length)
            }
        }
    }

    @Test(arguments: [
        (" a\r\n\tb  c \r\n ", "a\tb  c", "a b c"), ("", "", ""), (" \r\n ", "", ""), ("a\0b", "ab", "ab"),
    ])
    func bodiesUnfold(_ body: String, _ unfolded: String, _ collapsed: String) {
        withOctets(body) { octets in
            #expect(text(HeaderBody.unfolded(octets)) == unfolded)
            var out: [UInt8] = []
            HeaderBody.appendCollapsed(octets, to: &out)
            #expect(text(out) == collapsed)
        }
    }

    @Test func linesAreCounted() {
        for count in 0..<40 {
            let octets = [UInt8](repeating: 0x0A, count: count) + Array("x\r\ny\u{1}\n\u{B}\t".utf8)
            octets.withUnsafeBytes { #expect(Octets($0).lineCount == count + 2) }
        }
    }

    @Test func octetsAreFoundAtEveryOffset() {
        for position in 0..<40 {
            var octets = [UInt8](repeating: 0x41, count: 40)
            octets[position] = 0x0A
            octets.withUnsafeBytes { bytes in
                for start in 0...40 {
                    #expect(Octets(bytes).index(of: 0x0A, from: start) == (start <= position ? position : nil))
                }
            }
        }
    }
}
