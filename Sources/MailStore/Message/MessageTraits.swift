public import MIMECore
public import MailCore

/// What a message is beside its record: when it came into its mailbox, and which message and thread it is.
public struct MessageTraits: Sendable {
    /// What `Mailbox.traits` is asked for; what was not asked for may be missing.
    public struct Selection: OptionSet, Sendable {
        public let rawValue: UInt8
        public init(rawValue: UInt8) { self.rawValue = rawValue }

        /// `saveDate` and `emailID`, from the index alone.
        public static let row = Selection(rawValue: 1)
        /// `threadID` too, from the message's cache.
        public static let thread = Selection(rawValue: 2)
    }

    /// When the message came into this mailbox, seconds since 1970 (RFC 8514).
    public var saveDate: Int64
    /// The same for all copies of a message (RFC 8474 section 5.1).
    public var emailID: ObjectID
    /// The same for all messages of a conversation (RFC 8474 section 5.2); `nil` when not asked for.
    public var threadID: ObjectID?

    public init(saveDate: Int64, emailID: ObjectID, threadID: ObjectID? = nil) {
        self.saveDate = saveDate
        self.emailID = emailID
        self.threadID = threadID
    }
}

extension MessageDetails {
    /// Derived from the GUID, which copies share.
    public var emailID: ObjectID { ObjectID(.email, of: self.guid.utf8) }
}

extension MessageCache.View {
    /// The thread by the message's own header: that of the first message in `References`, else the one in
    /// `In-Reply-To`, else of itself; `nil` when the header names none: then the thread is that of the EMAILID
    /// alone (`ObjectID(threadOf:)`).
    public var threadID: ObjectID? { self.threadRoot.map { ObjectID(.thread, of: $0) } }
}

extension Mailbox {
    /// Traits of messages in the order of `records`; `nil` for those that are gone. Ask for at most some hundred at
    /// once.
    public func traits(
        of records: [MessageRecord], _ wanted: MessageTraits.Selection
    ) async throws(StoreError) -> [MessageTraits?] {
        var traits = try await self.details(of: records).map { details -> MessageTraits? in
            details.map { MessageTraits(saveDate: $0.saveDate, emailID: $0.emailID) }
        }
        guard wanted.contains(.thread) else { return traits }
        var position = 0
        try await self.caches(of: records) { _, cache in
            guard position < traits.count else { return false }
            if let cache, let emailID = traits[position]?.emailID {
                traits[position]?.threadID = cache.threadID ?? ObjectID(threadOf: emailID)
            } else {
                traits[position] = nil
            }
            position += 1
            return true
        }
        return traits
    }

    /// One message after the other, for mailboxes that know nothing quicker.
    public func details(of records: [MessageRecord]) async throws(StoreError) -> [MessageDetails?] {
        var found: [MessageDetails?] = []
        found.reserveCapacity(records.count)
        for record in records {
            do throws(StoreError) {
                found.append(try await self.details(of: record.uid))
            } catch {
                guard error.code == .expunged else { throw error }
                found.append(nil)
            }
        }
        return found
    }
}

/// The identifier of a mailbox as clients see it (MAILBOXID, RFC 8474 section 4): `F` and its GUID.
public enum MailboxID {
    /// - Parameter guid: 32 hexadecimal digits.
    public static func text(_ guid: String) -> [UInt8] { [UInt8(ascii: "F")] + Array(guid.utf8) }
}
