/// POP3 sessions that take everything and leave it there.
enum POP3Workload {
    static func run(_ recorder: Recorder) throws {
        let server = recorder.server
        let count = max(40, min(1000, recorder.scale.messages / 10))
        let mail = TestMail(size: 4 << 10)
        let delivery = try LMTPClient(server)
        for number in 0..<count { try delivery.deliver(mail.message(number), to: 0) }
        server.tree.settle()

        func session() throws -> Int {
            let client = try POP3Client(server, user: 0)
            let (messages, octets) = try client.stat()
            try check(messages == count, "STAT: \(messages) messages of \(count)")
            var total = 0
            for number in 1...count {
                let message = try client.retrieve(number)
                total += message.count
                let found = try TestMail.verify(message)
                try check(found == number - 1, "message \(found) stands at \(number)")
            }
            try check(total == octets, "STAT: \(octets) octets of \(total)")
            try client.command("QUIT")
            return count
        }

        try recorder.once("pop3/retr-4k/first", session)
        try recorder.again("pop3/retr-4k/again", session)
    }
}
