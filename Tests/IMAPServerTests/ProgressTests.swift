import IMAPCore
import Testing
import TranscriptKit

@testable import IMAPServer

/// How commands that take long say how far they are (RFC 9585).
@Suite struct ProgressTests {
    /// The lines up to the command's answer, of a client that has 300 messages in INBOX and a mailbox `Other`.
    private static func lines(of command: String, every interval: Duration) async throws -> [String] {
        let server = try await TestServer.start { $0.progressInterval = interval }
        let lines = try await server.client { port in
            let socket = try LineSocket(port: port)
            func talk(_ text: String, until end: String) throws -> [String] {
                try socket.send(Array(text.utf8))
                var lines: [String] = []
                while let line = try socket.readLine(within: 5000) {
                    lines.append(String(decoding: line, as: UTF8.self))
                    if lines.last?.hasPrefix(end) ?? false { break }
                }
                return lines
            }
            let message = " {18+}\r\nSubject: a\r\n\r\ntext"
            let messages = String(repeating: message, count: 300)
            _ = try talk(
                "a LOGIN tim pass\r\nb CREATE Other\r\nc APPEND INBOX\(messages)\r\nd SELECT INBOX\r\n", until: "d OK")
            return try talk("A001 \(command)\r\n", until: "A001 ")
        }
        await server.stop()
        return lines
    }

    /// What the notices say after the tag.
    private static func notices(_ lines: [String]) -> [Substring] {
        lines.compactMap { line in
            let start = "* OK [INPROGRESS (\"A001\" "
            guard line.hasPrefix(start), line.hasSuffix(")] Still working") else { return nil }
            return line.dropFirst(start.count).dropLast(")] Still working".count)
        }
    }

    @Test(arguments: [
        ("SEARCH TEXT text", 300), ("SEARCH RETURN (COUNT) TEXT text", 300), ("SORT (SUBJECT) UTF-8 TEXT text", 2000),
        ("SORT RETURN (ALL RELEVANCY) (SUBJECT) UTF-8 FUZZY TEXT text", 3000),
        ("THREAD REFERENCES UTF-8 TEXT text", 2000), ("ESEARCH IN (mailboxes (INBOX Other)) TEXT text", 2000),
    ])
    func searchesCount(_ command: String, _ total: Int) async throws {
        let lines = try await Self.lines(of: command, every: .nanoseconds(1))
        #expect(lines.last?.hasPrefix("A001 OK") ?? false, "\(lines.suffix(2))")
        let notices = Self.notices(lines)
        #expect(!notices.isEmpty)
        var last = 0
        for notice in notices where notice != "NIL NIL" {
            let numbers = notice.split(separator: " ").compactMap { Int($0) }
            guard numbers.count == 2 else {
                Issue.record("\(notice)")
                continue
            }
            #expect(numbers[1] == total)
            #expect(numbers[0] < total && numbers[0] >= last)
            last = numbers[0]
        }
        // Nothing but whole lines: a notice in the middle of another response would show here.
        #expect(lines.allSatisfy { $0.hasPrefix("* ") || $0.hasPrefix("A001 ") })
        #expect(lines.filter { $0.contains("INPROGRESS") }.count == notices.count)
    }

    @Test(arguments: ["COPY 1:* Other", "MOVE 1:* Other"])
    func copiesSayThatTheyRun(_ command: String) async throws {
        let lines = try await Self.lines(of: command, every: .nanoseconds(1))
        #expect(lines.last?.hasPrefix("A001 OK") ?? false)
        #expect(Set(Self.notices(lines)) == ["NIL NIL"])
        // What is told is done: nothing comes after the first other response.
        let rest = lines.drop { $0.contains("INPROGRESS") }
        #expect(!rest.contains { $0.contains("INPROGRESS") })
    }

    @Test(arguments: [Duration.zero, .seconds(10)])
    func quickCommandsSayNothing(_ interval: Duration) async throws {
        let lines = try await Self.lines(of: "SEARCH TEXT text", every: interval)
        #expect(lines.count == 2)
        #expect(Self.notices(lines).isEmpty)
    }

    @Test func stagesMakeOneCount() throws {
        let tag = try #require(Tag(Array("t".utf8)))
        func code(_ done: UInt32?, _ total: UInt32?) -> ResponseCode { .inProgress(tag, done: done, total: total) }
        var progress = CommandProgress(tag, stages: 2)
        #expect(progress.code == code(nil, nil))
        progress.begin(of: 400)
        #expect(progress.code == code(0, 2000))
        progress.count(100)
        #expect(progress.code == code(250, 2000))
        progress.begin(of: 0)
        #expect(progress.code == code(1000, 2000))
        progress.begin(of: 10)
        progress.count(11)
        #expect(progress.code == code(1999, 2000), "what still runs is not done")
        progress = CommandProgress(tag, stages: 4)
        progress.skip(to: 0)
        #expect(progress.code == code(nil, nil))
        progress.skip(to: 3)
        #expect(progress.code == code(3000, 4000))
        progress.begin(of: .max)
        progress.count(.max)
        #expect(progress.code == code(3999, 4000))
        progress = CommandProgress(tag, stages: 1)
        progress.begin(of: 7)
        progress.count(3)
        #expect(progress.code == code(3, 7))
        progress = CommandProgress(tag, stages: 0)
        progress.begin(of: 7)
        #expect(progress.code == code(nil, nil))
    }
}
