import MailCore

/// A message's INTERNALDATE: a moment and the zone it was written in.
public struct InternalDate: Hashable, Sendable {
    public var secondsSince1970: Int64
    /// Minutes east of Greenwich, -1439...1439.
    public var zoneMinutes: Int

    public init(secondsSince1970: Int64, zoneMinutes: Int = 0) {
        self.secondsSince1970 = secondsSince1970
        self.zoneMinutes = max(-1439, min(1439, zoneMinutes))
    }

    /// Appends date-time (RFC 9051 section 9) with its quotation marks: `"17-Jul-1996 02:44:25 -0700"`.
    public func encode(into out: inout [UInt8]) {
        let (local, overflow) = self.secondsSince1970.addingReportingOverflow(Int64(self.zoneMinutes) * 60)
        let date = CivilDate(secondsSince1970: overflow ? self.secondsSince1970 : local)
        func two(_ value: Int) {
            out.append(0x30 + UInt8(truncatingIfNeeded: value / 10 % 10))
            out.append(0x30 + UInt8(truncatingIfNeeded: value % 10))
        }
        out.append(UInt8(ascii: "\""))
        if date.day < 10 {
            out.append(0x20)
            out.append(0x30 + UInt8(date.day))
        } else {
            two(date.day)
        }
        out.append(UInt8(ascii: "-"))
        out.append(CivilDate.monthNames[date.month - 1])
        out.append(UInt8(ascii: "-"))
        let year = max(0, min(9999, date.year))
        two(year / 100)
        two(year % 100)
        out.append(0x20)
        two(date.hour)
        out.append(UInt8(ascii: ":"))
        two(date.minute)
        out.append(UInt8(ascii: ":"))
        two(date.second)
        out.append(0x20)
        out.append(self.zoneMinutes < 0 ? UInt8(ascii: "-") : UInt8(ascii: "+"))
        two(abs(self.zoneMinutes) / 60)
        two(abs(self.zoneMinutes) % 60)
        out.append(UInt8(ascii: "\""))
    }
}

extension Cursor {
    /// date-time: `"17-Jul-1996 02:44:25 -0700"`; the day may have a space, a zero or nothing before it.
    mutating func dateTime() throws(SyntaxError) -> InternalDate {
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
            let zone = self.digits(4...4), zone / 100 < 24, zone % 100 < 60,
            self.take(UInt8(ascii: "\""))
        else { throw wrong }
        let date = CivilDate(
            year: year, month: month, day: day, hour: hour, minute: minute, second: second)
        guard date.isValid else { throw wrong }
        let minutes = (zone / 100 * 60 + zone % 100) * (isWest ? -1 : 1)
        return InternalDate(
            secondsSince1970: date.secondsSince1970 - Int64(minutes) * 60, zoneMinutes: minutes)
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
