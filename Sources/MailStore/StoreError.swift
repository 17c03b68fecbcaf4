import Glibc

/// Why the store refused or failed. The code is what a client can act on; the detail is for the log only and
/// may name paths and errno, so it never goes on the wire.
public struct StoreError: Error, Sendable, CustomStringConvertible {
    public enum Code: Sendable, Hashable {
        /// No such account, mailbox or message.
        case notFound
        /// The mailbox to create, or the target of a rename, exists.
        case alreadyExists
        /// Not allowed to this user.
        case noPermission
        /// Cannot be done by rule: delete INBOX, select a name that is no mailbox, a name the format cannot hold.
        case cannot
        /// The message or the mailbox has been expunged meanwhile.
        case expunged
        /// Over quota.
        case overQuota
        /// The message exceeds a size limit.
        case tooBig
        /// A count limit is reached: keywords, mailboxes, requests waiting.
        case limit
        /// Another process holds it.
        case inUse
        /// The disk is full; service resumes when there is space.
        case diskFull
        /// Try again later: I/O error, stopped volume, shutdown.
        case temporary
        /// On-disk data that cannot be understood.
        case damaged
    }

    public var code: Code
    public var detail: String

    public init(_ code: Code, _ detail: String = "") {
        self.code = code
        self.detail = detail
    }

    public var description: String { self.detail.isEmpty ? "\(self.code)" : "\(self.code): \(self.detail)" }
}

extension StoreError {
    /// The error that the calling thread's `errno` stands for, with the operation in the detail.
    public static func fromErrno(_ operation: String) -> StoreError {
        let number = errno
        let detail = "\(operation): \(String(cString: strerror(number)))"
        return switch number {
        case ENOSPC, EDQUOT: StoreError(.diskFull, detail)
        case ENOENT, ENOTDIR: StoreError(.notFound, detail)
        case EACCES, EPERM: StoreError(.noPermission, detail)
        case EEXIST, ENOTEMPTY: StoreError(.alreadyExists, detail)
        case ENAMETOOLONG, EINVAL: StoreError(.cannot, detail)
        default: StoreError(.temporary, detail)
        }
    }

    /// As `fromErrno` for files that are the server's own: whatever is wrong with them, to a client it is no more
    /// than a full disk or a temporary problem. A missing spool directory is no missing mailbox.
    public static func ofServer(_ operation: String) -> StoreError {
        let error = Self.fromErrno(operation)
        return error.code == .diskFull ? error : StoreError(.temporary, error.detail)
    }
}
