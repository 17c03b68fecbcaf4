internal import MailCore
internal import MailStore

/// Changes of the set of mailboxes and of what is kept beside them.
extension RecoveredFiles {
    /// Repeats a change of mailboxes as far as it still holds: later records of the same names decide.
    mutating func repeatStructure(_ record: StoreRecord) throws(StoreError) {
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
            for renamed in mailboxes {
                let key = MailboxKey(account: id, mailbox: renamed.mailbox)
                guard let head = try self.head(key), head.name == renamed.new,
                    try !self.hasMailbox(id, renamed.old)
                else { continue }
                try account.identity.asOwner { () throws(StoreError) in
                    let names = try account.files.mailboxes()
                    guard names.contains(renamed.old), !names.contains(renamed.new) else { return }
                    try account.files.renameMailbox(renamed.old, to: renamed.new)
                }
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
                account.files.keepsAccessLists, let head = try self.head(set.key)
            else { return }
            try account.identity.asOwner { () throws(StoreError) in
                try account.files.setAccessList(set.text, of: head.name)
            }
        default: break
        }
    }

    /// Under which GUID files keep the metadata of a mailbox or the server; `nil` when that is gone.
    private func guid(_ key: MailboxKey) throws(StoreError) -> String? {
        if key.mailbox != 0 { return try self.head(key)?.guid }
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
