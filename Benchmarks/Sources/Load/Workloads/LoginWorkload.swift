/// Sessions that log in and out.
enum LoginWorkload {
    static func run(_ recorder: Recorder) throws {
        let server = recorder.server
        let client = try IMAPClient(port: server.ports.imap)
        let isRefused = (try? client.run("LOGIN \(TestServer.user(0)) wrong")) == nil
        try check(isRefused, "a wrong password was accepted")
        // Everybody once, so that no account is made while it is measured.
        for user in 0..<100 { try IMAPClient(server, user: user).logout() }
        for (name, security) in [("plain", Connection.Security.plain), ("tls", .tls)] {
            for count in [1, 8] {
                try recorder.parallel("login/\(name)/c\(count)", count) { number in
                    { round in
                        let client = try IMAPClient(server, user: (number + round * 7) % 100, security)
                        var isBye = false
                        try client.run("LOGOUT") { if $0.line.starts(with: "* BYE".utf8) { isBye = true } }
                        try check(isBye, "LOGOUT without BYE")
                    }
                }
            }
        }
    }
}
