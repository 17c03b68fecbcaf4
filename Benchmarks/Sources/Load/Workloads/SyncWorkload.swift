/// A client that brings itself up to date with a large mailbox.
enum SyncWorkload {
    static func run(_ recorder: Recorder) throws {
        let server = recorder.server
        let count = recorder.scale.messages
        try KnownMailbox.load(server, count)
        let user = KnownMailbox.user

        try server.restart()
        try recorder.once("sync/select/cold") {
            let client = try IMAPClient(server, user: user)
            let exists = try client.select("INBOX")
            try check(exists == count, "\(exists) messages of \(count)")
            return 1
        }
        let client = try IMAPClient(server, user: user)
        try client.select("INBOX")
        try recorder.again("sync/select/warm") {
            let exists = try client.select("INBOX")
            try check(exists == count, "\(exists) messages of \(count)")
            return 1
        }
        try recorder.again("sync/fetch-flags") { try self.flags(client, count) }
        for name in ["first", "again"] {
            let envelopes = { try Self.envelopes(client, count) }
            if name == "first" {
                try recorder.once("sync/fetch-envelope/first", envelopes)
            } else {
                try recorder.again("sync/fetch-envelope/again", envelopes)
            }
        }
        try recorder.once("sync/fetch-headers/first") { try self.headers(client, count) }
        try recorder.again("sync/fetch-headers/again") { try self.headers(client, count) }
        try recorder.again("sync/fetch-body/bulk") {
            let number = min(count, 2000)
            var next = 0
            try client.run("FETCH 1:\(number) (BODY.PEEK[])") { next = try self.body($0, next) }
            try check(next == number, "\(next) texts of \(number)")
            return number
        }
        var round = 0
        try recorder.again("sync/fetch-body/single") {
            for _ in 0..<100 {
                round += 1
                let number = round * 7919 % count
                var next = number
                try client.run("UID FETCH \(number + 1) (UID BODY.PEEK[])") { next = try self.body($0, next) }
                try check(next == number + 1, "no text of message \(number)")
            }
            return 100
        }
        try self.resync(recorder, server, client, count)
        recorder.add(
            Figure(
                name: "sync/memory", operations: 1, seconds: 0, cpu: 0, memory: Double(server.tree.memory())))
        recorder.add(
            Figure(
                name: "sync/memory-anonymous", operations: 1, seconds: 0, cpu: 0,
                memory: Double(server.tree.anonymousMemory())))
    }

    private static func flags(_ client: IMAPClient, _ count: Int) throws -> Int {
        var next = 0
        try client.run("FETCH 1:* (UID FLAGS)") { response in
            guard response.number(of: "FETCH") == next + 1 else { return }
            try check(response.value(after: "UID ") == next + 1, "UID: \(response.text)")
            try check(response.flags == TestMail.flags(next), "flags: \(response.text)")
            next += 1
        }
        try check(next == count, "\(next) messages of \(count)")
        return count
    }

    private static func envelopes(_ client: IMAPClient, _ count: Int) throws -> Int {
        var next = 0
        try client.run("FETCH 1:* (UID ENVELOPE BODYSTRUCTURE)") { response in
            guard response.number(of: "FETCH") == next + 1 else { return }
            try check(
                Octets.find(Array("<\(TestMail.messageID(next))>".utf8), in: response.line) != nil
                    && Octets.find(Array(TestMail.subject(next).utf8), in: response.line) != nil,
                "ENVELOPE of message \(next): \(response.text)")
            let kind = [2: "\"ALTERNATIVE\"", 3: "\"MIXED\"", 5: "\"ALTERNATIVE\""][next % 7] ?? "\"PLAIN\""
            try check(
                response.text.uppercased().range(of: kind) != nil, "BODYSTRUCTURE of message \(next): \(response.text)")
            next += 1
        }
        try check(next == count, "\(next) messages of \(count)")
        return count
    }

    private static func headers(_ client: IMAPClient, _ count: Int) throws -> Int {
        var next = 0
        let fields =
            "From To Cc Bcc Subject Date Message-ID Priority X-Priority References Newsgroups In-Reply-To "
            + "Content-Type Reply-To"
        try client.run("UID FETCH 1:* (UID RFC822.SIZE FLAGS BODY.PEEK[HEADER.FIELDS (\(fields))])") { response in
            guard response.number(of: "FETCH") == next + 1, let literal = response.literals.first else { return }
            try check(
                Octets.find(Array("Message-ID: <\(TestMail.messageID(next))>\r\n".utf8), in: literal) != nil
                    && Octets.find(Array("Subject: \(TestMail.subject(next))\r\n".utf8), in: literal) != nil,
                "header of message \(next): \(String(decoding: literal, as: UTF8.self))")
            next += 1
        }
        try check(next == count, "\(next) messages of \(count)")
        return count
    }

    /// Answers the number that comes next.
    private static func body(_ response: IMAPClient.Response, _ next: Int) throws -> Int {
        guard let literal = response.literals.first else { return next }
        let number = try TestMail.verify(literal)
        try check(number == next, "message \(number) in the place of \(next)")
        return next + 1
    }

    /// Another client changes ten messages; ours hears of these and of nothing else.
    private static func resync(_ recorder: Recorder, _ server: TestServer, _ client: IMAPClient, _ count: Int) throws {
        try client.run("ENABLE QRESYNC")
        var validity = 0
        var modSeq = 0
        let look = { (response: IMAPClient.Response) in
            validity = response.value(after: "UIDVALIDITY ") ?? validity
            modSeq = response.value(after: "HIGHESTMODSEQ ") ?? modSeq
        }
        try client.run("SELECT INBOX", look)
        let other = try IMAPClient(server, user: KnownMailbox.user)
        try other.select("INBOX")
        let changed = (0..<10).map { ($0 * 977 + 5) % count + 1 }.sorted()
        let set = changed.map(String.init).joined(separator: ",")
        try other.run("UID STORE \(set) +FLAGS.SILENT (\\Answered)")
        // Without FETCH data until then.
        try client.run("UNSELECT")
        let old = modSeq
        try recorder.again("sync/resync10") {
            var told: [Int] = []
            try client.run("SELECT INBOX (QRESYNC (\(validity) \(old)))") { response in
                guard response.number(of: "FETCH") != nil else { return }
                try check(response.flags?.contains("\\Answered") ?? false, "QRESYNC: \(response.text)")
                told.append(response.value(after: "UID ") ?? 0)
            }
            try check(told.sorted() == changed, "QRESYNC told \(told) of \(changed)")
            try client.run("UNSELECT")
            return 1
        }
        try other.run("UID STORE \(set) -FLAGS.SILENT (\\Answered)")
    }
}
