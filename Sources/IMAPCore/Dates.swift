import MIMECore
import MailCore

extension [UInt8] {
    /// Appends date-time (RFC 9051 section 9) with its quotation marks: `"17-Jul-1996 02:44:25 -0700"`.
    mutating func appendQuoted(_ date: MessageDate) {
        self.append(UInt8(ascii: "\""))
        date.appendIMAP(to: &self)
        self.append(UInt8(ascii: "\""))
    }
}

extension Cursor {
    /// date-time: `"17-Jul-1996 02:44:25 -0700"`; the day may have a space, a zero or nothing before it.
    mutating func dateTime() throws(SyntaxError) -> MessageDate {
        let start = self.position
        let wrong = SyntaxError(offset: start, expected: "a date such as \"17-Jul-1996 02:44:25 -0700\"")
        guard self.take(UInt8(ascii: "\"")) else { throw wrong }
        _ = self.take(0x20)
        guard let day = self.digits(1...2), self.take(UInt8(ascii: "-")), let month = self.month(),
            self.take(UInt8(ascii: "-")), let year = self.digits(4...4), self.take(0x20),
            let hour = self.digits(2...2), self.take(UInt8(ascii: ":")),
            let minute = self.digits(2...2), self.take(UInt8(ascii: ":")),
            let second = self.digits(2...2), self.take(0x20)
        else { throw wrong }
        let isWest = self.peek() == UInt8(ascii: "-")
        guard self.take(UInt8(ascii: "-")) || self.take(UInt8(ascii: "+")),
            let zone = self.digits(4...4), self.take(UInt8(ascii: "\""))
        else { throw wrong }
        let date = CivilDate(
            year: year, month: month, day: day, hour: hour, minute: minute, second: second)
        guard date.isValid, zone / 100 < 24, zone % 100 < 60 else {
            throw SyntaxError(code: .invalidDate, offset: start, expected: "There is no such date and time")
        }
        let minutes = (zone / 100 * 60 + zone % 100) * (isWest ? -1 : 1)
        return MessageDate(
            secondsSince1970: date.secondsSince1970 - Int64(minutes) * 60, zoneOffsetMinutes: minutes)
    }

    /// date of SEARCH: `1-Feb-1994`, quoted or not.
    mutating func date() throws(SyntaxError) -> CivilDate {
        let wrong = SyntaxError(offset: self.position, expected: "a date such as 1-Feb-1994")
        let isQuoted = self.take(UInt8(ascii: "\""))
        guard let day = self.digits(1...2), self.take(UInt8(ascii: "-")), let month = self.month(),
            self.take(UInt8(ascii: "-")), let year = self.digits(4...4)
        else { throw wrong }
        if isQuoted, !self.take(UInt8(ascii: "\"")) { throw wrong }
        let date = CivilDate(year: year, month: month, day: day)
        guard date.isValid else { throw wrong }
        return date
    }

    private mutating func digits(_ count: ClosedRange<Int>) -> Int? {
        var value = 0
        var taken = 0
        while taken < count.upperBound, let byte = self.peek(), ASCII.isDigit(byte) {
            value = value * 10 + Int(byte - 0x30)
            taken += 1
            self.position += 1
        }
        return taken >= count.lowerBound ? value : nil
    }

    private mutating func month() -> Int? {
        guard self.bytes.count - self.position >= 3 else { return nil }
        let name = Array(self.bytes[self.position..<self.position + 3])
        guard let month = CivilDate.month(named: name.span) else { return nil }
        self.position += 3
        return month
    }
}
