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
        let descriptor = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw Failure.system(errno) }
        self.descriptor = descriptor
        self.setPatience(patience)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        guard bytes.count < MemoryLayout.size(ofValue: address.sun_path) else {
            close(descriptor)
            throw Failure.pathTooLong
        }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        let size = socklen_t(MemoryLayout<sockaddr_un>.size)
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(descriptor, $0, size) }
        }
        guard result != 0 else { return }
        let number = errno
        close(descriptor)
        throw number == EAGAIN ? Failure.noAnswer : Failure.system(number)
    }

    /// How long reading and writing may wait, in milliseconds; 0: as long as it takes. They fail with EAGAIN then.
    func setPatience(_ milliseconds: Int) {
        var patience = timeval(tv_sec: milliseconds / 1000, tv_usec: milliseconds % 1000 * 1000)
        for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
            setsockopt(self.descriptor, SOL_SOCKET, option, &patience, socklen_t(MemoryLayout<timeval>.size))
        }
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
