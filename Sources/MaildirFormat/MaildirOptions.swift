import Glibc
import MailStore

/// How Maildirs are laid out and written.
public struct MaildirOptions: Sendable {
    /// Wall clock time.
    public struct WallTime: Sendable, Hashable {
        /// Since 1970.
        public var seconds: Int64
        /// 0 to 999,999.
        public var microseconds: UInt32

        public init(seconds: Int64, microseconds: UInt32 = 0) {
            self.seconds = seconds
            self.microseconds = microseconds
        }
    }

    /// What begins an escape in names of directories: printable, but no letter, digit, `.`, `/`, `~` or `&`.
    public var escapeCharacter = UInt8(ascii: "\\")
    /// Whether directories are named in UTF-8, modified UTF-7 otherwise. Either is read.
    public var namesInUTF8 = false
    /// Whether files keep CRLF line ends (`mail_save_crlf`); LF otherwise.
    public var saveCRLF = false
    /// Whether a rewritten text file reaches the disk before it takes its name. Off only for tests and
    /// `mail_fsync = never`.
    public var syncTextFiles = true
    /// In file names and lock files.
    public var hostName: String
    /// In file names and lock files.
    public var processID: Int32
    /// The most directories held open.
    public var openDirectories = 512
    /// How long another program's lock is waited for, in seconds.
    public var lockTimeout = 10
    public var clock: @Sendable () -> WallTime
    /// Told about what was repaired, for the log: one line, no line end.
    public var report: @Sendable (String) -> Void = { _ in }

    func levelCodec(_ layout: MailPlaces.Layout) -> MailboxLevelCodec {
        MailboxLevelCodec(
            escapeCharacter: self.escapeCharacter, writesUTF8: self.namesInUTF8,
            isLevelDirectory: layout == .directories)
    }

    public init() {
        var name = [CChar](repeating: 0, count: 256)
        gethostname(&name, name.count - 1)
        self.hostName = String(
            decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        self.processID = getpid()
        self.clock = {
            var now = timespec()
            clock_gettime(CLOCK_REALTIME, &now)
            return WallTime(seconds: Int64(now.tv_sec), microseconds: UInt32(now.tv_nsec / 1000))
        }
    }
}
