import MailCore
import Testing

@Suite struct POP3ServerTests {
    static let first = "Subject: one\r\n\r\nHello\r\n.hidden\r\nBye\r\n"
    static let second = "Subject: two\r\n\r\nlast line has no end"

    static func inbox() -> MemoryMailbox {
        MemoryMailbox([
            .init(uid: 3, octets: first), .init(uid: 42, octets: second),
            .init(uid: 43, octets: "", override: "kept-from-before"),
        ])
    }

    static let login = "USER mrose\r\nPASS secret\r\n"
    static let welcome = "+OK ready\r\n+OK\r\n+OK Logged in.\r\n"

    struct Case: CustomTestStringConvertible, Sendable {
        let name: String
        let commands: String
        let answers: String
        var settings = ""
        var testDescription: String { self.name }
    }

    static let cases: [Case] = [
        Case(
            name: "login and listings",
            commands: "\(login)STAT\r\nLIST\r\nLIST 2\r\nUIDL\r\nUIDL 3\r\nNOOP\r\nQUIT\r\n",
            answers: """
                \(welcome)\
                +OK 3 73\r
                +OK 3 messages:\r
                1 \(first.utf8.count)\r
                2 \(second.utf8.count)\r
                3 0\r
                .\r
                +OK 2 \(second.utf8.count)\r
                +OK\r
                1 000000033b9aca00\r
                2 0000002a3b9aca00\r
                3 kept-from-before\r
                .\r
                +OK 3 kept-from-before\r
                +OK\r
                +OK Logging out.\r

                """),
        Case(
            name: "messages",
            commands:
                "\(login)RETR 1\r\nRETR 2\r\nRETR 3\r\nTOP 1 1\r\nTOP 1 99999999\r\nTOP 2 0\r\nQUIT\r\n",
            answers: """
                \(welcome)\
                +OK \(first.utf8.count) octets\r
                Subject: one\r
                \r
                Hello\r
                ..hidden\r
                Bye\r
                .\r
                +OK \(second.utf8.count) octets\r
                Subject: two\r
                \r
                last line has no end\r
                .\r
                +OK 0 octets\r
                .\r
                +OK\r
                Subject: one\r
                \r
                Hello\r
                .\r
                +OK\r
                Subject: one\r
                \r
                Hello\r
                ..hidden\r
                Bye\r
                .\r
                +OK\r
                Subject: two\r
                \r
                .\r
                +OK Logging out.\r

                """),
        Case(
            name: "deleting",
            commands:
                "\(login)DELE 1\r\nDELE 1\r\nDELE 4\r\nRETR 1\r\nLIST\r\nRSET\r\nDELE 3\r\nSTAT\r\nQUIT\r\n",
            answers: """
                \(welcome)\
                +OK Marked to be deleted.\r
                -ERR Message is deleted.\r
                -ERR There's no message 4.\r
                -ERR Message is deleted.\r
                +OK 2 messages:\r
                2 \(second.utf8.count)\r
                3 0\r
                .\r
                +OK\r
                +OK Marked to be deleted.\r
                +OK 2 73\r
                +OK Logging out, messages deleted.\r

                """),
        Case(
            name: "capabilities", commands: "CAPA\r\nAUTH\r\nSTLS\r\nQUIT\r\n",
            answers: """
                +OK ready\r
                +OK\r
                TOP\r
                UIDL\r
                RESP-CODES\r
                PIPELINING\r
                AUTH-RESP-CODE\r
                EXPIRE NEVER\r
                USER\r
                SASL PLAIN LOGIN\r
                IMPLEMENTATION Martlet\r
                .\r
                +OK\r
                PLAIN\r
                LOGIN\r
                .\r
                -ERR TLS support isn't enabled.\r
                +OK Logging out.\r

                """),
        Case(
            name: "mechanisms",
            commands: """
                AUTH PLAIN\r
                *\r
                AUTH PLAIN\r
                !\r
                AUTH PLAIN !\r
                AUTH CRAM-MD5\r
                AUTH LOGIN\r
                bXJvc2U=\r
                d3Jvbmc=\r
                AUTH PLAIN AG1yb3NlAHNlY3JldA==\r
                AUTH PLAIN\r
                QUIT\r

                """,
            answers: """
                +OK ready\r
                + \r
                -ERR Authentication aborted by client.\r
                + \r
                -ERR Invalid base64 data or malformed response.\r
                -ERR Invalid base64 data in initial response.\r
                -ERR Unsupported authentication mechanism.\r
                + VXNlcm5hbWU6\r
                + UGFzc3dvcmQ6\r
                -ERR [AUTH] Authentication failed.\r
                +OK Logged in.\r
                -ERR Already logged in.\r
                +OK Logging out.\r

                """),
        Case(
            name: "login refused",
            commands:
                "PASS x\r\nUSER mrose\r\nPASS wrong\r\nUSER busy\r\nPASS x\r\nSTAT\r\nNOPE\r\nRETR\r\n\(login)QUIT\r\n",
            answers: """
                +OK ready\r
                -ERR No username given.\r
                +OK\r
                -ERR [AUTH] Authentication failed.\r
                +OK\r
                -ERR [SYS/TEMP] Temporary authentication failure.\r
                -ERR Log in first.\r
                -ERR Unknown command.\r
                -ERR One message number is wanted.\r
                +OK\r
                +OK Logged in.\r
                +OK Logging out.\r

                """),
        Case(
            name: "own unique-ids", commands: "\(login)UIDL\r\nQUIT\r\n",
            answers:
                "\(welcome)+OK\r\n1 1000000000.3.guid-3\r\n2 1000000000.42.guid-42\r\n3 kept-from-before\r\n.\r\n+OK Logging out.\r\n",
            settings: "pop3_uidl_format = %v.%u.%g\n"),
    ]

