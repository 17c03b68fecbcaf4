/// The exit statuses of `martlet`, as doveadm and sysexits(3) have them.
public enum AdminExit: Int32, Sendable {
    case success = 0
    /// The command line is wrong.
    case usage = 64
    /// The input is wrong: a search that does not parse, a message that is none.
    case data = 65
    /// No such user.
    case noUser = 67
    /// No such mailbox or session.
    case notFound = 68
    /// The daemon is not running and the command needs it.
    case unavailable = 69
    /// A fault of ours.
    case internalError = 70
    /// It exists already.
    case exists = 73
    /// Try again later.
    case temporary = 75
    /// Also: wrong password.
    case noPermission = 77
    case configuration = 78
}

/// Why a command ended early: what the person at the terminal reads, and the exit status.
public struct AdminError: Error, Sendable, Hashable {
    public var exit: AdminExit
    public var message: String

    public init(_ exit: AdminExit, _ message: String) {
        self.exit = exit
        self.message = message
    }
}
