import MailCore
import MailStore
import ServerConfig

/// Creating, deleting and renaming mailboxes.
extension UserMail {
    /// The nearest mailbox above a place that exists.
    private func parent(of place: Place) async throws(StoreError) -> MailboxName? {
        var above = place.name.parent
        while let name = above {
            if try await place.account.hasMailbox(name) { return name }
            above = name.parent
        }
        return nil
    }

    /// Fails unless this user may make a mailbox at a place. Answers the list that it gets: that of the mailbox
    /// above, or else of its namespace (RFC 4314 section 4).
    private func requireCreation(at place: Place) async throws(StoreError) -> AccessList {
        guard self.enforcesAccessLists else { return AccessList() }
        let fallback = try await self.fallback(place.space, place.account)
        if let parent = try await self.parent(of: place) {
            var above = place
            above.name = parent
            try await self.require(.create, at: above)
            let list = try await place.account.accessList(of: parent)
            return list.isEmpty && place.space.settings.type == .public ? fallback : list
        }
        if place.space.settings.type == .public {
            let rights = self.rights(
                fallback, AccessList(), place.space, of: place.seen(place.name), isOwner: false)
            guard rights.contains(.create) else { throw StoreError(.noPermission) }
            return fallback
        }
        guard self.isOwner(place) || self.accounts.purpose == .administration else { throw StoreError(.noPermission) }
        return AccessList()
    }

    /// The place for a mailbox that is to come.
    private func newPlace(of name: MailboxName) async throws(StoreError) -> Place {
        let place: Place
        do throws(StoreError) {
            place = try await self.place(of: name)
        } catch {
            guard error.code == .notFound else { throw error }
            throw StoreError(.cannot, "\(name) is in no namespace")
        }
        // What is there already stays; but below it nobody would find anything.
        guard place.space.settings.type == .shared || !self.spaces.contains(where: { $0.isOfOthers(name) }) else {
            throw StoreError(.cannot, "\(name) is in the namespace of other users' mailboxes")
        }
        return place
    }

    func mayCreate(_ name: MailboxName) async -> Bool {
        guard name.isNetUnicode else { return false }
        do throws(StoreError) {
            _ = try await self.newPlace(of: name)
            return true
        } catch {
            return error.code != .cannot
        }
    }

    func create(_ name: MailboxName, specialUse: SpecialUse?) async throws(StoreError) {
        let place = try await self.newPlace(of: name)
        if name.isInbox { throw StoreError(.alreadyExists, "mailbox \(name)") }
        let inherited = try await self.requireCreation(at: place)
        try await place.account.create(place.name, specialUse: specialUse)
        guard !inherited.isEmpty, !inherited.isDamaged else { return }
        // Until this is done the new mailbox is its owner's alone.
        try await place.account.changeAccessList(of: place.name) { (list) throws(StoreError) in list = inherited }
        self.tellAccess(from: AccessList(), to: inherited)
    }

    func delete(_ name: MailboxName) async throws(StoreError) {
        let place = try await self.place(of: name)
        try await self.require(.delete, at: place)
        try await place.account.delete(place.name)
    }

    func rename(_ name: MailboxName, to target: MailboxName) async throws(StoreError) {
        let place = try await self.place(of: name)
        do throws(StoreError) {
            try await self.require(.delete, at: place)
        } catch {
            // A name without messages has no list; those below it have.
            guard error.code == .notFound, self.isOwner(place) else { throw error }
        }
        let goal = try await self.newPlace(of: target)
        guard goal.account === place.account else {
            throw StoreError(.cannot, "a mailbox cannot be renamed into another account")
        }
        // Lists go along and stay as they are (RFC 4314 section 4).
        if goal.name.parent != place.name.parent || goal.name.parent == nil {
            _ = try await self.requireCreation(at: goal)
        }
        try await place.account.rename(place.name, to: goal.name)
    }
}
