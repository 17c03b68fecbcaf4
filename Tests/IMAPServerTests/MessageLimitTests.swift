import Testing
import TranscriptKit

@testable import IMAPServer

/// Conversations with servers that have settings of their own.
@Suite struct MessageLimitTests {
    private func hold(_ text: String, _ change: (inout IMAPSessionSettings) -> Void) async throws {
        let transcript = try Transcript(name: "imap/inline", text: text)
        let server = try await TestServer.start(change)
        let problem = try await server.client { port in
            transcript.hold(ports: ["imap": port], names: ["user": "tim", "pass": "pass"])
        }
        if let problem { Issue.record("\(problem)") }
        await server.stop()
    }

    /// RFC 9738 section 3.1: the messages with the highest UIDs, from the highest down, and the lowest of them told.
    @Test func commandsAreCut() async throws {
        try await self.hold(
            #"""
            S: * OK *
            C: a LOGIN $user $pass
            S: a OK *MESSAGELIMIT=3*
            C: b APPEND INBOX {1+}
            C: a {1+}
            C: b {1+}
            C: c {1+}
            C: d
            S: b NO [MESSAGELIMIT 3] *
            C: c APPEND INBOX {1+}
            C: a {1+}
            C: b {1+}
            C: c
            S: c OK *
            C: d APPEND INBOX {1+}
            C: d {1+}
            C: e {1+}
            C: f
            S: d OK *
            C: e SELECT INBOX
            S: e OK *
            C: f FETCH 1:* (UID)
            =: * 6 FETCH (UID 6)
            =: * 5 FETCH (UID 5)
            =: * 4 FETCH (UID 4)
            =: f OK [MESSAGELIMIT 3 4] *
            C: g UID FETCH 1,3:5 (BODY.PEEK[])
            S: * 5 FETCH (UID 5 *
            S: * 4 FETCH (UID 4 *
            S: * 3 FETCH (UID 3 *
            S: g OK [MESSAGELIMIT 3 3] *
            C: h FETCH 1:3 (UID)
            S: * 1 FETCH (UID 1)
            =: * 2 FETCH (UID 2)
            =: * 3 FETCH (UID 3)
            =: h OK Fetch *
            C: i UID FETCH 1:* (UID) (PARTIAL 1:4)
            =: i NO [MESSAGELIMIT 3] *
            C: j UID FETCH 1:* (UID) (PARTIAL 1:3)
            =: * 1 FETCH (UID 1)
            =: * 2 FETCH (UID 2)
            =: * 3 FETCH (UID 3)
            =: j OK Fetch *
            C: k STORE 1:4 +FLAGS (\Deleted)
            =: * 4 FETCH (*\Deleted*
            =: * 3 FETCH (*\Deleted*
            =: * 2 FETCH (*\Deleted*
            =: k OK [MESSAGELIMIT 3 2] *
            C: l SEARCH UNDELETED
            =: * SEARCH 5 6
            =: l OK [MESSAGELIMIT 3 4] *
            C: m UID SEARCH UNDELETED UID 1:4
            =: * SEARCH
            =: m OK [MESSAGELIMIT 3 2] *
            C: n UID SEARCH UIDBEFORE 4
            =: * SEARCH 1 2 3
            =: n OK Search *
            C: o UID SEARCH UIDAFTER 2 UIDBEFORE 6 UNDELETED
            =: * SEARCH 5
            =: o OK Search *
            C: p UID SEARCH UIDAFTER 6
            =: * SEARCH
            =: p OK Search *
            C: q UID SEARCH UIDBEFORE 1
            =: * SEARCH
            =: q OK Search *
            C: r SEARCH UIDAFTER 0
            S: r BAD *
            C: s UID SEARCH RETURN (SAVE) ALL
            =: s OK [MESSAGELIMIT 3 4] *
            C: t UID FETCH $ (UID)
            =: * 4 FETCH (UID 4)
            =: * 5 FETCH (UID 5)
            =: * 6 FETCH (UID 6)
            =: t OK Fetch *
            C: u SORT (ARRIVAL) UTF-8 ALL
            =: u NO [MESSAGELIMIT 3] *
            C: v THREAD REFERENCES UTF-8 ALL
            =: v NO [MESSAGELIMIT 3] *
            C: w UID SORT (ARRIVAL) UTF-8 UIDAFTER 3
            =: * SORT 4 5 6
            =: w OK *
            C: x CREATE other
            S: x OK *
            C: y COPY 1:4 other
            =: y NO [MESSAGELIMIT 3 2] *
            C: z STATUS other (MESSAGES)
            =: * STATUS other (MESSAGES 0)
            S: z OK *
            C: A UID COPY 1:3 other
            S: A OK [COPYUID *
            C: B STORE 1 +FLAGS.SILENT (\Deleted)
            S: B OK Store *
            C: C UID EXPUNGE 1:6
            =: * 4 EXPUNGE
            =: * 3 EXPUNGE
            =: * 2 EXPUNGE
            =: C OK [MESSAGELIMIT 3 2] *
            C: D APPEND INBOX {1+}
            C: g
            S: D OK *
            C: E UID MOVE 1:* other
            S: * OK [COPYUID * 5:7 *] *
            =: * 4 EXPUNGE
            =: * 3 EXPUNGE
            =: * 2 EXPUNGE
            =: E OK [MESSAGELIMIT 3 5] *
            # EXPUNGE is not cut.
            C: F SELECT other
            S: F OK *
            C: G UID STORE 1:3 +FLAGS.SILENT (\Deleted)
            S: G OK *
            C: H UID STORE 4:6 +FLAGS.SILENT (\Deleted)
            S: H OK *
            C: I EXPUNGE
            S: * 1 EXPUNGE
            =: I OK Expunge *
            """#
        ) { $0.messageLimit = 3 }
    }

    /// Another code in the answer: the limit goes ahead in a response of its own.
    @Test func limitBesideAnotherCode() async throws {
        try await self.hold(
            #"""
            S: * OK *
            C: a LOGIN $user $pass
            S: a OK *MESSAGELIMIT=2*
            !: *SAVELIMIT*
            C: b APPEND INBOX {1+}
            C: a {1+}
            C: b
            S: b OK *
            C: c APPEND INBOX {1+}
            C: c
            S: c OK *
            C: d ENABLE QRESYNC
            S: d OK *
            C: e SELECT INBOX
            S: e OK *
            C: f STORE 1:* (UNCHANGEDSINCE 1) +FLAGS (\Seen)
            S: * NO [MESSAGELIMIT 2 2] *
            S: f OK [MODIFIED 2:3] *
            C: g CREATE other
            S: g OK *
            C: h UID MOVE 1:* other
            S: * VANISHED 2:3
            =: * NO [MESSAGELIMIT 2 2] *
            =: h OK [HIGHESTMODSEQ *] *
            """#
        ) {
            $0.messageLimit = 2
            $0.saveLimit = 1
        }
    }

    /// SAVELIMIT is about COPY and APPEND alone.
    @Test func saveLimit() async throws {
        try await self.hold(
            #"""
            S: * OK *
            C: a LOGIN $user $pass
            S: a OK *SAVELIMIT=1*
            C: b APPEND INBOX {1+}
            C: a {1+}
            C: b
            S: b NO [MESSAGELIMIT 1] *
            C: c APPEND INBOX {1+}
            C: a
            S: c OK *
            C: d APPEND INBOX {1+}
            C: b
            S: d OK *
            C: e SELECT INBOX
            S: e OK *
            C: f FETCH 1:* (UID)
            =: * 1 FETCH (UID 1)
            =: * 2 FETCH (UID 2)
            =: f OK Fetch *
            C: g CREATE other
            S: g OK *
            C: h COPY 1:2 other
            =: h NO [MESSAGELIMIT 1 2] *
            C: i MOVE 1:2 other
            S: * OK [COPYUID * 1:2 1:2] *
            =: * 2 EXPUNGE
            =: * 1 EXPUNGE
            =: i OK Move *
            """#
        ) { $0.saveLimit = 1 }
    }

    @Test func batches() async throws {
        try await self.hold(
            #"""
            S: * OK *
            C: a LOGIN $user $pass
            S: a OK * UIDBATCHES *
            C: b APPEND INBOX {1+}
            C: a {1+}
            C: b {1+}
            C: c {1+}
            C: d {1+}
            C: e {1+}
            C: f {1+}
            C: g
            S: b OK *
            C: c SELECT INBOX
            S: c OK *
            C: d UID STORE 1,4 +FLAGS.SILENT (\Deleted)
            S: d OK *
            C: e EXPUNGE
            S: e OK *
            C: f UIDBATCHES 2
            =: * UIDBATCHES (TAG "f") 7:6,5:3,2:1
            =: f OK *
            C: g UIDBATCHES 2 2:3
            =: * UIDBATCHES (TAG "g") 5:3,2:1
            =: g OK *
            C: h UIDBATCHES 2 3:9
            =: * UIDBATCHES (TAG "h") 2:1
            =: h OK *
            C: i UIDBATCHES 2 4:4294967295
            =: * UIDBATCHES (TAG "i")
            =: i OK *
            C: j UIDBATCHES 5
            =: * UIDBATCHES (TAG "j") 7:1
            =: j OK *
            C: k UIDBATCHES 4294967295 4294967295:4294967295
            =: * UIDBATCHES (TAG "k")
            =: k OK *
            C: l UIDBATCHES 1
            =: l NO [TOOFEW] *
            """#
        ) { $0.minimumBatchSize = 2 }
    }

    /// ESEARCH is limited in each mailbox; the UID is told of one alone.
    @Test func extendedSearchIsCut() async throws {
        try await self.hold(
            #"""
            C: a LOGIN $user $pass
            S: a OK *
            C: b CREATE other
            S: b OK *
            C: c APPEND INBOX {1+}
            C: a {1+}
            C: b
            S: c OK *
            C: d APPEND INBOX {1+}
            C: a {1+}
            C: b
            S: d OK *
            C: e APPEND other {1+}
            C: a
            S: e OK *
            C: f ESEARCH IN (mailboxes INBOX) RETURN (ALL) ALL
            =: * ESEARCH (TAG "f" MAILBOX INBOX UIDVALIDITY *) UID ALL 3:4
            =: f OK [MESSAGELIMIT 2 3] *
            C: g ESEARCH IN (mailboxes (INBOX other)) RETURN (ALL) ALL
            S: * ESEARCH (TAG "g" MAILBOX INBOX UIDVALIDITY *) UID ALL 3:4
            S: * ESEARCH (TAG "g" MAILBOX other UIDVALIDITY *) UID ALL 1
            S: g OK [MESSAGELIMIT 2] *
            C: h ESEARCH IN (mailboxes INBOX) RETURN (ALL) UIDBEFORE 3
            =: * ESEARCH (TAG "h" MAILBOX INBOX UIDVALIDITY *) UID ALL 1:2
            =: h OK Search *
            C: i SELECT INBOX
            S: i OK *
            C: j ESEARCH IN (selected) RETURN (ALL) ALL
            S: j OK [MESSAGELIMIT 2 3] *
            """#
        ) { $0.messageLimit = 2 }
    }
}
