import Authentication
import Glibc
import Logging
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
        self.loginLog.user = user
        self.loginLog.method = method
        self.options.logger.info(
            "imap-login: \(self.loginLog.login(processID: getpid(), fields: self.fields))")
    }

    /// - Parameter name: what the client called itself; empty when that is not known.
    func logFailedLogin(_ name: String, _ method: String, _ code: AuthenticationFailure.Code) {
        self.loginLog.failures += 1
        self.loginLog.user = name
        self.loginLog.method = method
        let why =
            switch code {
            case .temporary: "internal failure"
            case .cancelled: "authentication aborted"
            case .credentials, .authorization, .userDisabled, .passwordExpired, .malformedResponse,
                .unknownMechanism:
                "auth failed"
            }
        // In the form that fail2ban's rules know.
        self.options.logger.info(
            """
            imap-login: Aborted login (\(why), \(self.loginLog.failures) attempts): \
            user=<\(LogText.field(name))>, method=\(method), \(self.peer)
            """)
    }

    /// A login with the right password that leads nowhere.
    func logRefusedLogin(_ user: String, _ method: String, _ why: String) {
        self.options.logger.warning(
            "imap-login: \(why): user=<\(LogText.field(user))>, method=\(method), \(self.peer)")
    }

    private var peer: String {
        let connection = self.connection
        let security = connection.tls != nil ? ", TLS" : connection.remoteAddress.isLocal ? ", secured" : ""
        return
            "rip=\(connection.remoteAddress), lip=\(connection.localAddress)\(security), session=<\(connection.sessionID)>"
    }

    /// The one line at the end of a session.
    func logEnd(_ reason: String) {
        guard self.user != nil else {
            self.options.logger.info(
                "imap-login: \(self.loginLog.disconnected(reason, fields: self.fields))")
            return
        }
        let s = self.statistics
        let out = self.connection.bytesOut + UInt64(self.connection.output.count)
        self.options.logger.info(
            """
            \(self.label): Disconnected: \(reason) in=\(self.connection.bytesIn) out=\(out) \
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
