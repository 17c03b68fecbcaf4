import IMAPCore
import MIMECore
import MailCore
import MailStore
import Testing

@testable import MailSearch

/// Threads of mailboxes that somebody made to be hard.
@Suite struct ThreadGatheringTests {
    private func threads(
        _ headers: [String], _ algorithm: ThreadCommand.Algorithm = .references
    ) -> (threads: MessageThreads, text: String) {
        var gathering = ThreadGathering(count: headers.count)
        for (position, header) in headers.enumerated() {
            let record = MessageRecord(
                uid: UID(nonZero: UInt32(position) + 1), flags: [], keywords: .empty, modSeq: .zero,
                internalDate: Int64(position), size: 1)
            let fields = Array(header.utf8).withUnsafeBytes { ThreadFields(.octets(Octets($0)), algorithm) }
            gathering.append(record, fields)
        }
        let threads = gathering.threads(algorithm)
        var out: [UInt8] = []
        for root in threads.roots { threads.append(root, to: &out) { UInt32($0) + 1 } }
        return (threads, String(decoding: out, as: UTF8.self))
    }

    private func header(_ id: Int, _ references: [Int]) -> String {
        "Message-ID: <\(id)@x>\r\nReferences: \(references.map { "<\($0)@x>" }.joined(separator: " "))\r\n\r\n"
    }

    @Test(arguments: [ThreadCommand.Algorithm.references, .refs])
    func chainIsOneThread(_ algorithm: ThreadCommand.Algorithm) {
        let count = 20_000
        let text = self.threads((0..<count).map { self.header($0, $0 == 0 ? [] : [$0 - 1]) }, algorithm).text
        #expect(text.hasPrefix("(1 2 3 4 "))
        #expect(text.hasSuffix(" \(count))"))
        // From the end, so that each parent comes after its child.
        let backwards = self.threads(
            (0..<count).map { self.header($0, $0 == count - 1 ? [] : [$0 + 1]) }, algorithm
        ).text
        #expect(backwards.hasPrefix("(\(count) \(count - 1) "))
    }

    /// A tree as deep as it has messages, with a branch at each: nothing may recur.
    @Test func deepBranches() {
        let count = 20_000
        let (threads, text) = self.threads(
            (0..<count).map { self.header($0, $0 == 0 ? [] : [($0 - 1) & ~1]) })
        #expect(threads.roots.count == 1)
        #expect(text.hasPrefix("(1 (2)(3 (4)(5 (6)"))
        #expect(text.hasSuffix("))))"))
    }

    /// Everybody says to be the child of everybody: each message still comes once.
    @Test func circles() {
        let count = 3000
        let (threads, _) = self.threads(
            (0..<count).map { id in self.header(id, (1...30).map { (id &* 7 + $0 &* 131) % count }) })
        var seen = [Int](repeating: 0, count: count)
        var open = threads.roots
        while let node = open.popLast() {
            if Int(node) < count { seen[Int(node)] += 1 }
            open.append(contentsOf: threads.children(of: node))
        }
        #expect(seen.allSatisfy { $0 == 1 })
    }

    /// Of a References field without end, the first identifier and the last ones count.
    @Test func longReferences() {
        let long = (0..<100_000).map { $0 }
        let text = self.threads([self.header(99_999, []), self.header(100_001, long), self.header(0, [])])
            .text
        #expect(text == "(3 1 2)")
    }

    @Test func quotedIdentifiersAreTheSame() {
        let text = self.threads([
            "Message-ID: <\"a b\\\"c\"@x>\r\n\r\n",
            "Message-ID: <2@x>\r\nIn-Reply-To: <\"a b\\\"c\"@x>\r\n\r\n",
            "Message-ID: <plain@x>\r\n\r\n", "In-Reply-To: <\"plain\"@x>\r\n\r\n", "\r\n", "",
        ]).text
        #expect(text == "(1 2)(3 4)(5)(6)")
    }
}
