import MIMECore
import MailCore
import Testing

@Suite struct DateTests {
    static func parse(_ text: String) -> MessageDate? { withOctets(text) { MessageDate(parsing: $0) } }

    static func imap(_ date: MessageDate?) -> String? {
        date.map {
            var out: [UInt8] = []
            $0.appendIMAP(to: &out)
            return text(out)
        }
    }

    @Test(arguments: [
        // RFC 5322 appendix A.
        ("Fri, 21 Nov 1997 09:55:06 -0600", "21-Nov-1997 09:55:06 -0600"),
        ("Tue, 1 Jul 2003 10:52:37 +0200", " 1-Jul-2003 10:52:37 +0200"),
        ("Thu, 13 Feb 1969 23:32:54 -0330", "13-Feb-1969 23:32:54 -0330"),
        (
            "Thu,\r\n      13\r\n        Feb\r\n          1969\r\n      23:32\r\n               -0330 (Newfoundland Time)",
            "13-Feb-1969 23:32:00 -0330"
        ),
        ("21 Nov 97 09:55:06 GMT", "21-Nov-1997 09:55:06 +0000"),
        ("Fri, 21 Nov 1997 09(comment):   55  :  06 -0600", "21-Nov-1997 09:55:06 -0600"),
        // Obsolete zones and years.
        ("1 Jan 49 00:00 EST", " 1-Jan-2049 00:00:00 -0500"),
        ("1 Jan 50 00:00 PDT", " 1-Jan-1950 00:00:00 -0700"),
        ("1 Jan 103 00:00 Z", " 1-Jan-2003 00:00:00 +0000"),
        ("1 Jan 2003 00:00:00 A", " 1-Jan-2003 00:00:00 +0000"),
        // Real mail.
        ("1 Jan 2003", " 1-Jan-2003 00:00:00 +0000"),
        ("Wed, 17-Jul-1996 02:44:25 -0700", "17-Jul-1996 02:44:25 -0700"),
        ("Wed Jul 17 02:44:25 1996", "17-Jul-1996 02:44:25 +0000"),
        ("Wed Jul 17 02:44:25 PDT 1996", "17-Jul-1996 02:44:25 -0700"),
        ("1996-07-17T02:44:25Z", "17-Jul-1996 02:44:25 +0000"),
        ("1996-07-17 02:44:25.123+02:00", "17-Jul-1996 02:44:25 +0200"),
        ("Wednesday, 17 July 1996 02:44:25 +0000", "17-Jul-1996 02:44:25 +0000"),
        ("17 Jul 1996 25:00:00 +0100", "17-Jul-1996 00:00:00 +0100"),
        ("17 Jul 1996 02:44:25 +9999", "17-Jul-1996 02:44:25 +0000"),
        ("29 Feb 2000 23:59:60 +0000", " 1-Mar-2000 00:00:00 +0000"),
    ])
    func dates(_ field: String, _ expected: String) { #expect(Self.imap(Self.parse(field)) == expected) }

    @Test(arguments: [
        "", "x", "31 Feb 2000 00:00", "0 Jan 2000", "1 Foo 2000", "12:00", "99999999999999999999", "1 Jan 99999",
        "(((((",
    ])
    func noDates(_ field: String) { #expect(Self.parse(field) == nil) }

    /// `12:,` once looped for ever (Fuzz/Failures/mime/date-colon-comma).
    @Test func everyCutOfADateEnds() {
        let field = Array("Fri , 12:,1 Jan (c)2003 : 4:5 \"+0100\"T-".utf8)
        for start in field.indices {
            for end in start...field.count {
                field[start..<end].withUnsafeBytes { _ = MessageDate(parsing: Octets($0)) }
            }
        }
        #expect(Self.parse("12:,") == nil)
    }

    @Test func secondsAndDay() {
        let date = Self.parse("Fri, 31 Dec 1999 23:30:00 -0100")
        #expect(date?.secondsSince1970 == 946_686_600)
        #expect(date?.asWritten.day == 31)
        #expect(date?.dayAsWritten == 10_956)
    }

    @Test func rfc5322Form() {
        var out: [UInt8] = []
        MessageDate(secondsSince1970: 837_596_665, zoneOffsetMinutes: -420).appendRFC5322(to: &out)
        #expect(text(out) == "Wed, 17 Jul 1996 02:44:25 -0700")
        for extreme in [Int64.min, .max, 0] {
            out.removeAll()
            MessageDate(secondsSince1970: extreme, zoneOffsetMinutes: .max).appendRFC5322(to: &out)
        }
    }
}
