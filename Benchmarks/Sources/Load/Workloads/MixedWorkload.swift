/// Fifty clients that do what clients do, each in a mailbox of its own, and one thread that delivers to them.
enum MixedWorkload {
    static func run(_ recorder: Recorder) throws {
        let server = recorder.server
        let count = recorder.scale.connections < 50 ? 8 : 50
        let messages = min(200, recorder.scale.messages / 4)
        let mail = TestMail(size: 4 << 10)
        try Workers.run(4) { worker in
            for user in stride(from: worker, to: count, by: 4) {
                let client = try IMAPClient(server, user: user)
                for start in stride(from: 0, to: messages, by: 50) {
                    try client.append(
                        "INBOX",
                        (start..<min(messages, start + 50)).map {
                            (mail.message($0), TestMail.flags($0), TestMail.internalDate($0))
                        })
                }
                try client.logout()
            }
        }
        server.tree.settle()
        try recorder.parallel("mixed/c\(count)", count) { number in
            let session = try Session(IMAPClient(server, user: number), mail, messages)
            return { round in try session.step(number * 31 + round) }
        }
    }

    /// One client and what it knows of its mailbox.
    private final class Session {
        private let client: IMAPClient
        private let mail: TestMail
        private var flagged: [Bool]
        private let known: Int
        private var exists: Int

        init(_ client: IMAPClient, _ mail: TestMail, _ known: Int) throws {
            self.client = client
            self.mail = mail
            self.known = known
            self.flagged = (0..<known).map(TestMail.isFlagged)
            self.exists = try client.select("INBOX")
            try check(self.exists == known, "\(self.exists) messages of \(known)")
        }

        private func run(_ command: String, _ take: (IMAPClient.Response) throws -> Void = { _ in }) throws {
            try self.client.run(command) { response in
                if let exists = response.number(of: "EXISTS") { self.exists = exists }
                try take(response)
            }
        }

        func step(_ round: Int) throws {
            let number = round * 13 % self.known
            switch round % 10 {
            case 0, 1: try self.run("NOOP")
            case 2:
                var sum = 0
                try self.run("STATUS INBOX (MESSAGES UIDNEXT)") { sum = $0.value(after: "MESSAGES ") ?? sum }
                try check(sum >= self.exists, "STATUS: \(sum) messages, \(self.exists) are there")
            case 3:
                try self.search("SEARCH FLAGGED", self.flagged.indices.filter { self.flagged[$0] }.map { $0 + 1 })
            case 4:
                self.flagged[number].toggle()
                let wanted = self.flagged[number]
                var isThere: Bool?
                try self.run("STORE \(number + 1) \(wanted ? "+" : "-")FLAGS (\\Flagged)") {
                    if $0.number(of: "FETCH") == number + 1 { isThere = $0.flags?.contains("\\Flagged") }
                }
                try check(isThere == wanted, "STORE: the flag is not what it was made")
            case 5, 6:
                let last = min(self.known, number + 20)
                var next = number
                try self.run("FETCH \(number + 1):\(last) (UID FLAGS ENVELOPE)") { response in
                    guard response.number(of: "FETCH") == next + 1 else { return }
                    try check(
                        Octets.find(Array(TestMail.messageID(next).utf8), in: response.line) != nil,
                        "ENVELOPE of another message: \(response.text)")
                    next += 1
                }
                try check(next == last, "FETCH: \(next - number) messages of \(last - number)")
            case 7, 8:
                var found: Int?
                try self.run("FETCH \(number + 1) (BODY.PEEK[])") {
                    if let literal = $0.literals.first { found = try TestMail.verify(literal) }
                }
                try check(found == number, "FETCH: message \(found ?? -1) for \(number)")
            default:
                let before = self.exists
                try self.client.append("INBOX", [(self.mail.message(number), [], TestMail.internalDate(number))]) {
                    if let exists = $0.number(of: "EXISTS") { self.exists = exists }
                }
                try self.run("NOOP")
                try check(self.exists > before, "a message was appended, but nothing new is told")
            }
        }

        private func search(_ command: String, _ wanted: [Int]) throws {
            var found: [Int]?
            try self.run(command) { found = $0.list("SEARCH") ?? found }
            try check(found == wanted, "\(command): \(found?.count ?? -1) messages of \(wanted.count)")
        }
    }
}
