/// Sessions that wait: how soon they hear of a message, and the memory that they take.
enum IdleWorkload {
    static func run(_ recorder: Recorder) throws {
        try self.latency(recorder)
        try self.memory(recorder, "plain", .plain)
        try self.memory(recorder, "tls", .tls)
    }

    private static func idle(_ client: IMAPClient) throws {
        try client.connection.write("i IDLE\r\n")
        while true {
            let response = try client.response()
            if response.line.first == UInt8(ascii: "+") { return }
            try check(response.line.first == UInt8(ascii: "*"), "IDLE: \(response.text)")
        }
    }

    private static func latency(_ recorder: Recorder) throws {
        let server = recorder.server
        let users = 50
        let mail = TestMail(size: 4 << 10)
        let sessions = try (0..<users).map { user in
            let client = try IMAPClient(server, user: user)
            try client.select("INBOX")
            try self.idle(client)
            return client
        }
        let delivery = try LMTPClient(server)
        let rounds = max(users, Int(recorder.scale.seconds * 50))
        var latencies: [UInt64] = []
        var arrived = [Int](repeating: 0, count: users)
        for round in 0..<rounds {
            let user = round * 7 % users
            let message = mail.message(round)
            let start = nanoseconds()
            try delivery.deliver(message, to: user)
            while true {
                let response = try sessions[user].response()
                guard let exists = response.number(of: "EXISTS") else { continue }
                arrived[user] += 1
                try check(exists == arrived[user], "\(exists) EXISTS after \(arrived[user]) messages")
                break
            }
            latencies.append(nanoseconds() - start)
        }
        let total = Double(latencies.reduce(0, +)) / 1e9
        recorder.add(
            Figure(
                name: "idle/latency", operations: rounds, seconds: total, cpu: 0, p50: latencies.quantile(0.5),
                p99: latencies.quantile(0.99)))
    }

    private static func memory(_ recorder: Recorder, _ name: String, _ security: Connection.Security) throws {
        let server = recorder.server
        let count = recorder.scale.connections
        // What the server keeps of users and of its first connections is not the connections'.
        try self.open(min(count, users), server, security).forEach { try self.end($0) }
        server.tree.settle()
        let before = server.tree.memory()
        let start = nanoseconds()
        let sessions = try self.open(count, server, security)
        let seconds = Double(nanoseconds() - start) / 1e9
        server.tree.settle()
        let grown = Double(server.tree.memory()) - Double(before)
        recorder.add(
            Figure(
                name: "idle/memory-\(name)", operations: count, seconds: seconds, cpu: 0,
                memory: max(0, grown) / Double(count)))
        for client in sessions { try self.end(client) }
    }

    private static let users = 100

    private static func open(
        _ count: Int, _ server: TestServer, _ security: Connection.Security
    ) throws -> [IMAPClient] {
        try (0..<count).map { number in
            let client = try IMAPClient(server, user: number % self.users + 60, security)
            try client.select("INBOX")
            try self.idle(client)
            return client
        }
    }

    private static func end(_ client: IMAPClient) throws {
        try client.connection.write("DONE\r\n")
        try client.finish("i", "IDLE")
    }
}
