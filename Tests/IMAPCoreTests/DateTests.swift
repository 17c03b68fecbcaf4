import MIMECore
import MailCore
import Testing

@testable import IMAPCore

/// date-time (RFC 9051 section 9), as APPEND takes it and INTERNALDATE says it.
@Suite struct DateTests {
    static func parse(_ text: String) -> MessageDate? {
        var cursor = Cursor(bytes("\"\(text)\""), limits: CommandLimits())
        guard let date = try? cursor.dateTime(), cursor.isAtEnd else { return nil }
        return date
    }

    static func written(_ date: MessageDate?) -> String? {
        date.map {
            var out: [UInt8] = []
            out.appendQuoted($0)
            return String(decoding: out, as: UTF8.self)
        }
    }

    /// The first is the example of RFC 3501 section 8.
    @Test(arguments: ["17-Jul-1996 02:44:25 -0700", " 1-Jan-2000 00:00:00 +0000", "31-Dec-9998 23:59:59 +2359"])
    func roundTrip(_ date: String) { #expect(Self.written(Self.parse(date)) == "\"\(date)\"") }

    /// A leap second is the next minute's first.
    @Test func leapSecond() {
        #expect(Self.written(Self.parse("01-Feb-2024 23:59:60 +0530")) == "\" 2-Feb-2024 00:00:00 +0530\"")
    }

    @Test func oneDigitDay() {
        for day in ["1", " 1", "01"] {
            #expect(Self.written(Self.parse("\(day)-Jan-2000 00:00:00 +0000")) == "\" 1-Jan-2000 00:00:00 +0000\"")
        }
    }

    @Test(arguments: [
        "", "17-Jul-1996 02:44:25", "17-Jul-1996 02:44:25 0700", "31-Feb-1996 02:44:25 -0700",
        "17-Jul-1996 24:44:25 -0700", "17-Xul-1996 02:44:25 -0700", "17 Jul 1996 02:44:25 -0700",
        "17-Jul-1996 02:44:25 -2400", "a7-Jul-1996 02:44:25 -0700", "17-Jul-1996T02:44:25 -0700",
        "17-Jul-1996 02:44:25 -0700 ",
    ])
    func refused(_ date: String) { #expect(Self.parse(date) == nil) }
}
