import NIOCore
import ServerCore
import Testing

@testable import Login

@Suite struct LoginLogTests {
    @Test func loginLinesHaveTheKnownForm() {
        let fields = ConnectionLogFields(
            remote: PeerAddress(try? .init(ipAddress: "192.0.2.1", port: 1)),
            local: PeerAddress(try? .init(ipAddress: "192.0.2.2", port: 143)), tls: true, isProtected: true, sessionID: "S1")
        let rest = "rip=192.0.2.1, lip=192.0.2.2, TLS, session=<S1>"
        var log = LoginLog(service: "imap", now: UnixTime(seconds: 100))
        #expect(
            log.disconnected("Connection closed", fields: fields, now: UnixTime(seconds: 101))
                == "imap-login: Disconnected: Connection closed (no auth attempts in 1 secs): user=<>, \(rest)")
        #expect(
            log.failed(
                user: "eve\n", method: "PLAIN", why: "auth failed", fields: fields, now: UnixTime(seconds: 102))
                == "imap-login: Aborted login (auth failed, 1 attempts in 2 secs): user=<eve\\x0a>, method=PLAIN, \(rest)"
        )
        // Not in the words of a failed attempt, which has been told.
        #expect(
            log.disconnected("Connection closed", fields: fields, now: UnixTime(seconds: 103))
                == "imap-login: Disconnected: Connection closed (gave up after 1 failed logins in 3 secs): user=<eve\\x0a>, method=PLAIN, \(rest)"
        )
        #expect(
            log.refused(user: "alice", method: "LOGIN", why: "too many", fields: fields)
                == "imap-login: Login refused (too many): user=<alice>, method=LOGIN, \(rest)")
        #expect(
            log.succeeded(user: "alice", method: "PLAIN", processID: 7, fields: fields)
                == "imap-login: Login: user=<alice>, method=PLAIN, rip=192.0.2.1, lip=192.0.2.2, mpid=7, TLS, session=<S1>"
        )
    }

    @Test func tenFailuresAreTheLast() {
        let local = PeerAddress(try? .init(ipAddress: "127.0.0.1", port: 143))
        let fields = ConnectionLogFields(remote: local, local: local, tls: false, isProtected: true, sessionID: "S")
        var log = LoginLog(service: "pop3", now: UnixTime(seconds: 0))
        for attempt in 1...10 {
            #expect(!log.hasNoAttemptsLeft, "before attempt \(attempt)")
            _ = log.failed(user: "u", method: "PLAIN", why: "auth failed", fields: fields)
        }
        #expect(log.hasNoAttemptsLeft)
    }
}
