public import MailCore
public import MailStore

/// Where implicit keep (RFC 5228) files a message, by the address for which it came.
public struct ImplicitKeep: Sendable {
    /// Mail to `user+detail` goes into the mailbox `detail` when it exists.
    public var savesToDetailMailbox: Bool
    /// A missing mailbox is made rather than INBOX taken; also one that a script names.
    public var createsMailboxes: Bool

    public init(savesToDetailMailbox: Bool = false, createsMailboxes: Bool = false) {
        self.savesToDetailMailbox = savesToDetailMailbox
        self.createsMailboxes = createsMailboxes
    }

    /// The mailbox, there or not.
    ///
    /// - Parameters:
    ///   - detail: what stands after the recipient delimiter.
    ///   - named: the mailbox that whoever brings the message has named.
    func mailbox(of account: any MailAccount, detail: String?, named mailbox: MailboxName?) -> MailboxName {
        if let mailbox { return mailbox }
        guard self.savesToDetailMailbox, let detail, let name = account.spelling.name(of: detail) else { return .inbox }
        return name
    }

    /// Whether a message of that size could be delivered now: `.overQuota`, `.tooBig`. INBOX is asked where delivery
    /// would take it, and nothing is made.
    public func checkQuota(
        octets: UInt64, of account: any MailAccount, detail: String?, named mailbox: MailboxName? = nil
    ) async throws(StoreError) {
        let name = self.mailbox(of: account, detail: detail, named: mailbox)
        do throws(StoreError) {
            try await self.checkQuota(octets: octets, of: account, in: name)
        } catch  where error.leadsToInbox && !name.isInbox {
            try await account.checkQuota(octets: octets, in: .inbox, .delivery)
        }
    }

    private func checkQuota(
        octets: UInt64, of account: any MailAccount, in name: MailboxName
    ) async throws(StoreError) {
        if !name.isInbox {
            do throws(StoreError) {
                let place = try await account.destination(of: name, .fail)
                _ = try await place.account.status(of: place.name)
            } catch  where error.code == .notFound && self.createsMailboxes {
                // It would be made, and hold what its name may.
            }
        }
        try await account.checkQuota(octets: octets, in: name, .delivery)
    }
}

extension StoreError {
    /// Whether a delivery to another mailbox takes INBOX instead: there is none of that name that takes mail.
    var leadsToInbox: Bool {
        switch self.code {
        case .notFound, .cannot, .noPermission, .expunged: true
        case .alreadyExists, .overQuota, .tooBig, .limit, .inUse, .diskFull, .temporary, .damaged: false
        }
    }
}
