import ArchiveCore
import MIMECore
import MailCore
import MailStore

/// A mailbox into which messages of a backup go, and what has come there.
final class RestoreTarget {
    /// A message whose octets are there.
    struct Waiting {
        var message: BackupMessage
        var target: RestoreTarget
        var incoming: IncomingMessage
        var keywords: [Keyword]

        init(_ message: BackupMessage, _ box: BackupPlan.Box, _ target: RestoreTarget, _ incoming: IncomingMessage) {
            self.message = message
            self.target = target
            self.incoming = incoming
            self.keywords = RestoreTarget.keywords(of: message, box)
        }

        func deposit(in account: any MailAccount, _ kind: UpkeepVerb.RestoreOptions.Kind) -> Deposit {
            let uid = self.target.restoration.isSame || self.target.keepsUIDs ? UID(rawValue: self.message.uid) : nil
            let restored =
                kind == .backup
                ? RestoredMessage(
                    uid: uid, saveDate: self.message.saveDate,
                    guid: self.message.guid.isEmpty ? nil : self.message.guid, pop3UIDL: self.message.pop3UIDL,
                    pop3Order: self.message.pop3Order) : RestoredMessage()
            return Deposit(
                message: self.incoming, account: account, mailbox: self.target.name, flags: self.message.flags,
                keywords: self.keywords, internalDate: self.message.internalDate, strictness: .exempt,
                restored: restored)
        }
    }

    let name: MailboxName
    let restoration: any MailboxRestoration
    /// Whether UIDs are kept although UIDVALIDITY is another: of a mailbox made for the backup.
    let keepsUIDs: Bool
    var restored = 0
    var present = 0
    var renumbered = 0
    var changed = 0
    /// Of messages that have another UID now.
    private var numbers: [UInt32: UID] = [:]
    private var messageIDs: Set<[UInt8]>?
    private var opened: (any Mailbox)?

    private init(
        _ name: MailboxName, _ restoration: any MailboxRestoration, keepsUIDs: Bool, _ messageIDs: Set<[UInt8]>?
    ) {
        self.name = name
        self.restoration = restoration
        self.keepsUIDs = keepsUIDs
        self.messageIDs = messageIDs
    }

    /// - Parameter knowsMessageIDs: whether `isDuplicate` will be asked.
    static func make(
        _ box: BackupPlan.Box, _ name: MailboxName, _ identity: RestoredIdentity, _ store: any StoreUpkeep,
        _ account: any MailAccount, knowsMessageIDs: Bool
    ) async throws(StoreError) -> RestoreTarget {
        let mailbox = box.mailbox
        guard let validity = mailbox.uidValidity ?? UIDValidity(rawValue: 1) else { throw StoreError(.damaged) }
        let archived = ArchivedMailbox(
            name: name, uidValidity: validity, uidNext: UID(rawValue: mailbox.uidNext) ?? .first,
            highestModSeq: mailbox.highestModSeq, guid: mailbox.guid, specialUse: mailbox.specialUse,
            keywords: mailbox.keywords)
        let isThere = try await account.mailboxes().contains { $0.name == name && $0.isSelectable }
        let restoration = try await store.restore(
            archived, in: account, mailbox.uidValidity == nil || mailbox.guid.isEmpty ? .new : identity)
        let ids = knowsMessageIDs ? try await Self.messageIDs(name, account) : nil
        return RestoreTarget(
            name, restoration, keepsUIDs: !isThere && mailbox.uidValidity != nil, ids)
    }

    private static func messageIDs(
        _ name: MailboxName, _ account: any MailAccount
    ) async throws(StoreError) -> Set<[UInt8]> {
        let mailbox = try await account.open(name, .readOnly, onChange: {})
        defer { mailbox.close() }
        let snapshot = mailbox.snapshot()
        var ids = Set<[UInt8]>()
        var next = 0
        while next < snapshot.count {
            let end = min(next + 256, snapshot.count)
            let records = (next..<end).map { snapshot[$0] }
            try await mailbox.caches(of: records) { _, view in
                if let id = view?.messageID, !id.isEmpty { ids.insert(id) }
                return true
            }
            next = end
        }
        return ids
    }

    /// Whether a message with this Message-ID is there or has come already.
    func isDuplicate(_ message: IncomingMessage) -> Bool {
        guard self.messageIDs != nil else { return false }
        let cache = message.octets.withUnsafeBytes { MessageCache.build(from: $0, converter: .builtIn) }
        guard let id = cache.withUnsafeBytes({ MessageCache.View($0)?.messageID }), !id.isEmpty else { return false }
        return !(self.messageIDs?.insert(id).inserted ?? true)
    }

    static func keywords(of message: BackupMessage, _ box: BackupPlan.Box) -> [Keyword] {
        message.keywords.compactMap { number in
            Int(number) < box.mailbox.keywords.count ? box.mailbox.keywords[Int(number)] : nil
        } + message.keywordNames
    }

    func note(_ stored: StoredMessage, of message: BackupMessage) {
        self.restored += 1
        guard message.uid != 0, stored.uid.rawValue != message.uid else { return }
        self.renumbered += 1
        self.numbers[message.uid] = stored.uid
    }

    /// Gives a message the flags that a later backup has.
    func change(
        _ message: BackupMessage, _ box: BackupPlan.Box, _ account: any MailAccount
    ) async throws(StoreError) {
        guard let old = UID(rawValue: message.uid) else { return }
        let uid = self.numbers[message.uid] ?? old
        if self.opened == nil { self.opened = try await account.open(self.name, .readWrite, onChange: {}) }
        let change = FlagChange(.replace, message.flags, Self.keywords(of: message, box))
        if try await self.opened?.store(change, [uid], unchangedSince: nil).modSeq != nil { self.changed += 1 }
    }

    /// Gives messages the flags that another user had of his own, where they are the same as in the backup.
    func change(
        _ own: BackupPrivateFlags, _ reader: any MailAccount, _ account: any MailAccount
    ) async throws(StoreError) {
        let view = PrivateFlags(of: reader, own.flags, includesKeywords: true)
        let mailbox = try await account.open(self.name, .readWrite, as: view, onChange: {})
        defer { mailbox.close() }
        var wanted = Set<UID>()
        for (old, new) in self.numbers where UID(rawValue: old).map(own.uids.contains) ?? false { wanted.insert(new) }
        if self.restoration.isSame || self.keepsUIDs {
            mailbox.snapshot().forEach { _, record in
                if own.uids.contains(record.uid), self.numbers[record.uid.rawValue] == nil { wanted.insert(record.uid) }
                return true
            }
        }
        let uids = UIDSet(wanted.sorted())
        _ = try await mailbox.store(FlagChange(.add, own.flags, own.keywords), uids, unchangedSince: nil)
    }

    func end(_ outcome: RestorationOutcome) async throws(StoreError) {
        self.opened?.close()
        self.opened = nil
        try await self.restoration.end(outcome)
    }
}
