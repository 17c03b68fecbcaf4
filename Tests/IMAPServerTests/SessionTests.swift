import ServerCore
import Testing
import TranscriptKit

@testable import IMAPServer

/// Sends lines and answers all that came back up to a line with `end` in it, or the end of the stream.
private func talk(_ port: UInt16, _ text: String, until end: String) throws -> [String] {
    let socket = try LineSocket(port: port)
    try socket.send(Array(text.utf8))
    var lines: [String] = []
    while let line = try socket.readLine(within: 5000) {
        lines.append(String(decoding: line, as: UTF8.self))
        if lines.last?.contains(end) ?? false { break }
    }
    return lines
}

@Test func manyMistakesEndTheSession() async throws {
    let server = try await TestServer.start()
    let lines = try await server.client { port in
        try talk(port, String(repeating: "a BOGUS\r\n", count: 30), until: "BYE")
    }
    #expect(lines.count == 12, "greeting, ten BADs, BYE")
    #expect(lines.last == "* BYE [CLIENTBUG] Too many invalid commands")
    await server.stop()
}

@Test func messagesForgiveMistakes() async throws {
    let server = try await TestServer.start()
    let part = String(repeating: "b BOGUS\r\n", count: 15) + "c APPEND INBOX {3+}\r\nabc\r\n"
    let lines = try await server.client { port in
        try talk(port, "a LOGIN tim pass\r\n\(part)\(part)d LOGOUT\r\n", until: "d OK")
    }
    #expect(lines.count { $0.hasPrefix("c OK") } == 2)
    #expect(lines.last?.hasPrefix("d OK") ?? false)
    await server.stop()
}

@Test func goodCommandsForgiveMistakes() async throws {
    let server = try await TestServer.start()
    let lines = try await server.client { port in
        try talk(port, String(repeating: "a BOGUS\r\nb NOOP\r\n", count: 30) + "z LOGOUT\r\n", until: "z OK")
    }
    #expect(lines.count == 1 + 60 + 2)
    await server.stop()
}

@Test func endlessLineBeforeLoginEndsTheSession() async throws {
    let server = try await TestServer.start()
    let lines = try await server.client { port in
        try talk(port, "a LOGIN " + String(repeating: "x", count: 200_000), until: "BYE")
    }
    #expect(lines.suffix(2) == ["a BAD Command line too long", "* BYE [TOOBIG] Too much input"])
    await server.stop()
}

@Test(arguments: ["{999999999}", "{999999999+}"])
func giantLiteralBeforeLoginIsRefused(_ literal: String) async throws {
    let server = try await TestServer.start()
    let end = literal.contains("+") ? "BYE" : "b OK"
    let lines = try await server.client { port in
        try talk(port, "a LOGIN \(literal)\r\nb NOOP\r\n", until: end)
    }
    #expect(lines[1] == "a NO [TOOBIG] Literal too large")
    #expect(lines.count == 3)
    await server.stop()
}

// `imap_literal_minus` (RFC 7888 section 5).
@Test func literalsCanBeLimited() async throws {
    let server = try await TestServer.start { $0.limitsLiterals = true }
    let large = String(repeating: "x", count: 4097)
    let lines = try await server.client { port in
        try talk(
            port,
            "a LOGIN {5000+}\r\n\(String(repeating: "x", count: 5000)) x\r\nb LOGIN tim pass\r\n"
                + "c APPEND INBOX {4097+}\r\n\(large)\r\nd STATUS INBOX (MESSAGES)\r\n", until: "d OK")
    }
    #expect(lines[0].contains(" LITERAL- "))
    #expect(!lines[0].contains("LITERAL+"))
    #expect(lines[1] == "a BAD [TOOBIG] Literals of this size must be synchronizing")
    #expect(lines[2].contains(" LITERAL-"))
    #expect(lines[3] == "c BAD [TOOBIG] Literals of this size must be synchronizing")
    #expect(lines[4] == "* STATUS INBOX (MESSAGES 0)")
    await server.stop()
}

/// Each message of an APPEND is held until the last has come.
@Test func manyMessagesInOneAppendAreRefused() async throws {
    let server = try await TestServer.start()
    let messages = String(repeating: " {1+}\r\nx", count: 5000)
    let lines = try await server.client { port in
        try talk(port, "a LOGIN tim pass\r\nb APPEND INBOX\(messages)\r\nc STATUS INBOX (MESSAGES)\r\n", until: "c OK")
    }
    #expect(lines.contains("b NO [LIMIT] Too many messages in one APPEND"))
    #expect(lines.contains("* STATUS INBOX (MESSAGES 0)"))
    await server.stop()
}

