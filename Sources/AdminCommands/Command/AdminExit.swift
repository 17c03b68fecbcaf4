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

extension AdminExit: Comparable {
    /// How much is left to do for who reads it: first what some users may well not have, then what goes by itself, then what
    /// somebody has to look after.
    private var severity: Int {
        switch self {
        case .success: 0
        case .notFound: 1
        case .exists: 2
        case .noUser: 3
        case .temporary: 4
        case .unavailable: 5
        case .noPermission: 6
        case .usage: 7
        case .data: 8
        case .configuration: 9
        case .internalError: 10
        }
    }

    /// Less bad.
    public static func < (a: AdminExit, b: AdminExit) -> Bool { a.severity < b.severity }
}

/// Why a command ended early: what the person at the terminal reads, and the exit status.
public struct AdminError: Error, Sendable, Hashable {
    public var exit: AdminExit
    public var message: String

    public init(_ exit: AdminExit, _ message: String) {
        self.exit = exit
        self.message = message
    }

    /// No user was listed, which with some databases says nothing of who exists.
    package static func nobody(matching mask: String) -> AdminError {
        let who = mask == "*" ? "no user is listed" : "no user matches \(mask)"
        return AdminError(
            .noUser,
            "\(who): userdb passwd and passwd-file list their users, userdb static those of each passdb passwd-file, and others nobody"
        )
    }
}
