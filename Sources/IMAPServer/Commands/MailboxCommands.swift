import IMAPCore
import MailCore
import MailStore
import ServerCore

extension Session {
    /// Runs a change of the account's mailboxes and answers it.
    private func change(
        _ tag: Tag, _ completed: StaticString, _ body: (any MailAccount) async throws(StoreError) -> Void
    ) async throws(ConnectionError) {
        guard let account = self.account else { return self.bad(tag, "Please log in first") }
        do throws(StoreError) {
            try await body(account)
        } catch {
            return try await self.refuse(tag, error)
        }
        try await self.finish(tag, completed)
    }

    /// CREATE, with a special use (RFC 6154 section 3).
    func create(
        _ tag: Tag, _ wire: WireMailboxName, _ uses: [SpecialUseAttribute?]
    ) async throws(ConnectionError) {
        guard let name = try await self.mailboxName(tag, wire, .cannot) else { return }
        let known = uses.compactMap { $0 }
        guard known.count == uses.count else {
            return try await self.refuse(tag, .useAttribute, "There is no such special use here")
        }
        guard known.count <= 1 else {
            return try await self.refuse(tag, .useAttribute, "A mailbox can have one special use")
        }
        guard let account = self.account else { return self.bad(tag, "Please log in first") }
        let use = known.first.map { SpecialUse($0) }
        do throws(StoreError) {
            try await account.create(name, specialUse: use)
        } catch {
            return try await self.refuse(tag, error)
        }
        // It is made all the same where that fails.
        let guid = try? await account.guid(of: name)
        self.forgetOwn { $0 == .created(name) }
        await self.noteCreated(name, account)
        self.tellName(name, of: wire)
        try await self.finish(tag, guid.map { .mailboxID(MailboxID.text($0)) }, "Create completed")
    }

    /// DELETE (RFC 9051 section 6.3.5).
    func delete(_ tag: Tag, _ wire: WireMailboxName) async throws(ConnectionError) {
        guard let name = try await self.mailboxName(tag, wire, .nonExistent) else { return }
        guard let account = self.account else { return self.bad(tag, "Please log in first") }
        do throws(StoreError) {
            try await account.delete(name)
            self.forgetOwn { $0 == .deleted(name) }
            self.notifications?.foreign.remove(name)
        } catch {
            guard error.code == .cannot, !name.isInbox else { return try await self.refuse(tag, error) }
            return try await self.refuse(tag, .hasChildren, "It is there for its children: delete them")
        }
        self.tellName(name, of: wire, .nonExistent)
        try await self.finish(tag, "Delete completed")
    }

    func rename(
        _ tag: Tag, _ wire: WireMailboxName, _ target: WireMailboxName
    ) async throws(ConnectionError) {
        guard let name = try await self.mailboxName(tag, wire, .nonExistent) else { return }
        guard let found = try await self.mailboxName(tag, target, .cannot) else { return }
        // To its own name in Normalization Form C: that name is free, though it finds the mailbox.
        let normalized = self.names.decode(target)?.normalized ?? found
        let newName = found == name ? normalized : found
        try await self.change(tag, "Rename completed") { account throws(StoreError) in
            try await account.rename(name, to: newName)
            self.forgetOwn { $0 == .renamed(from: name, to: newName) || (name.isInbox && $0 == .created(newName)) }
            if !name.isInbox { self.notifications?.rename(name, to: newName) }
            if self.isOtherName(name, wire) || self.isOtherName(newName, target) { self.tellRenamed(wire, newName) }
        }
    }

    /// SUBSCRIBE takes any name: clients bring their lists along before their mailboxes.
    func subscribe(_ tag: Tag, _ wire: WireMailboxName) async throws(ConnectionError) {
        guard let name = try await self.mailboxName(tag, wire, .cannot) else { return }
        try await self.change(tag, "Subscribe completed") { account throws(StoreError) in
            try await account.subscribe(name)
            self.forgetOwn { $0 == .subscribed(name) }
            self.notifications?.subscribed.insert(name)
        }
    }

    func unsubscribe(_ tag: Tag, _ wire: WireMailboxName) async throws(ConnectionError) {
        guard let name = try await self.mailboxName(tag, wire, .cannot) else { return }
        // A name can be subscribed in a form in which it is not found.
        let exact = self.names.decode(wire) ?? name
        try await self.change(tag, "Unsubscribe completed") { account throws(StoreError) in
            try await account.unsubscribe(name)
            if exact != name { try await account.unsubscribe(exact) }
            for name in [name, exact] {
                self.forgetOwn { $0 == .unsubscribed(name) }
                self.notifications?.subscribed.remove(name)
            }
        }
    }

    /// STATUS (RFC 9051 section 6.3.11).
    func status(
        _ tag: Tag, _ wire: WireMailboxName, _ items: [StatusItem]
    ) async throws(ConnectionError) {
        guard let name = try await self.mailboxName(tag, wire, .nonExistent) else { return }
        guard let account = self.account else { return self.bad(tag, "Please log in first") }
        if items.contains(.highestModSeq) { self.enableCondStore() }
        var status: MailboxStatus
        self.beginProgress(tag, stages: 0)
        defer { self.endProgress() }
        do throws(StoreError) {
            status = try await account.status(of: name)
            if items.contains(.deletedStorage) { status.deletedStorage = try await account.deletedStorage(of: name) }
        } catch {
            return try await self.refuse(tag, error)
        }
        self.writeStatus(name, status, items)
        try await self.finish(tag, "Status completed")
    }

    func writeStatus(_ name: MailboxName, _ status: MailboxStatus, _ items: [StatusItem]) {
        let values = items.map { item -> (StatusItem, StatusValue) in
            switch item {
            case .messages: (item, .number(UInt64(clamping: status.messages)))
            case .recent: (item, .number(UInt64(clamping: status.recent)))
            case .uidNext: (item, .number(UInt64(status.uidNext.rawValue)))
            case .uidValidity: (item, .number(UInt64(status.uidValidity.rawValue)))
            case .unseen: (item, .number(UInt64(clamping: status.unseen)))
            case .deleted: (item, .number(UInt64(clamping: status.deleted)))
            case .size: (item, .number(status.size))
            case .deletedStorage: (item, .number(status.deletedStorage))
            case .highestModSeq: (item, .number(status.highestModSeq.rawValue))
            case .mailboxID: (item, .objectID(MailboxID.text(status.guid)))
            case .appendLimit: (item, self.settings.appendLimit.map { .number($0) } ?? .none)
            }
        }
        let wire = self.names.encode(name)
        self.write { $0.status(wire, values) }
    }
}
