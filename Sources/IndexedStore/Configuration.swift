public import MailCore
public import MailStore
package import VolumeLog

extension IndexedStore {
    /// When changes are flushed (`mail_fsync`).
    public enum Fsync: Sendable, Hashable {
        /// Messages and mailboxes before the answer, flags and expunges within a second.
        case optimized
        /// Everything before the answer.
        case always
        /// Never; a power loss may lose what was answered.
        case never
    }

    /// How urgent a log line is.
    public enum LogLevel: Sendable, Hashable { case notice, warning, error }

    /// A mailbox that settings name (`namespace { mailbox NAME { ... } }`).
    public struct MailboxDefault: Sendable, Hashable {
        public enum Creation: Sendable, Hashable {
            case no
            /// Made when the account is opened and the mailbox is not there.
            case create
            /// The same, and subscribed.
            case subscribe
        }

        public var name: MailboxName
        public var specialUse: SpecialUse?
        public var creation: Creation
        /// Other names by which clients may call it.
        public var aliases: [MailboxName]

        public init(
            name: MailboxName, specialUse: SpecialUse? = nil, creation: Creation = .no, aliases: [MailboxName] = []
        ) {
            self.name = name
            self.specialUse = specialUse
            self.creation = creation
            self.aliases = aliases
        }
    }

    /// Bounds of the trace.
    public struct TraceLimits: Sendable, Hashable {
        /// Octets of its rows; 0: nothing is noted.
        public var octets: UInt64 = 64 << 20
        /// Seconds.
        public var age: Int64 = 30 * 86_400

        public init() {}
    }

    /// Everything a store needs to know.
    public struct Configuration: Sendable {
        /// The volume's directory: log, index and spool files. Made when its parent is there.
        public var directory: String
        /// The volume's name in settings; empty for the only one.
        public var volumeName = ""
        /// The body formats that accounts may have, by their names in settings.
        public var bodyFormats: [String: any BodyFormat]
        /// Reads bodies that are packed; `nil`: none can be.
        public var bodyCodec: (any BodyCodec)?
        /// Whether bodies that come into the log are packed.
        public var packsBodies = false
        public var fsync = Fsync.optimized
        public var mailboxDefaults: [MailboxDefault] = []
        public var namespaces: [Namespace] = [
            Namespace(kind: .personal, prefix: "", separator: UInt8(ascii: "/"))
        ]
        /// Threads for work that waits for the disk.
        public var threadCount = 8
        /// Nanoseconds for which somebody waits for files to be as the index says, as the move of an account does.
        package var longestFileWait: UInt64 = 60_000_000_000
        /// Nanoseconds until what files refused is tried again for the first time.
        package var shortestRetry: UInt64 = 1_000_000_000
        /// Octets of messages that may be on their way at once; further deliveries wait.
        public var maximumPendingOctets = 256 << 20
        /// Octets of one log segment.
        public var logSegmentSize = 64 << 20
        /// Octets of the log after which the index is written into it anew, so that what is before can be forgotten.
        public var checkpointInterval = 256 << 20
        /// Octets a second that checkpoints and cleaning may write; 0: no cleaning.
        public var backgroundRate = 20 << 20
        /// Seconds for which a segment that nothing needs any more is kept, so that whoever copies the volume file by
        /// file meanwhile finds it. Not while the file system is nearly full.
        public var segmentRetention: Int64 = 0
        /// A segment is cleaned when less than this part of it, in hundredths, is needed.
        public var cleaningThreshold = 50
        /// Accounts kept open although nobody uses them.
        public var maximumIdleAccounts = 10_000
        /// Messages, at 32 octets, kept in memory for mailboxes that nobody has open.
        public var maximumIdleMessages = 500_000
        /// Whether mailboxes that sessions have open are watched for changes by other programs.
        public var watchesFiles = true
        /// How much is kept of what happened to mail.
        public var trace = TraceLimits()
        /// Seconds since 1970.
        public var clock: @Sendable () -> Int64
        /// Takes log lines; must be quick.
        public var log: @Sendable (LogLevel, String) -> Void = { _, _ in }
        /// Takes levels that accounts' usage crossed, from any thread and with locks held: must only note it.
        public var quotaCrossed: @Sendable (QuotaCrossing) -> Void = { _ in }
        /// Octets that the index maps at first, for tests that have it grow; 0 for what it does otherwise.
        package var indexMapSize = 0
        /// The log's system calls, for tests that let them fail.
        package var logFiles = FileOperations.system
        package var crashPoint: @Sendable (CrashPoint) -> Void = { _ in }
        /// Octets that one step of a COPY between formats holds in memory.
        package var conversionStep = 16 << 20

        /// A volume whose accounts all are in the first format.
        public init(directory: String, bodyFormat: any BodyFormat, clock: @escaping @Sendable () -> Int64) {
            self.init(
                directory: directory, bodyFormats: [AccountIdentity.firstDriver: bodyFormat], clock: clock)
        }

        public init(
            directory: String, bodyFormats: [String: any BodyFormat], clock: @escaping @Sendable () -> Int64
        ) {
            self.directory = directory
            self.bodyFormats = bodyFormats
            self.clock = clock
        }

        /// The format of an account; `.cannot` when this server has none of that name.
        func format(of identity: AccountIdentity) throws(StoreError) -> any BodyFormat {
            guard let format = self.bodyFormats[identity.driver] else {
                throw StoreError(.cannot, "account \(identity.name): no body format \(identity.driver)")
            }
            return format
        }
    }

    /// What opening a volume found and did; for one log line.
    public struct OpenReport: Sendable, Hashable {
        /// Whether the volume was closed cleanly before, or is new.
        public var wasClean = true
        /// Whether there was no index; it was then made again from the log as far as that goes.
        public var isIndexNew = false
        /// Records of the log put into the index.
        public var replayedRecords = 0
        /// Message files made sure of: written again where they were missing or cut short.
        public var checkedFiles = 0
        /// Message files that could not be written again; they are kept in the log and tried at the next start.
        public var uncheckedFiles = 0
        /// Octets of never acknowledged writing cut off the log.
        public var tornOctets = 0
        /// Stretches or records of the log that cannot be read. Acknowledged changes may be lost in them.
        public var damages = 0

        public init() {}
    }
}
