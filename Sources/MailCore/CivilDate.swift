/// A date and time of day in the proleptic Gregorian calendar, without a zone.
public struct CivilDate: Hashable, Sendable {
    public var year: Int
    /// 1...12
    public var month: Int
    /// 1...31
    public var day: Int
    public var hour: Int
    public var minute: Int
    /// 0...60; 60 is a leap second.
    public var second: Int

    public init(year: Int, month: Int, day: Int, hour: Int = 0, minute: Int = 0, second: Int = 0) {
        self.year = year
        self.month = month
        self.day = day
        self.hour = hour
        self.minute = minute
        self.second = second
    }

    /// The date of `seconds` since 1970-01-01T00:00:00Z. `seconds` is clamped to the years -9999...9999.
    public init(secondsSince1970 seconds: Int64) {
        let limit: Int64 = 253_402_300_799
        let clamped = max(-limit, min(limit, seconds))
        var days = clamped / 86400
        var rest = clamped % 86400
        if rest < 0 {
            rest += 86400
            days -= 1
        }
        // Days to civil date with years that begin in March, so that leap days come last.
        let z = days + 719_468
        let era = (z >= 0 ? z : z - 146_096) / 146_097
        let dayOfEra = z - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        self.day = Int(dayOfYear - (153 * shiftedMonth + 2) / 5 + 1)
        self.month = Int(shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9)
        self.year = Int(yearOfEra + era * 400) + (self.month <= 2 ? 1 : 0)
        self.hour = Int(rest / 3600)
        self.minute = Int(rest % 3600 / 60)
        self.second = Int(rest % 60)
    }

    /// Whether every field is in its range and the day exists in its month.
    public var isValid: Bool {
        guard (1...12).contains(self.month), (0...9999).contains(self.year) else { return false }
        let leap = self.year % 4 == 0 && (self.year % 100 != 0 || self.year % 400 == 0)
        let lengths = [31, leap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
        return (1...lengths[self.month - 1]).contains(self.day) && (0...23).contains(self.hour)
            && (0...59).contains(self.minute) && (0...60).contains(self.second)
    }

    /// Seconds since 1970-01-01T00:00:00Z, the fields taken as UTC. Needs `isValid`.
    public var secondsSince1970: Int64 {
        let shiftedYear = Int64(self.month <= 2 ? self.year - 1 : self.year)
        let era = (shiftedYear >= 0 ? shiftedYear : shiftedYear - 399) / 400
        let yearOfEra = shiftedYear - era * 400
        let shiftedMonth = Int64(self.month > 2 ? self.month - 3 : self.month + 9)
        let dayOfYear = (153 * shiftedMonth + 2) / 5 + Int64(self.day) - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        let days = era * 146_097 + dayOfEra - 719_468
        return days * 86400 + Int64(self.hour * 3600 + self.minute * 60 + self.second)
    }

    /// 0 for Sunday to 6 for Saturday.
    public var weekday: Int {
        let days = CivilDate(year: self.year, month: self.month, day: self.day).secondsSince1970 / 86400
        return Int(((days + 4) % 7 + 7) % 7)
    }

    /// `Jan` to `Dec`, in the order of the calendar.
    public static let monthNames: [StaticString] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    /// `Sun` to `Sat`.
    public static let weekdayNames: [StaticString] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]

    /// 1...12 for an English three-letter month name in any case, or `nil`.
    public static func month(named name: borrowing Span<UInt8>) -> Int? {
        guard name.count == 3 else { return nil }
        for (index, candidate) in monthNames.enumerated() {
            let p = candidate.utf8Start
            if ASCII.lowercased(name[0]) == ASCII.lowercased(p[0]),
                ASCII.lowercased(name[1]) == p[1], ASCII.lowercased(name[2]) == p[2]
            {
                return index + 1
            }
        }
        return nil
    }
}
