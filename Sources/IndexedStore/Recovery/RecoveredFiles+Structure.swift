internal import MailCore
internal import MailStore

/// Changes of the set of mailboxes and of what is kept beside them.
extension RecoveredFiles {
    /// Repeats a change of mailboxes as far as it still holds: later records of the same names decide.
    mutating func repeatStructure(_ record: StoreRecord, _ commit: Commit) throws(StoreError) {
        switch record {
        case .mailboxCreated(let created):
            // Making it happens when its files are asked for.
            _ = try self.mailbox(created.key)
        case .mailboxDeleted(let key, let name):
            guard let account = try self.account(key.account), account.home == .files,
                try !self.hasMailbox(key.account, name)
            else {
                return
            }
            try account.identity.asOwner { () throws(StoreError) in try account.files.deleteMailbox(name) }
        case .mailboxesRenamed(let id, let mailboxes):
            guard let account = try self.account(id), account.home == .files else { return }
            do throws(StoreError) {
                try self.rename(mailboxes, of: id, account)
            } catch {
                // The client was told no, or was to be.
                guard [.cannot, .alreadyExists, .notFound].contains(error.code) else { throw error }
                try self.takeBack(mailboxes, of: id, account, commit)
                self.configuration.log(
                    .warning, "after a crash: \(account.identity.name): a rename is taken back: \(error)")
            }
        case .subscription(let id, let name, let isSubscribed):
            guard let account = try self.account(id), account.home == .files else { return }
            try account.identity.asOwner { () throws(StoreError) in
                try account.files.setSubscribed(name, isSubscribed)
            }
        case .metadata(let set):
            guard let account = try self.account(set.key.account), account.home == .files,
                let guid = try self.guid(set.key)
            else { return }
            let attributes = StoredAttribute.changes(set.changes, guid: guid, isServer: set.key.mailbox == 0)
            try account.identity.asOwner { () throws(StoreError) in try account.files.changeAttributes(attributes) }
        case .accessList(let set):
            guard set.origin == .store, let account = try self.account(set.key.account),
                account.files.keepsAccessLists, let head = try self.schema.head(set.key)
            else { return }
            try account.identity.asOwner { () throws(StoreError) in
                try account.files.setAccessList(set.text, of: head.name)
            }
        default: break
        }
    }

    private func rename(_ mailboxes: [Renamed], of id: UInt32, _ account: Account) throws(StoreError) {
        for renamed in mailboxes {
            let key = MailboxKey(account: id, mailbox: renamed.mailbox)
            guard let head = try self.schema.head(key), head.name == renamed.new, try !self.hasMailbox(id, renamed.old)
            else { continue }
            try self.rename(renamed.old, to: renamed.new, account)
        }
    }

    private func rename(_ old: MailboxName, to new: MailboxName, _ account: Account) throws(StoreError) {
        try account.identity.asOwner { () throws(StoreError) in
            let names = try account.files.mailboxes()
            guard names.contains(old), !names.contains(new) else { return }
            try account.files.renameMailbox(old, to: new)
        }
    }

    /// Gives back their names to those that have new ones, on the disk and in the index.
    private func takeBack(
        _ mailboxes: [Renamed], of id: UInt32, _ account: Account, _ commit: Commit
    ) throws(StoreError) {
        var back: [Renamed] = []
        for renamed in mailboxes.reversed() {
            let key = MailboxKey(account: id, mailbox: renamed.mailbox)
            guard let head = try self.schema.head(key), head.name == renamed.new, try !self.hasMailbox(id, renamed.old)
            else { continue }
            try self.rename(renamed.new, to: renamed.old, account)
            back.append(Renamed(mailbox: renamed.mailbox, old: renamed.new, new: renamed.old))
        }
        if !back.isEmpty { try commit(.mailboxesRenamed(account: id, back)) }
    }

    /// Under which GUID files keep the metadata of a mailbox or the server; `nil` when that is gone.
    private func guid(_ key: MailboxKey) throws(StoreError) -> String? {
        if key.mailbox != 0 { return try self.schema.head(key)?.guid }
        return try self.schema.mailboxes(of: key.account, restarts: 0).first { $0.head.name.isInbox }?.head.guid
    }

    private func hasMailbox(_ account: UInt32, _ name: MailboxName) throws(StoreError) -> Bool {
        try self.schema.mailboxes(of: account, restarts: 0).contains { $0.head.name == name }
    }
}

extension StoreRecord {
    /// The account of a change of the set of mailboxes or of what is kept beside them.
    var structureAccount: UInt32? {
        switch self {
        case .mailboxCreated(let created): created.key.account
        case .mailboxDeleted(let key, _): key.account
        case .mailboxesRenamed(let id, _): id
        case .subscription(let id, _, _): id
        case .metadata(let set): set.key.account
        case .accessList(let set): set.key.account
        default: nil
        }
    }

    var isRename: Bool {
        if case .mailboxesRenamed = self { return true }
        return false
    }
}
