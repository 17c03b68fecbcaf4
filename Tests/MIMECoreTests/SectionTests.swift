import MIMECore
import Testing

@Suite struct SectionTests {
    /// The shape of the example in RFC 9051 section 6.4.5.1; every leaf and header names itself.
    static let message = crlf(
        """
        Subject: root
        Content-Type: multipart/mixed; boundary=a

        --a
        Content-Type: text/plain

        text 1
        --a
        Content-Type: application/octet-stream

        text 2
        --a
        Content-Type: message/rfc822

        Subject: three
        To: x@y
        Content-Type: multipart/mixed; boundary=c

        --c

        text 3.1
        --c
        Content-Type: application/octet-stream

        text 3.2
        --c--

        --a
        Content-Type: multipart/mixed; boundary=d

        --d
        Content-Type: image/gif

        text 4.1
        --d
        Content-Type: message/rfc822

        Subject: four
        Content-Type: multipart/mixed; boundary=e

        --e

        text 4.2.1
        --e
        Content-Type: multipart/alternative; boundary=f

        --f

        text 4.2.2.1
        --f
        Content-Type: text/richtext

        text 4.2.2.2
        --f--
        --e--
        --d--
        --a--

        """)

    struct Case: Sendable {
        var path: [Int]
        var kind: Section.Kind = .full
        var expected: String?
    }

    @Test(arguments: [
        Case(path: [1], expected: "text 1"),
        Case(path: [2], expected: "text 2"),
        Case(path: [3, 1], expected: "text 3.1"),
        Case(path: [3, 2], expected: "text 3.2"),
        Case(path: [4, 1], expected: "text 4.1"),
        Case(path: [4, 2, 1], expected: "text 4.2.1"),
        Case(path: [4, 2, 2, 1], expected: "text 4.2.2.1"),
        Case(path: [4, 2, 2, 2], expected: "text 4.2.2.2"),
        Case(path: [], kind: .header, expected: "Subject: root\r\nContent-Type: multipart/mixed; boundary=a\r\n\r\n"),
        Case(path: [4, 1], kind: .mime, expected: "Content-Type: image/gif\r\n\r\n"),
        Case(path: [3, 1], kind: .mime, expected: "\r\n"),
        Case(path: [3], kind: .mime, expected: "Content-Type: message/rfc822\r\n\r\n"),
        Case(
            path: [3], kind: .header,
            expected: "Subject: three\r\nTo: x@y\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n"),
        Case(
            path: [3], kind: .text,
            expected:
                "--c\r\n\r\ntext 3.1\r\n--c\r\nContent-Type: application/octet-stream\r\n\r\ntext 3.2\r\n--c--\r\n"),
        Case(path: [3], kind: .headerFields([Array("TO".utf8)]), expected: "To: x@y\r\n\r\n"),
        Case(
            path: [3], kind: .headerFieldsNot([Array("content-type".utf8)]),
            expected: "Subject: three\r\nTo: x@y\r\n\r\n"),
        Case(path: [], kind: .headerFields([Array("x".utf8)]), expected: "\r\n"),
        Case(path: [5], expected: nil),
        Case(path: [0], expected: nil),
        Case(path: [1, 1], expected: nil),
        Case(path: [3, 3], expected: nil),
        Case(path: [3, 1, 1], expected: nil),
        Case(path: [1], kind: .header, expected: nil),
        Case(path: [1], kind: .text, expected: nil),
        Case(path: [4], kind: .text, expected: nil),
        Case(path: [], kind: .mime, expected: nil),
    ])
    func sections(_ test: Case) {
        #expect(section(Self.message, Section(path: test.path, kind: test.kind)) == test.expected)
    }

    @Test func wholeMessageAndTextMakeTheMessage() {
        #expect(section(Self.message, Section()) == text(Self.message))
        let header = section(Self.message, Section(kind: .header)) ?? ""
        #expect(header + (section(Self.message, Section(kind: .text)) ?? "") == text(Self.message))
    }

    @Test func messageThatIsNoMultipartHasPartOne() {
        let message = crlf("Subject: s\n\nbody\n")
        #expect(section(message, Section(path: [1])) == "body\r\n")
        #expect(section(message, Section(path: [1], kind: .mime)) == "Subject: s\r\n\r\n")
        #expect(section(message, Section(path: [2])) == nil)
        #expect(section(message, Section(path: [1, 1])) == nil)
        let nested = crlf("Content-Type: message/rfc822\n\n") + message
        #expect(section(nested, Section(path: [1])) == text(message))
        #expect(section(nested, Section(path: [1], kind: .header)) == "Subject: s\r\n\r\n")
        #expect(section(nested, Section(path: [1, 1])) == "body\r\n")
        #expect(section(nested, Section(path: [1, 1, 1])) == nil)
    }

    /// RFC 3501 section 7.4.2: no empty line where the message has none.
    /// RFC 2046 section 5.1.1: the line end in front of a boundary is the boundary's.
    @Test func headersThatABoundaryEnds() {
        let message = crlf("Content-Type: multipart/mixed; boundary=b\n\n--b\nA: b\n\n--b\nC: d\n--b--\n")
        #expect(section(message, Section(path: [1], kind: .mime)) == "A: b\r\n")
        #expect(section(message, Section(path: [2], kind: .mime)) == "C: d")
        #expect(section(message, Section(path: [1])) == "")
    }

    /// What BODYSTRUCTURE shows of a multipart without parts can be fetched.
    @Test func partOfAMultipartWithoutParts() {
        let message = crlf("Content-Type: multipart/mixed; boundary=b\n\nnothing\n")
        #expect(section(message, Section(path: [1])) == "")
        #expect(section(message, Section(path: [1], kind: .mime)) == "")
        #expect(section(message, Section(path: [2])) == nil)
    }

    @Test func linesThatAreNoFields() {
        let message = crlf("A: b\nno field\nC: d\n\n")
        #expect(section(message, Section(kind: .headerFieldsNot([Array("a".utf8)]))) == "no field\r\nC: d\r\n\r\n")
        #expect(section(message, Section(kind: .headerFields([Array("a".utf8), []]))) == "A: b\r\n\r\n")
    }

    @Test func emptyLineOnlyWhereThereIsOne() {
        let message = crlf("Subject: s\nTo: t\n")
        #expect(section(message, Section(kind: .headerFields([Array("to".utf8)]))) == "To: t\r\n")
        #expect(section(message, Section(kind: .text)) == "")
    }

    @Test func partials() {
        let whole = Section.Content.range(10..<20)
        #expect(whole.partial(offset: 0, count: 4) == .range(10..<14))
        #expect(whole.partial(offset: 8, count: 4) == .range(18..<20))
        #expect(whole.partial(offset: 10, count: 4) == .range(20..<20))
        #expect(whole.partial(offset: .max, count: .max) == .range(20..<20))
        #expect(Section.Content.octets([1, 2, 3]).partial(offset: 1, count: 1) == .octets([2]))
    }
}
