import Logging
import MailStore
import ServerCore

extension Session {
    /// Addresses, security and session as every login line has them.
    private var circumstances: String {
        var text = "rip=\(self.connection.remoteAddress), lip=\(self.connection.localAddress)"
        if self.connection.tls != nil {
            text += ", TLS"
        } else if self.connection.remoteAddress.isLocal {
            text += ", secured"
        }
        return text + ", session=<\(self.connection.sessionID)>"
    }

    func logLogin(_ user: String, _ method: String) {
        self.service.logger.info("imap-login: Login: user=<\(user)>, method=\(method), \(self.circumstances)")
    }

    func logFailedLogin(_ user: String, _ method: String, _ reason: String) {
        self.service.logger.info(
            "imap-login: Login failed: \(reason): user=<\(printable(user))>, method=\(method), \(self.circumstances)")
    }

    /// The one line at the end of a session.
    func logEnd(_ reason: String) {
        guard let user = self.user else {
            let attempts =
                self.failedLogins == 0
                ? "no auth attempts" : "auth failed, \(self.failedLogins) attempts"
            let seconds = (ContinuousClock.now - self.start).components.seconds
            self.service.logger.info(
                "imap-login: Disconnected: \(reason) (\(attempts) in \(seconds) secs): user=<>, \(self.circumstances)")
            return
        }
        let s = self.statistics
        self.service.logger.info(
            """
            imap(\(user))<\(self.connection.sessionID)>: Disconnected: \(reason) in=\(self.connection.bytesIn) \
            out=\(self.connection.bytesOut) deleted=\(s.deleted) expunged=\(s.expunged) trashed=\(s.trashed) \
            hdr_count=\(s.headerCount) hdr_bytes=\(s.headerBytes) body_count=\(s.bodyCount) \
            body_bytes=\(s.bodyBytes)
            """)
    }

    /// An error that only the administrator can do something about.
    func logFault(_ error: StoreError) {
        guard error.isServerFault else { return }
        self.service.logger.error(
            "imap(\(self.user ?? ""))<\(self.connection.sessionID)>: \(error.description)")
    }
}

/// What a peer sent, fit for one line of a log.
private func printable(_ text: String) -> String {
    var out = ""
    for scalar in text.unicodeScalars.prefix(128) {
        out.unicodeScalars.append(scalar.value < 0x20 || (0x7F..<0xA0).contains(scalar.value) ? "?" : scalar)
    }
    return out
}
