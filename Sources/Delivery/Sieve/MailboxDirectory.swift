import MailCore
import MailStore
import SieveCore

/// What scripts may ask of a user's mailboxes, as they were when the message came.
struct MailboxDirectory: SieveHost {
    private let spelling: MailboxSpelling
    private let listings: [MailboxName: MailboxListing]
    /// Mailboxes by their ids (RFC 8474); `nil` until they were asked for.
    private let ids: [String: MailboxName]?

    var hasIDs: Bool { self.ids != nil }

    init(_ listings: [MailboxListing], _ namespaces: [Namespace], ids: [String: MailboxName]? = nil) {
        self.ids = ids
        self.spelling = MailboxSpelling(namespaces)
        self.listings = Dictionary(listings.map { ($0.name, $0) }) { first, _ in first }
    }

    /// The mailboxes of an account as they are now.
    static func load(_ account: any MailAccount, withIDs: Bool) async throws(StoreError) -> MailboxDirectory {
        let listings = try await account.mailboxes()
        guard withIDs else { return MailboxDirectory(listings, account.namespaces) }
        var ids: [String: MailboxName] = [:]
        for listing in listings where listing.isSelectable {
            do throws(StoreError) {
                let status = try await account.status(of: listing.name)
                ids[String(decoding: MailboxID.text(status.guid), as: UTF8.self)] = listing.name
            } catch  where error.code == .notFound || error.code == .noPermission {
                // Deleted meanwhile, or another user's.
            }
        }
        return MailboxDirectory(listings, account.namespaces, ids: ids)
    }

    func mailboxExists(_ name: String) -> Bool {
        guard let name = self.spelling.name(of: name) else { return false }
        return name.isInbox || (self.listings[name]?.isSelectable ?? false)
    }

    func specialUseExists(_ use: String, mailbox: String?) -> Bool {
        guard let use = SpecialUse.allCases.first(where: { ASCII.equalsIgnoringCase($0.rawValue.utf8, use.utf8) })
        else { return false }
        guard let mailbox else { return self.mailbox(of: use) != nil }
        return self.spelling.name(of: mailbox).map { self.listings[$0]?.specialUse == use } ?? false
    }

    func mailboxIDExists(_ id: String) -> Bool { self.mailbox(ofID: id) != nil }

    func mailbox(ofID id: String) -> MailboxName? { self.ids?[id] }

    /// The mailbox of that special use; the first by name where there are several.
    func mailbox(of use: SpecialUse) -> MailboxName? {
        self.listings.values.filter { $0.specialUse == use && $0.isSelectable }.map(\.name).min()
    }

    /// The mailbox of the special use of that name.
    func mailbox(ofUse use: String) -> MailboxName? {
        SpecialUse.allCases.first { ASCII.equalsIgnoringCase($0.rawValue.utf8, use.utf8) }
            .flatMap { self.mailbox(of: $0) }
    }
}
