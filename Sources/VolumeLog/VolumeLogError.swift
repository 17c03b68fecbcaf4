internal import Glibc

/// A failure of the volume's log.
public struct VolumeLogError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Why it failed, in terms of what the engine can do about it.
    public enum Code: Hashable, Sendable {
        /// Another process has the directory open; its process id if the lock file tells.
        case locked(holder: Int32?)
        /// A write or flush failed before: nothing is accepted until the log is opened again.
        case stopped
        /// No space. Nothing of the batch was kept; the next commit may succeed.
        case diskFull
        /// No descriptors or no memory. Nothing of the batch was kept; the next commit may succeed.
        case exhausted
        /// The file a record was to be filled from is shorter than announced or cannot be read. Nothing was kept.
        case sourceUnreadable
        /// A payload is longer than `VolumeLog.maximumPayload`. Nothing was kept.
        case payloadTooLarge
        /// A record or segment is not what its checksum says.
        case damaged
        /// The location names no segment or no place in it (recycled since, or never valid).
        case noSuchRecord
        /// A segment is of a newer format than this code knows.
        case unsupportedVersion
        case inputOutput
        case permissionDenied
        case readOnly
        case fileNotFound
        case other
    }

    public let code: Code
    /// The system call or step that failed.
    public let operation: StaticString
    /// The file, for the log only.
    public let path: String
    /// The `errno`, 0 if there was none.
    public let number: Int32

    init(_ code: Code, _ operation: StaticString, _ path: String, number: Int32 = 0) {
        self.code = code
        self.operation = operation
        self.path = path
        self.number = number
    }

    /// The error of a system call that has just failed.
    init(errno number: Int32, _ operation: StaticString, _ path: String) {
        let code: Code =
            switch number {
            // EFBIG: the file size limit of the process, a full disk by another name.
            case ENOSPC, EDQUOT, EFBIG: .diskFull
            case EMFILE, ENFILE, ENOMEM: .exhausted
            case EIO: .inputOutput
            case EACCES, EPERM: .permissionDenied
            case EROFS: .readOnly
            case ENOENT, ENOTDIR: .fileNotFound
            default: .other
            }
        self.init(code, operation, path, number: number)
    }

    public var description: String {
        let reason: String
        if case .locked(let holder) = self.code {
            reason = holder.map { "process \($0) has it" } ?? "another process has it"
        } else {
            reason = self.number == 0 ? "\(self.code)" : String(cString: strerror(self.number))
        }
        return "\(self.operation) \(self.path): \(reason)"
    }

    public static func == (a: VolumeLogError, b: VolumeLogError) -> Bool {
        a.code == b.code && a.number == b.number && a.path == b.path
    }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(self.code)
        hasher.combine(self.path)
    }
}
