import IMAPCore
import MailCore

/// Dates and sizes as administrators write them in searches.
enum SearchArgument {
    /// `1-Nov-2026`, `2026-11-01`, `30days`, `2 weeks` or seconds since 1970; those that are no day have a time, too.
    /// `nil` for what is none of these.
    static func date(_ text: String, now: Int64) -> CivilDate? {
        if let (number, unit) = Self.number(text) {
            if unit.isEmpty { return Int64(exactly: number).map { CivilDate(secondsSince1970: $0) } }
            return Self.seconds(number, unit).map { CivilDate(secondsSince1970: now &- $0) }
        }
        return Self.day(text)
    }

    /// Octets: `100`, `10k`, `5M`. `nil` for what is no size.
    static func size(_ text: String) -> UInt64? {
        guard let (number, unit) = Self.number(text) else { return nil }
        let shift: Int
        switch unit {
        case "", "b": shift = 0
        case "k", "kb": shift = 10
        case "m", "mb": shift = 20
        case "g", "gb": shift = 30
        case "t", "tb": shift = 40
        default: return nil
        }
        let (octets, overflow) = number.multipliedReportingOverflow(by: 1 << UInt64(shift))
        return overflow ? nil : octets
    }

    /// A number and the letters behind it, in lower case.
    private static func number(_ text: String) -> (number: UInt64, unit: String)? {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        let unit = text[digits.endIndex...].drop { $0 == " " }
        guard let number = UInt64(digits), unit.allSatisfy({ $0.isASCII && $0.isLetter }) else { return nil }
        return (number, unit.lowercased())
    }

    /// Where one begins as another does, the first is meant: `m` are minutes.
    private static let units: [(name: String, seconds: UInt64)] = [
        ("secs", 1), ("seconds", 1), ("mins", 60), ("minutes", 60), ("hours", 3600), ("days", 86_400),
        ("weeks", 604_800),
    ]

    /// So many units; a unit may be cut short anywhere.
    private static func seconds(_ number: UInt64, _ unit: String) -> Int64? {
        guard let length = Self.units.first(where: { $0.name.hasPrefix(unit) })?.seconds else { return nil }
        let (seconds, overflow) = number.multipliedReportingOverflow(by: length)
        return overflow ? nil : Int64(exactly: seconds)
    }

    private static func day(_ text: String) -> CivilDate? {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        let isPlain = parts.allSatisfy { part in part.utf8.allSatisfy { ASCII.isDigit($0) || ASCII.isLetter($0) } }
        guard parts.count == 3, isPlain else { return nil }
        if parts[0].count == 4, let year = Int(parts[0]), let month = Int(parts[1]), let day = Int(parts[2]) {
            let date = CivilDate(year: year, month: month, day: day)
            return date.isValid ? date : nil
        }
        guard case .on(let date)? = SearchKey(Array("ON \(text)".utf8)) else { return nil }
        return date
    }
}
