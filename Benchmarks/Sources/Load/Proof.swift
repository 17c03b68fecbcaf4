/// That the checks can fail: a generator that believes everything would measure nothing.
enum Proof {
    static func checks() throws {
        let mail = TestMail(size: 2000)
        for number in 0..<20 {
            let message = mail.message(number)
            try check(try TestMail.verify(message) == number, "message \(number) is not known")
            var damaged = message
            damaged[message.count - 3] ^= 1
            try check((try? TestMail.verify(damaged)) == nil, "a damaged message was believed")
            try check((try? TestMail.verify(Array(message.dropLast(2)))) == nil, "a message cut short was believed")
            // Fields in front are the server's own.
            try check(try TestMail.verify(Array("Return-Path: <>\r\n".utf8) + message) == number, "a field in front")
        }
        let results = try Self.results(cpu: 100)
        try check(!Comparison.report(results, results, threshold: 0.25).isSlower, "the same is slower")
        try check(
            Comparison.report(results, try Self.results(cpu: 140), threshold: 0.25).isSlower, "a slow-down was not seen"
        )
    }

    /// Dovecot with 200 us and Martlet with so many, as a file has them.
    private static func results(cpu: Int) throws -> Results {
        var results = Results(version: "proof", scale: .proof)
        for round in 0..<3 {
            let jitter = Double(round) * 1e-6
            results.add(
                [Figure(name: "test", operations: 1, seconds: 1e-3, cpu: 200e-6 + jitter)], of: .dovecot)
            results.add(
                [Figure(name: "test", operations: 1, seconds: 1e-3, cpu: Double(cpu) * 1e-6 + jitter)], of: .pack)
        }
        return results
    }
}
