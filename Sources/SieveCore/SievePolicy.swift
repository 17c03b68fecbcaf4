/// What the site has decided for extensions. The defaults are those that Pigeonhole's users know.
public struct SievePolicy: Sendable, Equatable {
    /// The user's own address, `sieve_user_email`.
    public var userEmail: String?
    public var postmasterAddress = "postmaster@localhost"
    /// The user's name, `vnd.dovecot.username`.
    public var username: String?
    /// The name of this machine, `host` of environment; with what stands behind its first dot as `domain`.
    public var hostname: String?
    /// The release of the server, `version` of environment.
    public var version: String?
    /// What the site lets scripts read as `vnd.dovecot.config.NAME`, names in lower case.
    public var siteItems: [String: String] = [:]
    /// Octets of which the first in a local part separates `:user` and `:detail` (RFC 5233).
    public var recipientDelimiter = "+"
    /// Who sends redirected mail.
    public var redirectSender = AddressSource.sender
    /// Who sends notifications; `nil`: the null sender, as for what programs make.
    public var notifySender: AddressSource?
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

    /// Where an envelope sender comes from.
    public enum AddressSource: Sendable, Equatable {
        case sender, recipient, originalRecipient, userEmail, postmaster
        /// `nil`: the null sender.
        case address(String?)

        /// As settings write it: `sender`, `recipient`, `orig_recipient`, `user_email`, `postmaster`, `<address>`.
        public init?(_ text: String) {
            let word = text.utf8.drop { $0 == 0x20 || $0 == 0x09 }
            var trimmed = Array(word)
            while trimmed.last == 0x20 || trimmed.last == 0x09 { trimmed.removeLast() }
            switch String(decoding: trimmed, as: UTF8.self) {
            case "sender": self = .sender
            case "recipient": self = .recipient
            case "orig_recipient": self = .originalRecipient
            case "user_email": self = .userEmail
            case "postmaster": self = .postmaster
            case "<>": self = .address(nil)
            default:
                guard trimmed.first == UInt8(ascii: "<"), trimmed.last == UInt8(ascii: ">"),
                    let address = OutboundAddress.parse(Array(trimmed.dropFirst().dropLast()))
                else { return nil }
                self = .address(address)
            }
        }
    }

    /// RFC 5230 and 6131; seconds.
    public struct Vacation: Sendable, Equatable {
        public var minimumPeriod: Int64 = 86400
        /// 0: no limit.
        public var maximumPeriod: Int64 = 60 * 86400
        public var defaultPeriod: Int64 = 7 * 86400
        /// The subject of replies to messages without one.
        public var defaultSubject: String?
        /// The subject of replies where scripts give none; `%{subject}` stands for that of the message.
        public var subjectTemplate: String?
        /// Characters of a reply's subject.
        public var maximumSubject = 256
        /// The original recipient counts as an address of the user.
        public var usesOriginalRecipient = false
        /// Only mail that names the user in its header is answered.
        public var checksRecipient = true
        /// The reply's envelope sender is the recipient and not the null sender.
        public var sendsFromRecipient = false
        /// The reply names the sender of the header in its To field and not that of the envelope, which gets it all
        /// the same (RFC 5230 section 5.5).
        public var repliesToHeader = false

        public init() {}
    }

    /// RFC 5293.
    public struct EditHeader: Sendable, Equatable {
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
