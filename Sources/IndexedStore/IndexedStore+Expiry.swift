internal import LMDB
internal import MailCore
public import MailStore

/// Messages that go by themselves. Which accounts have such is read from the index, without opening them.
extension IndexedStore {
    private struct Due: Sendable {
        var key: MailboxKey
        var name: MailboxName
        var rule: ExpiryRule
    }

    /// Accounts looked at in one read of the index.
    private static let accountsAtOnce = 100
    /// Messages removed in one step.
    private static let removedAtOnce = 500

    public func expire(
        _ rules: [ExpiryRule], pause: @Sendable (_ worked: Bool) async -> Bool
    ) async throws(StoreError) -> ExpiryReport {
        var report = ExpiryReport()
        guard !rules.isEmpty else { return report }
        let volume = self.volume
        var next: UInt32 = 0
        try await volume.applied(volume.committer.lastTicket)
        while true {
            let start = next
            let (accounts, end) = try await self.threads.run {
                () throws(StoreError) -> ([(identity: AccountIdentity, due: [Due])], UInt32?) in
                try Self.due(from: start, rules, volume)
            }
            for account in accounts {
                for due in account.due {
                    do throws(StoreError) {
                        let removed = try await self.expire(due, of: account.identity, pause: pause)
                        report.messages += removed
                        if removed > 0 { report.mailboxes += 1 }
                    } catch {
                        switch error.code {
                        case .notFound, .expunged: break
                        case .alreadyExists, .noPermission, .cannot, .overQuota, .tooBig, .limit, .inUse,
                            .diskFull, .temporary, .damaged:
                            report.failures += 1
                            volume.configuration.log(
                                .warning, "\(account.identity.name)/\(due.name): autoexpunge: \(error)")
                        }
                    }
                }
            }
            report.accounts += accounts.count
            guard let end, await pause(!accounts.allSatisfy { $0.due.isEmpty }) else { return report }
            next = end
        }
    }

    /// Some accounts with what is due in them, and where the next begin.
    private static func due(
        from start: UInt32, _ rules: [ExpiryRule], _ volume: Volume
    ) throws(StoreError) -> ([(identity: AccountIdentity, due: [Due])], UInt32?) {
        let schema = volume.schema
        let now = volume.now
        return try schema.read { (transaction) throws(LMDBError) in
            var accounts: [(identity: AccountIdentity, due: [Due])] = []
            let cursor = try transaction.cursor(schema.identities)
            var entry = try cursor.seek(IndexSchema.key(start))
            while let found = entry {
                let id = IndexSchema.lastNumber(of: found.key)
                guard accounts.count < Self.accountsAtOnce else { return (accounts, id) }
                if let row = AccountRow(found.value), !row.identity.isInTransit {
                    let due = try Self.due(id, rules, now, schema, transaction)
                    accounts.append((row.identity, due))
                }
                entry = try cursor.next()
            }
            return (accounts, nil)
        }
    }

    private static func due(
        _ account: UInt32, _ rules: [ExpiryRule], _ now: Int64, _ schema: IndexSchema,
        _ transaction: borrowing ReadTransaction
    ) throws(LMDBError) -> [Due] {
        var due: [Due] = []
        let prefix = IndexSchema.key(account)
        let cursor = try transaction.cursor(schema.mailboxes)
        var entry = try cursor.seek(prefix)
        while let found = entry, found.key.starts(with: prefix) {
            let key = MailboxKey(account: account, mailbox: IndexSchema.lastNumber(of: found.key))
            if let head = MailboxHead(found.value, restarts: 0), head.counters.messages > 0,
                let rule = rules.first(where: { MailboxQuotaRule.matches($0.pattern, head.name) })
            {
                var isDue = rule.maximum.map { head.counters.messages > $0 } ?? false
                if !isDue, let age = rule.age {
                    // UIDs ascend with the time of arrival: the first message is the oldest.
                    let rows = try transaction.cursor(schema.messages)
                    if let first = try rows.seek(IndexSchema.key(key)), first.key.starts(with: IndexSchema.key(key)),
                        let uid = UID(rawValue: IndexSchema.lastNumber(of: first.key))
                    {
                        var reader = ByteReader(first.value)
                        isDue = reader.readRow(uid).map { $0.saveDate <= now - age } ?? false
                    }
                }
                if isDue { due.append(Due(key: key, name: head.name, rule: rule)) }
            }
            entry = try cursor.next()
        }
        return due
    }

    private func expire(
        _ due: Due, of identity: AccountIdentity, pause: @Sendable (Bool) async -> Bool
    ) async throws(StoreError) -> Int {
        let account = try await self.account(identity)
        let mailbox = try await account.open(due.name, .readWrite, onChange: {})
        defer { mailbox.close() }
        let volume = self.volume
        let excess = due.rule.maximum.map { max(0, mailbox.snapshot().count - $0) } ?? 0
        var removed = 0
        while true {
            let already = removed
            let uids = try await self.threads.run { () throws(StoreError) -> UIDSet in
                try volume.waitApplied(volume.committer.lastTicket)
                return try Self.oldest(due, excess: excess - already, volume)
            }
            guard !uids.isEmpty else { break }
            let count = try await mailbox.remove(uids).count
            removed += count
            guard count > 0, await pause(true) else { break }
        }
        if removed > 0 {
            volume.configuration.log(
                .notice, "\(identity.name)/\(due.name): autoexpunge removed \(removed) messages")
        }
        return removed
    }

    /// The next messages to go, some at most.
    private static func oldest(_ due: Due, excess: Int, _ volume: Volume) throws(StoreError) -> UIDSet {
        let schema = volume.schema
        let before = due.rule.age.map { volume.now - $0 }
        let prefix = IndexSchema.key(due.key)
        return try schema.read { (transaction) throws(LMDBError) in
            var uids = UIDSet()
            var count = 0
            let cursor = try transaction.cursor(schema.messages)
            var entry = try cursor.seek(prefix)
            while let found = entry, found.key.starts(with: prefix), count < Self.removedAtOnce {
                guard let uid = UID(rawValue: IndexSchema.lastNumber(of: found.key)) else { break }
                var reader = ByteReader(found.value)
                let isOld = before.map { before in reader.readRow(uid).map { $0.saveDate <= before } ?? false } ?? false
                guard count < excess || isOld else { break }
                uids.insert(uid)
                count += 1
                entry = try cursor.next()
            }
            return uids
        }
    }
}
