import IMAPCore
import MIMECore
import MailCore
import MailStore
import Testing

@testable import MailSearch

@Suite struct SortColumnsTests {
    private func order(_ headers: [String], _ criteria: [SortCommand.Criterion], count: Int? = nil) -> [Int32] {
        var columns = SortColumns(criteria, count: count ?? headers.count)
        for (position, header) in headers.enumerated() {
            let record = MessageRecord(
                uid: UID(nonZero: UInt32(position) + 1), flags: [], keywords: .empty, modSeq: .zero,
                internalDate: 0, size: 1)
            let fields = Array(header.utf8).withUnsafeBytes {
                SortFields(.octets(Octets($0)), criteria.map(\.key), columns.maximumText)
            }
            columns.append(record, fields)
        }
        return columns.order()
    }

    @Test func textsCompareBehindTheirFirstOctets() {
        let subjects = ["abcdefghij", "abcdefgh", "abcdefghi", "abcdefg", "", "abcdefghia", "\u{E9}", "z"]
        let headers = subjects.map { "Subject: \($0)\r\n\r\n" }
        #expect(self.order(headers, [.init(.subject)]) == [4, 3, 1, 2, 5, 0, 6, 7])
        #expect(self.order(headers, [.init(.subject, .descending)]) == [7, 6, 0, 5, 2, 1, 3, 4])
    }

    @Test func agreesWithAPlainSort() {
        var seed: UInt64 = 3
        func random(_ bound: UInt32) -> UInt32 {
            seed = seed &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return UInt32(truncatingIfNeeded: seed >> 33) % bound
        }
        var subjects: [String] = []
        var days: [UInt32] = []
        for _ in 0..<500 {
            subjects.append(String(repeating: "A", count: Int(random(12))) + String(random(4)))
            days.append(random(5) + 1)
        }
        let headers = zip(subjects, days).map {
            "Subject: \($0)\r\nDate: \($1) Jan 2020 00:00:00 +0000\r\n\r\n"
        }
        let expected = subjects.indices.sorted { a, b in
            if subjects[a] != subjects[b] { return subjects[a] > subjects[b] }
            return (days[a], a) < (days[b], b)
        }
        #expect(
            self.order(headers, [.init(.subject, .descending), .init(.date)]) == expected.map(Int32.init))
    }

    /// Many messages with long subjects share a budget.
    @Test func longTextsAreCut() {
        let columns = SortColumns([.init(.subject), .init(.displayTo)], count: 10_000_000)
        #expect(columns.maximumText == 64)
        #expect(SortColumns([.init(.date)], count: 0).maximumText == 512)
        let long = String(repeating: "a", count: 4000)
        #expect(
            self.order(["Subject: \(long)b\r\n\r\n", "Subject: \(long)a\r\n\r\n"], [.init(.subject)]) == [
                0, 1,
            ])
    }
}