@Test func tooBigLiteralIsReadOff() async throws {
    let server = try await TestServer.start { $0.maximumMessageSize = 100 }
    let lines = try await server.client { port in
        let body = String(repeating: "x", count: 101)
        return try talk(
            port,
            "a LOGIN tim pass\r\nb APPEND INBOX {101+}\r\n\(body)\r\nc SELECT {70000+}\r\n"
                + String(repeating: "y", count: 70_000) + "\r\nd STATUS INBOX (MESSAGES)\r\n",
            until: "d OK")
    }
    #expect(
        lines.dropFirst(2) == [
            "b NO [TOOBIG] Message is too large", "c NO [TOOBIG] Literal too large",
            "* STATUS INBOX (MESSAGES 0)", "d OK Status completed",
        ])
    await server.stop()
}

@Test func silenceEndsTheSession() async throws {
    let server = try await TestServer.start { $0.inactivityTimeout = .milliseconds(20) }
    let lines = try await server.client { port in try talk(port, "a LOGIN tim pass\r\n", until: "BYE") }
    #expect(lines.last == "* BYE Disconnected for inactivity")
    await server.stop()
}

@Test func idleStaysWarm() async throws {
    let server = try await TestServer.start {
        $0.inactivityTimeout = .milliseconds(20)
        $0.idleNotifyInterval = .milliseconds(30)
    }
    let lines = try await server.client { port in
        try talk(port, "a LOGIN tim pass\r\nb IDLE\r\n", until: "Still here")
    }
    #expect(lines.last == "* OK Still here")
    await server.stop()
}

@Test func shutdownSaysGoodbye() async throws {
    let server = try await TestServer.start()
    let lines = try await server.client { port in
        let socket = try LineSocket(port: port)
        try socket.send(Array("a LOGIN tim pass\r\nb IDLE\r\n".utf8))
        while let line = try socket.readLine(within: 5000), !line.starts(with: "+".utf8) {}
        server.registry.shutdown(.stopping)
        return try socket.readLine(within: 5000).map { String(decoding: $0, as: UTF8.self) }
    }
    #expect(lines == "* BYE [UNAVAILABLE] Server is shutting down")
    await server.stop()
}

@Test func oneLineTellsWhatASessionDid() async throws {
    let server = try await TestServer.start()
    _ = try await server.client { port in
        try talk(
            port,
            """
            a LOGIN tim pass\r
            b APPEND INBOX {5+}\r
            x: y\n\r
            c SELECT INBOX\r
            d FETCH 1 (BODY.PEEK[HEADER] BODY.PEEK[HEADER.FIELDS (From)] BODY[])\r
            e STORE 1 +FLAGS (\\Deleted)\r
            f EXPUNGE\r
            g LOGOUT\r

            """, until: "g OK")
    }
    await server.stop()
    let lines = server.log.all
    #expect(lines.first?.hasPrefix("imap-login: Login: user=<tim>, method=PLAIN, rip=127.0.0.1, ") ?? false)
    let last = lines.last ?? ""
    #expect(last.hasPrefix("imap(tim)<"))
    #expect(last.contains("Disconnected: Logged out in="))
    #expect(last.contains(" deleted=1 expunged=1 trashed=0 hdr_count=2 "))
    #expect(last.contains(" body_count=1 body_bytes=6"))
}

@Test func manyMessagesStreamToASlowReader() async throws {
    let server = try await TestServer.start()
    let lines = try await server.client { port in
        let body =
            "Subject: x\r\n\r\n" + String(repeating: String(repeating: "x", count: 998) + "\r\n", count: 240)
        var text = "a LOGIN tim pass\r\nb APPEND INBOX {\(body.utf8.count)+}\r\n\(body)\r\nc SELECT INBOX\r\n"
        for _ in 0..<50 { text += "d COPY 1 INBOX\r\n" }
        text += "e FETCH 1:* (BODY.PEEK[] UID)\r\n"
        return try talk(port, text, until: "e OK").count
    }
    #expect(lines > 51 * 240)
    await server.stop()
}
