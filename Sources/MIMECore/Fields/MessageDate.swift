public import MailCore

/// A point in time with the zone it was written in.
public struct MessageDate: Hashable, Sendable {
    /// Seconds since 1970-01-01T00:00:00Z.
    public var secondsSince1970: Int64
    /// East of Greenwich; -1439...1439.
    public var zoneOffsetMinutes: Int

    public init(secondsSince1970: Int64, zoneOffsetMinutes: Int = 0) {
        self.secondsSince1970 = secondsSince1970
        self.zoneOffsetMinutes = Swift.max(-1439, Swift.min(1439, zoneOffsetMinutes))
    }

    /// The calendar date and time in its own zone, as written: what SENTON, SENTBEFORE and SENTSINCE
    /// compare (RFC 9051 section 6.4.4).
    public var asWritten: CivilDate {
        CivilDate(secondsSince1970: self.secondsSince1970.addingSaturating(Int64(self.zoneOffsetMinutes * 60)))
    }

    /// Days since 1970-01-01 of the date as written.
    public var dayAsWritten: Int64 {
        let date = self.asWritten
        return CivilDate(year: date.year, month: date.month, day: date.day).secondsSince1970 / 86400
    }

    /// Reads a `Date` field's body (RFC 5322 section 3.3 and the obsolete forms of section 4.3), leniently:
    /// weekday, seconds and zone may be missing, years may have two digits, ISO 8601 dates and C's asctime
    /// are understood too.
    ///
    /// An invalid or missing zone counts as UTC and an invalid time as 00:00:00 (RFC 5256 section 2.2).
    /// `nil` when no valid date is there.
    public init?(parsing body: Octets) {
        var parser = MessageDateParser(body[0..<1024])
        guard let date = parser.parse() else { return nil }
        self = date
    }

    /// Appends `Wed, 17 Jul 1996 02:44:25 -0700` (RFC 5322 section 3.3).
    public func appendRFC5322(to out: inout [UInt8]) {
        let date = self.asWritten
        out.append(CivilDate.weekdayNames[date.weekday])
        out.append(", ")
        out.appendDecimal(UInt64(date.day))
        out.append(0x20)
        out.append(CivilDate.monthNames[date.month - 1])
        out.append(0x20)
        self.appendRest(date, to: &out)
    }

    /// Appends IMAP's date-time without quotes: `17-Jul-1996 02:44:25 -0700`, the day in two columns
    /// (RFC 9051 section 9).
    public func appendIMAP(to out: inout [UInt8]) {
        let date = self.asWritten
        if date.day < 10 { out.append(0x20) }
        out.appendDecimal(UInt64(date.day))
        out.append(UInt8(ascii: "-"))
        out.append(CivilDate.monthNames[date.month - 1])
        out.append(UInt8(ascii: "-"))
        self.appendRest(date, to: &out)
    }

    private func appendRest(_ date: CivilDate, to out: inout [UInt8]) {
        func two(_ value: Int) {
            out.append(0x30 + UInt8(truncatingIfNeeded: value / 10 % 10))
            out.append(0x30 + UInt8(truncatingIfNeeded: value % 10))
        }
        let year = Swift.max(0, date.year)
        two(year / 100)
        two(year % 100)
        out.append(0x20)
        two(date.hour)
        out.append(UInt8(ascii: ":"))
        two(date.minute)
        out.append(UInt8(ascii: ":"))
        two(date.second)
        out.append(0x20)
        out.append(self.zoneOffsetMinutes < 0 ? UInt8(ascii: "-") : UInt8(ascii: "+"))
        let zone = abs(self.zoneOffsetMinutes)
        two(zone / 60)
        two(zone % 60)
    }
}

extension Int64 {
    fileprivate func addingSaturating(_ other: Int64) -> Int64 {
        let (sum, overflow) = self.addingReportingOverflow(other)
        return overflow ? (other < 0 ? .min : .max) : sum
    }
}
