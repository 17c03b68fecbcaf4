import IMAPCore
import MailCore
import MailStore
import Testing
import TranscriptKit

@testable import IMAPServer

/// Messages come into a result and leave it as they grow older (RFC 5032 section 2, RFC 5267 section 4.3).
@Suite struct AgeUpdateTests {
    @Test func messagesGrowOlder() async throws {
        // INTERNALDATEs cannot be in the future of the test, so that one waits for the second to pass.
        let text = #"""
            C: a LOGIN $user $pass
            S: a OK *
            C: b APPEND INBOX {#+}
            C| Subject: one
            S: b OK *
            C: c SELECT INBOX
            S: c OK *
            C: d SEARCH RETURN (ALL UPDATE) OLDER 3
            S: d OK *
            C: e SEARCH RETURN (ALL UPDATE) YOUNGER 3
            S: e OK *
            C: f IDLE
            S: * ESEARCH (TAG "d") ADDTO (0 1)
            S: * ESEARCH (TAG "e") REMOVEFROM (0 1)
            C: DONE
            S: f OK *
            """#
        let transcript = try Transcript(name: "imap/inline", text: text)
        let server = try await TestServer.start { $0.idleNotifyInterval = .milliseconds(700) }
        let problem = try await server.client { port in
            transcript.hold(ports: ["imap": port], names: ["user": "tim", "pass": "pass"])
        }
        if let problem { Issue.record("\(problem)") }
        await server.stop()
    }
}
