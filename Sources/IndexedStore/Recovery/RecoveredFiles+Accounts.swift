internal import MailCore
internal import MailStore

/// Accounts and mailboxes as their files are found.
extension RecoveredFiles {
    /// What noted records say of the mail of one account.
    struct NotedMail {
        var messages: [MailboxKey: Set<UID>] = [:]
        var made = Set<MailboxKey>()

        mutating func add(_ key: MailboxKey, _ uid: UID) { self.messages[key, default: []].insert(uid) }
    }

    /// Throws when nothing can be written in the account now.
    mutating func checkUsable(_ id: UInt32) throws(StoreError) {
        if let cause = self.barred[id] { throw cause }
        _ = try self.account(id)
    }

    mutating func account(_ id: UInt32) throws(StoreError) -> Account? {
        if let known = self.accounts[id] { return known }
        // The files of one that has left are another volume's.
        guard let row = try self.schema.accountRow(id), !row.identity.isInTransit else { return nil }
        if let refusal = self.refused[id] { throw refusal }
        let identity = row.identity
        let format = try self.configuration.format(of: identity)
        let known = format.home == .log ? [] : try self.knownMail(id)
        do throws(StoreError) {
            try format.refuseMissing(known, of: identity)
        } catch {
            self.refused[id] = error
            throw error
        }
        let files =
            format.home == .log
            ? try format.openAccount(identity)
            : try identity.asOwner { () throws(StoreError) in try format.openAccount(identity) }
        files.expect(known)
        let account = Account(identity: identity, files: files, home: format.home)
        self.accounts[id] = account
        return account
    }

    /// What was among an account's files before the records that are noted: those of a new account, its root included,
    /// may be lost with the power, and are made again.
    private func knownMail(_ id: UInt32) throws(StoreError) -> KnownMail {
        let noted = self.noted[id] ?? NotedMail()
        var heads: [MailboxHead] = []
        for (key, row, _) in try self.schema.mailboxes(of: id, restarts: 0) {
            var head = row
            let messages = Int(head.counters.messages)
            if messages > 0, let new = noted.messages[key], messages <= new.count {
                let rows = try self.schema.rows(key, new.sorted())
                if rows.count == messages { head.counters.messages = 0 }
            }
            if head.counters.messages == 0, noted.made.contains(key) { continue }
            heads.append(head)
        }
        return KnownMail(heads, madeBySettings: self.configuration.mailboxDefaults)
    }

    /// A mailbox's files, made when they are missing; `nil` when the index does not have it.
    mutating func mailbox(_ key: MailboxKey) throws(StoreError) -> (any MailboxFiles)? {
        if let known = self.touched[key] { return known }
        // Made now under its new name, it would be in the way of the one with its messages.
        if let cause = self.barred[key.account] { throw cause }
        guard let account = try self.account(key.account), account.home == .files,
            let head = try self.schema.head(key)
        else { return nil }
        let files = try account.identity.asOwner { () throws(StoreError) -> any MailboxFiles in
            do throws(StoreError) {
                return try account.files.mailbox(head.name)
            } catch {
                guard error.code == .notFound else { throw error }
                let header = MailboxHeader(
                    uidValidity: head.uidValidity, uidNext: UID(rawValue: head.uidNext) ?? .first,
                    guid: head.guid)
                return try account.files.createMailbox(head.name, header)
            }
        }
        self.touched[key] = files
        return files
    }

    /// For log lines.
    func name(of id: UInt32) -> String {
        ((try? self.schema.accountRow(id)) ?? nil)?.identity.name ?? "account \(id)"
    }

    // MARK: Flushing

    /// Flushes what was written, each file system once, and the files of `changed` accounts; the accounts for which that
    /// failed.
    mutating func flush(_ changed: Set<UInt32>) -> [UInt32: StoreError] {
        struct Place: Hashable {
            var account: UInt32
            var fileSystem: UInt64?
        }
        var failed: [UInt32: StoreError] = [:]
        var flushed = Set<Place>()
        for (key, files) in self.touched where failed[key.account] == nil {
            guard flushed.insert(Place(account: key.account, fileSystem: files.fileSystem)).inserted else { continue }
            self.flush(key.account, files, &failed)
        }
        for id in changed where failed[id] == nil && !flushed.contains(Place(account: id, fileSystem: nil)) {
            do throws(StoreError) {
                guard let account = try self.account(id), account.home == .files else { continue }
                let inbox = try account.identity.asOwner { () throws(StoreError) in try account.files.mailbox(.inbox) }
                self.flush(id, inbox, &failed)
            } catch {
                failed[id] = error
            }
        }
        self.touched = [:]
        return failed
    }

    private mutating func flush(_ id: UInt32, _ files: any MailboxFiles, _ failed: inout [UInt32: StoreError]) {
        do throws(StoreError) {
            guard let identity = try self.account(id)?.identity else { return }
            try identity.asOwner { () throws(StoreError) in try files.flush() }
        } catch {
            failed[id] = error
        }
    }
}
