import Accounts
import Authentication
import IMAPCore
import MailCore
import MailStore
import ServerCore

/// QUOTA (RFC 9208): one quota root for each account. The own one is called as `quota_name` says, that of another
/// user, which administrators see, `user:name`.
extension Session {
    private struct QuotaRoot {
        var name: [UInt8]
        var account: any MailAccount
    }

    private enum QuotaRootLookup {
        case found(QuotaRoot)
        case missing
        case failed(StoreError)
    }

    /// GETQUOTA (RFC 9208 section 4.1.1).
    func getQuota(_ tag: Tag, _ root: [UInt8]) async throws(ConnectionError) {
        guard let found = try await self.quotaRoot(tag, root) else { return }
        do throws(StoreError) {
            self.write(try await found.account.quota(), of: found.name)
        } catch {
            return try await self.refuse(tag, error)
        }
        try await self.finish(tag, "Getquota completed")
    }

    /// GETQUOTAROOT (RFC 9208 section 4.1.2): the mailbox need not exist.
    func getQuotaRoot(_ tag: Tag, _ wire: WireMailboxName) async throws(ConnectionError) {
        guard let mailbox = try await self.mailboxName(tag, wire, .nonExistent) else { return }
        guard let account = self.account else { return self.bad(tag, "Please log in first") }
        guard account.owner(of: mailbox) == account.identity.name, account.countsForQuota(mailbox) else {
            // It counts for somebody else, which is nobody else's business, or for nobody.
            self.write { $0.quotaRoot(wire, roots: []) }
            return try await self.finish(tag, "Getquotaroot completed")
        }
        do throws(StoreError) {
            let status = try await account.quota()
            let name = Array(status.name.utf8)
            self.write { $0.quotaRoot(wire, roots: [name]) }
            self.write(status, of: name)
        } catch {
            return try await self.refuse(tag, error)
        }
        try await self.finish(tag, "Getquotaroot completed")
    }

    /// SETQUOTA (RFC 9208 section 4.1.3): what is not named has no limit afterwards.
    func setQuota(_ tag: Tag, _ root: [UInt8], _ settings: [QuotaSetting]) async throws(ConnectionError) {
        guard let found = try await self.quotaRoot(tag, root) else { return }
        guard self.isAdministrator else {
            return try await self.refuse(tag, .noPermission, "Quota can be changed by administrators only")
        }
        var limits = QuotaLimits()
        for setting in settings {
            switch String(decoding: setting.resource, as: UTF8.self) {
            case "STORAGE":
                let (octets, overflow) = Int64(clamping: setting.limit).multipliedReportingOverflow(by: 1024)
                limits.storage = overflow ? .max : octets
            case "MESSAGE": limits.messages = Int64(clamping: setting.limit)
            default: return try await self.refuse(tag, .cannot, "There are the resources STORAGE and MESSAGE")
            }
        }
        do throws(StoreError) {
            try await found.account.setQuotaLimits(limits)
            self.write(try await found.account.quota(), of: found.name)
        } catch {
            return try await self.refuse(tag, error)
        }
        try await self.finish(tag, "Setquota completed")
    }

    /// The root of that name; writes the refusal when there is none for this user.
    private func quotaRoot(_ tag: Tag, _ root: [UInt8]) async throws(ConnectionError) -> QuotaRoot? {
        switch await self.lookUpQuotaRoot(root) {
        case .found(let found): return found
        case .missing: try await self.refuse(tag, .nonExistent, "No such quota root")
        case .failed(let error): try await self.refuse(tag, error)
        }
        return nil
    }

    private func lookUpQuotaRoot(_ root: [UInt8]) async -> QuotaRootLookup {
        guard let account = self.account else { return .missing }
        let own = Array(account.quotaNow.name.utf8)
        if root == own { return .found(QuotaRoot(name: root, account: account)) }
        // Whether other users exist is told to administrators only.
        guard self.isAdministrator, root.count > own.count + 1, root.suffix(own.count) == own[...],
            root[root.count - own.count - 1] == UInt8(ascii: ":")
        else { return .missing }
        let user = String(decoding: root.dropLast(own.count + 1), as: UTF8.self)
        let request = AuthenticationRequest(
            service: "imap", security: .local, session: self.connection.sessionID)
        switch await self.options.authenticator.lookup(user, request) {
        case .notFound: return .missing
        case .temporary(let reason): return .failed(StoreError(.temporary, reason))
        case .found(let record):
            do throws(StoreError) {
                return .found(QuotaRoot(name: root, account: try await self.options.accounts.open(record)))
            } catch {
                return .failed(error)
            }
        }
    }

    private func write(_ status: QuotaStatus, of root: [UInt8]) {
        let storage = status.limits.storage.map {
            ResponseEncoder.QuotaResource(
                usage: QuotaUsage.kibibytes(status.usage.storage), limit: QuotaUsage.kibibytes($0))
        }
        let messages = status.limits.messages.map {
            ResponseEncoder.QuotaResource(
                usage: UInt64(max(0, status.usage.messages)), limit: UInt64(max(0, $0)))
        }
        self.write { $0.quota(root: root, storage: storage, messages: messages) }
    }

    /// In the selected state, tells once that the account has come to hold more than it may, as it does when the last
    /// delivery used the grace or an administrator lowered the limit (RFC 9208 section 4.3.1).
    @inline(never)
    func tellOverQuota() {
        guard self.selected != nil, let account = self.account else { return }
        let isOver = account.quotaNow.isOver
        guard isOver != self.knowsOverQuota else { return }
        self.knowsOverQuota = isOver
        if isOver { self.write { $0.untagged(.no, .overQuota, "Quota has been exceeded") } }
    }
}
