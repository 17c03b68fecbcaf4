import MailCore
import MailStore

/// Metadata asks for the right to see the mailbox and one to use it (RFC 5464 section 3.3).
extension UserMail {
    private static let using: MailRights = [.read, .writeSeen, .write, .insert, .post]

    private func metadataPlace(_ name: MailboxName) async throws(StoreError) -> Place {
        let place = try await self.place(of: name)
        let rights = try await self.require(.lookup, at: place)
        guard !self.enforcesAccessLists || !rights.isDisjoint(with: Self.using) else { throw StoreError(.noPermission) }
        return place
    }

    func metadata(of owner: MetadataOwner) async throws(StoreError) -> [Metadata] {
        guard case .mailbox(let name) = owner else { return try await self.own.metadata(of: owner) }
        let place = try await self.metadataPlace(name)
        let all = try await place.account.metadata(of: .mailbox(place.name))
        // What is private is its owner's.
        return place.owner == self.own.identity.name ? all : all.filter(\.entry.isShared)
    }

    func setMetadata(_ changes: [MetadataChange], of owner: MetadataOwner) async throws(StoreError) {
        guard case .mailbox(let name) = owner else { return try await self.own.setMetadata(changes, of: owner) }
        let place = try await self.metadataPlace(name)
        guard place.owner == self.own.identity.name || changes.allSatisfy(\.entry.isShared) else {
            throw StoreError(.cannot, "private metadata of a mailbox of others")
        }
        try await place.account.setMetadata(changes, of: .mailbox(place.name))
    }

    func secret(
        _ entry: MetadataEntry, of owner: MetadataOwner, orElse value: [UInt8]?
    ) async throws(StoreError) -> [UInt8]? {
        guard case .mailbox(let name) = owner else {
            return try await self.own.secret(entry, of: owner, orElse: value)
        }
        let place = try await self.secretPlace(name)
        return try await place.account.secret(entry, of: .mailbox(place.name), orElse: value)
    }

    func setSecret(_ entry: MetadataEntry, _ value: [UInt8]?, of owner: MetadataOwner) async throws(StoreError) {
        guard case .mailbox(let name) = owner else { return try await self.own.setSecret(entry, value, of: owner) }
        let place = try await self.secretPlace(name)
        try await place.account.setSecret(entry, value, of: .mailbox(place.name))
    }

    private func secretPlace(_ name: MailboxName) async throws(StoreError) -> Place {
        let place = try await self.place(of: name)
        try await self.require(.read, at: place)
        return place
    }
}