    @Test(arguments: cases)
    func answersHoweverTheCommandsArrive(_ example: Case) async throws {
        try await POP3ServerHarness.run(Self.inbox(), settings: example.settings) { server in
            let atOnce = try await server.talk([example.commands])
            #expect(atOnce == example.answers)
            let oneByOne = try await server.talk(example.commands.unicodeScalars.map { String($0) })
            #expect(oneByOne == example.answers)
        }
    }

    @Test func quitRemoves() async throws {
        try await POP3ServerHarness.run(Self.inbox()) { server in
            _ = try await server.talk([Self.login + "RETR 1\r\nTOP 2 0\r\nDELE 2\r\nDELE 3\r\nQUIT\r\n"])
            await server.settle()
            #expect(server.inbox.removed == [UID(nonZero: 42), UID(nonZero: 43)])
            #expect(server.inbox.seen == [UID(nonZero: 3)])
            #expect(server.inbox.isClosed)
        }
    }

    /// RFC 1939 section 6: a session that ends otherwise removes nothing.
    @Test func goingAwayRemovesNothing() async throws {
        try await POP3ServerHarness.run(Self.inbox(), settings: "pop3_no_flag_updates = yes\n") { server in
            _ = try await server.hangUp(Self.login + "DELE 1\r\nRETR 2\r\n", afterLines: 9)
            await server.settle()
            #expect(server.inbox.removed == [])
            #expect(server.inbox.seen == [])
            #expect(server.inbox.isClosed)
        }
    }

    @Test func failedRemovalIsTold() async throws {
        try await POP3ServerHarness.run(Self.inbox()) { server in
            server.inbox.fail()
            let answers = try await server.talk([Self.login + "DELE 1\r\nQUIT\r\n"])
            #expect(answers.hasSuffix("-ERR [SYS/TEMP] Logging out, some messages were not deleted.\r\n"))
        }
    }

    @Test func removedByAnotherSession() async throws {
        try await POP3ServerHarness.run(Self.inbox()) { server in
            server.inbox.lose(42)
            let answers = try await server.talk([Self.login + "RETR 2\r\nTOP 2 1\r\nUIDL 2\r\nQUIT\r\n"])
            let gone = "-ERR Message 2 is gone.\r\n"
            let expected: String =
                Self.welcome + gone + gone + "+OK 2 0000002a3b9aca00\r\n+OK Logging out.\r\n"
            #expect(answers == expected)
        }
    }

