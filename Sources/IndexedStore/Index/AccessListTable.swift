internal import LMDB
internal import MailCore
internal import MailStore
internal import Synchronization

/// Which mailboxes of a volume have access control lists, and whom these are about: read from the index at the
/// start, kept up to date in memory. For "who shares something with this user".
final class AccessListTable: Sendable {
    private struct State {
        var texts: [MailboxKey: [UInt8]] = [:]
        /// For each identifier, the accounts with a list that is about it, and how many lists that are.
        var accounts: [AccessIdentifier: [UInt32: Int]] = [:]

        mutating func count(_ list: AccessList, of account: UInt32, by step: Int) {
            for identifier in list.beneficiaries {
                let count = (self.accounts[identifier]?[account] ?? 0) + step
                self.accounts[identifier, default: [:]][account] = count > 0 ? count : nil
                if self.accounts[identifier]?.isEmpty ?? false { self.accounts[identifier] = nil }
            }
        }
    }

    private let state = Mutex(State())

    func load(_ schema: IndexSchema) throws(StoreError) {
        let rows = try schema.read { (transaction) throws(LMDBError) -> [(MailboxKey, [UInt8])] in
            var rows: [(MailboxKey, [UInt8])] = []
            let cursor = try transaction.cursor(schema.accessLists)
            var entry = try cursor.first()
            while let found = entry {
                let key = MailboxKey(
                    account: IndexSchema.number(0, of: found.key), mailbox: IndexSchema.number(4, of: found.key))
                rows.append((key, Array(found.value)))
                entry = try cursor.next()
            }
            return rows
        }
        for (key, text) in rows { self.set(key, text) }
    }

    /// The text of a mailbox's list; empty when it has none.
    func text(of key: MailboxKey) -> [UInt8] { self.state.withLock { $0.texts[key] ?? [] } }

    /// Notes a mailbox's list, `nil` for none; answers whether that is news.
    @discardableResult
    func set(_ key: MailboxKey, _ text: [UInt8]?) -> Bool {
        let text = text ?? []
        return self.state.withLock { state in
            let old = state.texts[key] ?? []
            guard old != text else { return false }
            if !old.isEmpty { state.count(AccessList(text: old), of: key.account, by: -1) }
            if !text.isEmpty { state.count(AccessList(text: text), of: key.account, by: 1) }
            state.texts[key] = text.isEmpty ? nil : text
            return true
        }
    }

    /// The numbers of the accounts with a list that is about one of the identifiers.
    func accounts(about identifiers: [AccessIdentifier]) -> Set<UInt32> {
        self.state.withLock { state in
            var found: Set<UInt32> = []
            for identifier in identifiers {
                if let accounts = state.accounts[identifier] { found.formUnion(accounts.keys) }
            }
            return found
        }
    }
}
