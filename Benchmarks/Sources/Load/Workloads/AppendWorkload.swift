/// APPEND, of one message and of fifty at a time.
enum AppendWorkload {
    static func run(_ recorder: Recorder) throws {
        let server = recorder.server
        let mail = TestMail(size: 4 << 10)
        let pool = (0..<50).map { mail.message($0) }
        for count in [1, 8] {
            let first = 20 * count
            try recorder.parallel("append/4k/c\(count)", count) { number in
                let client = try IMAPClient(server, user: first + number)
                var last = 0
                return { round in
                    let uids = try client.append(
                        "INBOX", [(pool[round % 50], ["\\Seen"], TestMail.internalDate(round))])
                    try check(uids.lowerBound > last, "UID \(uids) behind \(last)")
                    last = uids.upperBound
                }
            }
            for number in 0..<count { try self.verify(server, user: first + number) }
        }
        let client = try IMAPClient(server, user: 0)
        let batch = pool.enumerated().map { ($0.element, Set(["\\Flagged"]), TestMail.internalDate($0.offset)) }
        try recorder.again("append/multi50-4k/c1") {
            try client.append("INBOX", batch)
            return batch.count
        }
        try self.verify(server, user: 0)
    }

    /// The messages came in their order, one after the other of the fifty.
    private static func verify(_ server: TestServer, user: Int) throws {
        let client = try IMAPClient(server, user: user)
        let count = try client.select("INBOX")
        var next = 0
        try client.run("FETCH 1:* (BODY.PEEK[])") { response in
            guard let literal = response.literals.first else { return }
            let number = try TestMail.verify(literal)
            try check(number == next % 50, "message \(number) stands where \(next % 50) was put")
            next += 1
        }
        try check(next == count && count > 0, "\(next) messages of \(count)")
        try client.logout()
    }
}
