import Synchronization

/// Deliveries by LMTP. At the end every message that was acknowledged is there, once and as it was.
enum DeliveryWorkload {
    private struct Case {
        var name: String
        var size: Int
        var users: Range<Int>
        var count: Int
    }

    static func run(_ recorder: Recorder) throws {
        // Everybody has had mail before: that an account is made is not what is measured.
        let delivery = try LMTPClient(recorder.server)
        for user in 0..<110 { try delivery.deliver(TestMail(size: 4 << 10).message(user), to: user) }
        for (index, test) in [
            Case(name: "lmtp/4k/one/c1", size: 4 << 10, users: 0..<1, count: 1),
            Case(name: "lmtp/4k/one/c32", size: 4 << 10, users: 1..<2, count: 32),
            Case(name: "lmtp/4k/100/c32", size: 4 << 10, users: 10..<110, count: 32),
            Case(name: "lmtp/64k/one/c1", size: 64 << 10, users: 2..<3, count: 1),
            Case(name: "lmtp/64k/100/c32", size: 64 << 10, users: 10..<110, count: 32),
        ].enumerated() {
            try self.measure(test, index, recorder)
        }
    }

    private static func measure(_ test: Case, _ index: Int, _ recorder: Recorder) throws {
        let server = recorder.server
        let mail = TestMail(size: test.size)
        let (users, count) = (test.users, test.count)
        // Beside the sessions, what was acknowledged: the numbers of each user's messages.
        let acknowledged = Mutex([Int: Set<Int>]())
        let first = (index + 1) * 100_000_000
        let pool = (0..<64).map { mail.message(first + $0) }
        try recorder.parallel(test.name, count) { number in
            let session = try LMTPClient(server)
            return { round in
                // A message of its own for each delivery would cost the client more than the server: its text is one of
                // a few, the field in front tells them apart.
                let id = first + number * 1_000_000 + round
                let user = users.lowerBound + (number + round * 7) % users.count
                let message = Array("\(Self.deliveryField)\(id)\r\n".utf8) + pool[(number + round) % pool.count]
                try session.deliver(message, to: user)
                _ = acknowledged.withLock { $0[user, default: []].insert(id) }
            }
        }
        for (user, ids) in acknowledged.withLock({ $0 }) { try self.verify(server, user, ids, above: first) }
    }

    private static let deliveryField = "X-Load-Delivery: "

    /// All deliveries that the mailbox has of this case are those acknowledged.
    private static func verify(_ server: TestServer, _ user: Int, _ ids: Set<Int>, above first: Int) throws {
        let client = try IMAPClient(server, user: user)
        let count = try client.select("INBOX")
        var found = Set<Int>()
        var lastUID = 0
        var total = 0
        try client.run("FETCH 1:* (UID BODY.PEEK[HEADER.FIELDS (X-Load-Delivery)])") { response in
            guard response.number(of: "FETCH") != nil, let literal = response.literals.first else { return }
            total += 1
            let uid = response.value(after: "UID ") ?? 0
            try check(uid > lastUID, "UID \(uid) behind \(lastUID)")
            lastUID = uid
            let text = String(decoding: literal, as: UTF8.self)
            let digits = text.drop { $0 != " " }.dropFirst().prefix { $0.isNumber }
            // One of before the measuring has no such field.
            if let id = Int(digits), id >= first {
                try check(found.insert(id).inserted, "delivery \(id) is there twice")
            }
        }
        try check(total == count, "\(total) messages of \(count)")
        try check(found == ids, "user \(user) has \(found.count) deliveries, \(ids.count) were acknowledged")
        // The texts of the last ones.
        let sample = max(1, count - 19)
        var checked = 0
        try client.run("FETCH \(sample):* (BODY.PEEK[])") { response in
            guard let literal = response.literals.first else { return }
            _ = try TestMail.verify(literal)
            checked += 1
        }
        try check(checked == count - sample + 1, "\(checked) texts of \(count - sample + 1)")
        try client.logout()
    }
}
