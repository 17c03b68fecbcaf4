import CLinux
import Glibc
import ServerConfig

/// A connection to a socket of the daemon; the caller closes it.
///
/// The supervisor keeps the sockets while a role is not there, so that who connects is neither refused nor answered:
/// each wait has an end.
struct LocalSocket {
    /// How long the daemon has, once connected to, to say its first word. In milliseconds.
    static let patience = 10_000

    let descriptor: CInt

    enum Failure: Error {
        /// The system has no such name for a socket.
        case pathTooLong
        /// Nobody has taken the connection in time.
        case noAnswer
        /// An errno.
        case system(CInt)
    }

    /// Connects, and waits with that, and later with reading and writing, so many milliseconds.
    init(_ path: String, patience: Int = Self.patience) throws(Failure) {
        self.descriptor = martlet_connect_unix(path, 0, CInt(clamping: patience))
        guard self.descriptor < 0 else { return }
        switch -self.descriptor {
        case ENAMETOOLONG: throw Failure.pathTooLong
        case EAGAIN: throw Failure.noAnswer
        case let number: throw Failure.system(number)
        }
    }

    /// How long reading and writing may wait, in milliseconds; 0: as long as it takes. They fail with EAGAIN then.
    func setPatience(_ milliseconds: Int) {
        martlet_limit_waits(self.descriptor, Int64(milliseconds))
    }
}

extension LoggingSettings {
    /// Where to look, for a person.
    var place: String {
        switch self.path {
        case "stderr": "standard error of martletd, which is in the journal under systemd"
        case "syslog": "syslog"
        default: self.path
        }
    }
}
