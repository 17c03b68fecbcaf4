import Glibc
import Testing

@testable import AdminCommands

@Suite struct LocalTimeTests {
    /// Read back as this machine's time it is the same; in UTC only where that is its zone.
    @Test(arguments: [0, 1_700_000_000, 1_721_000_000, 4_102_444_800] as [Int64])
    func timesAreThoseOfTheMachine(_ seconds: Int64) throws {
        let numbers = LocalTime.text(seconds).split { "- :".contains($0) }.compactMap { CInt($0) }
        try #require(numbers.count == 6)
        var parts = tm()
        parts.tm_year = numbers[0] - 1900
        parts.tm_mon = numbers[1] - 1
        parts.tm_mday = numbers[2]
        parts.tm_hour = numbers[3]
        parts.tm_min = numbers[4]
        parts.tm_sec = numbers[5]
        parts.tm_isdst = -1
        #expect(mktime(&parts) == time_t(seconds))
    }

    @Test func whatNoCalendarHasIsANumber() {
        #expect(LocalTime.text(.max) == "9223372036854775807")
    }
}
