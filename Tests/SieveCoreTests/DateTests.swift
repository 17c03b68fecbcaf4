import MIMECore
import Testing

@testable import SieveCore

/// What `date` makes of dates, beyond what `dates.svtest` and `date-forms.svtest` hold.
@Suite struct DateTests {
    /// Whether the test is true of a message with that Date, in a zone that is +0200 from July on.
    private func holds(_ test: String, _ date: String) throws -> Bool {
        let compilation = SieveCompiler().compile(
            Array("require \"date\"; if \(test) { discard; }".utf8), name: "test")
        let script = try #require(compilation.script, "\(compilation.diagnostics)")
        var environment = SieveEnvironment(sender: nil, recipient: nil)
        // Sat, 21 Nov 2026 12:00:00 +0100
        environment.now = MessageDate(secondsSince1970: 1_795_258_800, zoneOffsetMinutes: 60)
        // Wed, 1 Jul 2026 00:00:00 +0000
        environment.zone = { (1_782_864_000..<1_795_000_000).contains($0) ? 120 : 60 }
        let message = crlf("Date: \(date)\n\nx\n")
        let result = message.withUnsafeBytes {
            script.run(SieveMessage(Octets($0)), environment, limits: SieveLimits())
        }
        return !result.keepsImplicitly
    }

    /// The zone of the day that is asked for, and not that of today.
    @Test func summerTime() throws {
        let july = "Mon, 6 Jul 2026 21:30:00 +0000"
        #expect(try self.holds(#"date "date" "time" "23:30:00""#, july))
        #expect(try self.holds(#"date "date" "zone" "+0200""#, july))
        #expect(try self.holds(#"date "date" "iso8601" "2026-07-06T23:30:00+02:00""#, july))
        #expect(try self.holds(#"date "date" "hour" "22""#, "Fri, 6 Feb 2026 21:30:00 +0000"))
        #expect(try self.holds(#"currentdate "zone" "+0100""#, july))
    }
}
