/// What the site has decided for extensions. The defaults are those that Pigeonhole's users know.
public struct SievePolicy: Sendable, Equatable {
    /// The user's own address, `sieve_user_email`.
    public var userEmail: String?
    public var postmasterAddress = "postmaster@localhost"
    /// Octets of which the first in a local part separates `:user` and `:detail` (RFC 5233).
    public var recipientDelimiter = "+"
    public var vacation = Vacation()
    public var editHeader = EditHeader()
    /// Notifications of one run; 0: notify is forbidden.
    public var maximumNotifications = 10
    /// How long `duplicate` remembers where a script does not say, and at most; seconds (RFC 7352 section 3).
    public var duplicatePeriod: Int64 = 12 * 3600
    public var maximumDuplicatePeriod: Int64 = 2 * 86400
    public var spamTest = StatusTest()
    public var virusTest = StatusTest()

    public init() {}

    /// RFC 5230 and 6131; seconds.
    public struct Vacation: Sendable, Equatable {
        public var minimumPeriod: Int64 = 86400
        /// 0: no limit.
        public var maximumPeriod: Int64 = 60 * 86400
        public var defaultPeriod: Int64 = 7 * 86400

        public init() {}
    }

    /// RFC 5293.
    public struct EditHeader: Sendable, Equatable {
        /// The largest value of a field that a script adds.
        public var maximumSize = 2048
        /// Fields that must not be added, in lower case.
        public var forbiddenToAdd: Set<String> = []
        /// Fields that must not be deleted beside `Received` and `Auto-Submitted`, in lower case.
        public var forbiddenToDelete: Set<String> = []

        public init() {}
    }

    /// Where spamtest and virustest (RFC 5235) find what a scanner has written into the header.
    public struct StatusTest: Sendable, Equatable {
        public enum Kind: String, Sendable { case score, strlen, text }

        /// `nil`: there is no scanner.
        public var kind: Kind?
        /// `Header` or `Header:regular-expression` with one group that is the status.
        public var statusHeader = ""
        /// The score that counts as full.
        public var maximum: String = ""
        /// The header that holds it, in the form of `statusHeader`.
        public var maximumHeader = ""
        /// The text that stands for each result.
        public var texts: [Int: String] = [:]

        public init() {}
    }
}
