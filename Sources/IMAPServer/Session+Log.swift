import Authentication
import Glibc
import Logging
import Login
import MailStore
import ServerCore

extension Session {
    /// How log lines about the session begin.
    private var label: String {
        LogLabel.session(
            "imap", user: self.user ?? "", processID: getpid(), sessionID: self.connection.sessionID)
    }

    private var fields: ConnectionLogFields { ConnectionLogFields(self.connection) }

    func logLogin(_ user: String, _ method: String) {
        let line = self.loginLog.succeeded(
            user: user, method: method, processID: getpid(), fields: self.fields)
        self.options.logger.info("\(line)")
    }

    /// - Parameter name: what the client called itself; empty when that is not known.
    func logFailedLogin(_ name: String, _ method: String, _ failure: AuthenticationFailure) {
        let line = self.loginLog.failed(user: name, method: method, why: failure.logText, fields: self.fields)
        self.options.logger.info("\(line)")
    }

    /// A login with the right password that leads nowhere.
    func logRefusedLogin(_ user: String, _ method: String, _ why: String, _ level: Logger.Level) {
        let line = self.loginLog.refused(user: user, method: method, why: why, fields: self.fields)
        self.options.logger.log(level: level, "\(line)")
    }

    /// The one line at the end of a session.
    func logEnd(_ reason: String) {
        guard self.user != nil else {
            self.options.logger.info("\(self.loginLog.disconnected(reason, fields: self.fields))")
            return
        }
        let s = self.statistics
        // A figure for the log must not end the process, whatever it is.
        let (inTotal, outTotal) = (
            self.connection.bytesIn, self.connection.bytesOut &+ UInt64(self.connection.output.count))
        let received = inTotal - min(inTotal, self.octetsBefore.received)
        let sent = outTotal - min(outTotal, self.octetsBefore.sent)
        self.options.logger.info(
            """
            \(self.label): Disconnected: \(reason) in=\(received) out=\(sent) \
            deleted=\(s.deleted) expunged=\(s.expunged) trashed=\(s.trashed) hdr_count=\(s.headerCount) \
            hdr_bytes=\(s.headerBytes) body_count=\(s.bodyCount) body_bytes=\(s.bodyBytes)
            """)
    }

    /// An error that only the administrator can do something about.
    func logFault(_ error: StoreError) {
        guard error.isServerFault else { return }
        self.options.logger.error("\(self.label): \(error.description)")
    }

    func logDebug(_ text: String) { self.options.logger.debug("\(self.label): \(text)") }
}