    @Test func connectionsOfAUserAreCounted() async throws {
        let settings = "protocol pop3 {\n mail_max_userip_connections = 1\n}\n"
        try await POP3ServerHarness.run(Self.inbox(), settings: settings) { server in
            let answers = try await server.talkBeside([Self.login], then: Self.login)
            #expect(answers.hasPrefix("+OK ready\r\n+OK\r\n-ERR [IN-USE] Too many connections from your address."))
            await server.settle()
            let later = try await server.talk([Self.login + "QUIT\r\n"])
            #expect(later.hasSuffix("+OK Logging out.\r\n"))
        }
    }

    @Test func endlessLinesEndTheSession() async throws {
        try await POP3ServerHarness.run(Self.inbox()) { server in
            let command = try await server.talk(["USER " + String(repeating: "x", count: 5000)])
            #expect(command == "+OK ready\r\n-ERR Line too long.\r\n")
            let response = try await server.talk(["AUTH PLAIN\r\n" + String(repeating: "x", count: 50000)])
            #expect(response == "+OK ready\r\n+ \r\n-ERR Line too long.\r\n")
        }
    }

    @Test func tooManyMistakesEndTheSession() async throws {
        try await POP3ServerHarness.run(Self.inbox()) { server in
            let answers = try await server.talk([String(repeating: "GET / HTTP/1.1\r\n", count: 30)])
            #expect(answers.hasSuffix("-ERR Unknown command.\r\n-ERR Too many invalid commands.\r\n"))
        }
    }

    @Test func largeMessagesStream() async throws {
        let line = ".0123456789 0123456789 0123456789\r\n"
        let body = "Subject: large\r\n\r\n" + String(repeating: line, count: 100_000)
        try await POP3ServerHarness.run(MemoryMailbox([.init(uid: 1, octets: body)])) { server in
            let answers = try await server.talk([Self.login + "RETR 1\r\nQUIT\r\n"])
            let stuffed = String(repeating: "." + line, count: 100_000)
            let head = "+OK \(body.utf8.count) octets\r\nSubject: large\r\n\r\n"
            let expected: String = Self.welcome + head + stuffed + ".\r\n+OK Logging out.\r\n"
            #expect(answers == expected)
        }
    }

    /// Messages have the places that a former server gave them, and removals meet those that are meant.
    @Test func formerOrderIsKept() async throws {
        let mailbox = MemoryMailbox([
            .init(uid: 1, octets: "a"), .init(uid: 2, octets: "bb", order: 7), .init(uid: 3, octets: "ccc"),
            .init(uid: 4, octets: "dddd", order: 2),
        ])
        try await POP3ServerHarness.run(mailbox) { server in
            let answers = try await server.talk([Self.login + "LIST\r\nUIDL 1\r\nRETR 2\r\nDELE 1\r\nQUIT\r\n"])
            #expect(
                answers == """
                    \(Self.welcome)\
                    +OK 4 messages:\r
                    1 4\r
                    2 2\r
                    3 1\r
                    4 3\r
                    .\r
                    +OK 1 000000043b9aca00\r
                    +OK 2 octets\r
                    bb\r
                    .\r
                    +OK Marked to be deleted.\r
                    +OK Logging out, messages deleted.\r

                    """)
        }
        #expect(mailbox.removed == [UID(nonZero: 4)])
        #expect(mailbox.seen == [UID(nonZero: 2)])
    }

    @Test func manyMessagesAreListed() async throws {
        let messages = (1...10_000).map { MemoryMailbox.Message(uid: UInt32($0), octets: "x") }
        try await POP3ServerHarness.run(MemoryMailbox(messages)) { server in
            let answers = try await server.talk([Self.login + "UIDL\r\nLIST\r\nQUIT\r\n"])
            let lines = answers.utf8.count(where: { $0 == 0x0A })
            #expect(lines == 3 + 10_002 + 10_002 + 1)
            #expect(answers.contains("\r\n10000 000027103b9aca00\r\n.\r\n"))
        }
    }
}
