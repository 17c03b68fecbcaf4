import Authentication
import IMAPCore
import MailStore
import ServerConfig
import Testing
import TranscriptKit

@testable import IMAPServer

/// The response codes of RFC 5530 that need a store, or a login, that fails.
@Suite struct ResponseCodeTests {
    @Test(arguments: [
        (StoreError.Code.notFound, "NONEXISTENT"), (.alreadyExists, "ALREADYEXISTS"), (.noPermission, "NOPERM"),
        (.cannot, "CANNOT"), (.expunged, "EXPUNGEISSUED"), (.overQuota, "OVERQUOTA"), (.tooBig, "TOOBIG"),
        (.limit, "LIMIT"), (.inUse, "INUSE"), (.diskFull, "UNAVAILABLE"), (.temporary, "UNAVAILABLE"),
        (.damaged, "CORRUPTION"),
    ])
    func ofTheStore(_ code: StoreError.Code, _ name: String) throws {
        let response = StoreError(code, "/a/path that no client sees").response
        var out = ResponseEncoder()
        out.tagged(try #require(Tag(Array("a".utf8))), .no, response.code, response.text)
        let line = String(decoding: out.bytes, as: UTF8.self)
        #expect(line.hasPrefix("a NO [\(name)] "))
        #expect(!line.contains("path"))
    }

    /// A right that was taken away is no fault of the server, as files of a wrong owner are.
    @Test func ofWhatMayNotBeRead() {
        #expect(StoreError(.noPermission).fetchCode == .noPermission)
        #expect(StoreError(.noPermission, "/a/path: EACCES").fetchCode == .unavailable)
    }

    private func hold(_ text: String, _ change: (inout IMAPSessionSettings) -> Void = { _ in }) async throws {
        let transcript = try Transcript(name: "imap/inline", text: text)
        let server = try await TestServer.start(change)
        let problem = try await server.client { port in
            transcript.hold(ports: ["imap": port], names: ["user": "tim", "pass": "pass"])
        }
        if let problem { Issue.record("\(problem)") }
        await server.stop()
    }

    @Test func ofLogins() async throws {
        try await self.hold(
            #"""
            C: a LOGIN credentials $pass
            S: a NO [AUTHENTICATIONFAILED] *
            C: b LOGIN authorization $pass
            S: b NO [AUTHORIZATIONFAILED] *
            C: c LOGIN userDisabled $pass
            S: c NO [CONTACTADMIN] *
            C: d LOGIN passwordExpired $pass
            S: d NO [EXPIRED] *
            C: e LOGIN temporary $pass
            S: e NO [UNAVAILABLE] *
            """#)
    }

    /// `imap_fetch_failure`: what becomes of a FETCH with a message that cannot be read.
    @Test(arguments: FetchFailurePolicy.allCases) func ofUnreadableMessages(_ policy: FetchFailurePolicy) async throws {
        let begin = #"""
            C: a LOGIN $user $pass
            S: a OK *
            C: b APPEND INBOX {#+}
            C| Subject: one
            S: b OK *
            C: c APPEND INBOX {#+}
            C| Unreadable: two
            S: c OK *
            C: d APPEND INBOX {#+}
            C| Subject: three
            S: d OK *
            C: e SELECT INBOX
            S: e OK *
            C: f FETCH 1:* BODY.PEEK[]
            S: * 1 FETCH (BODY[] {*}

            """#
        let end =
            switch policy {
            case .refusal: "S: * 3 FETCH (BODY[] {*}\nS: f NO [CORRUPTION] *\nC: g NOOP\nS: g OK *\n"
            case .lateDisconnection: "S: * 3 FETCH (BODY[] {*}\nS: * BYE [CORRUPTION] *\nE:\n"
            case .disconnection: "!: * 3 FETCH *\nS: * BYE [CORRUPTION] *\nE:\n"
            }
        try await self.hold(begin + end) { $0.fetchFailure = policy }
    }

    /// What could not be sent has not been seen.
    @Test func unreadableMessagesDoNotBecomeSeen() async throws {
        try await self.hold(
            #"""
            C: a LOGIN $user $pass
            S: a OK *
            C: b APPEND INBOX {#+}
            C| Unreadable: one
            S: b OK *
            C: c APPEND INBOX {#+}
            C| Subject: two
            S: c OK *
            C: d SELECT INBOX
            S: d OK *
            C: e FETCH 1:* BODY[]
            S: * 2 FETCH (BODY[] {*}
            S: *FLAGS (*\Seen*))
            S: e NO [CORRUPTION] *
            C: f FETCH 1:* FLAGS
            !: * 1 FETCH (FLAGS (*\Seen*
            S: * 2 FETCH (FLAGS (*\Seen*))
            S: f OK *
            """#)
    }
}
