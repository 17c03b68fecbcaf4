import Accounts
import IMAPCore
import MailCore
import MailStore
import ServerCore

/// The accounts that the URLs of one command lead to, by their users' names as written; `nil` for a user who is not
/// there.
struct URLOwners {
    fileprivate var accounts: [[UInt8]: (any MailAccount)?] = [:]
}

extension Session {
    /// Whether URLs can be signed here: when a host for them is configured.
    var offersURLs: Bool { !self.settings.urlHost.isEmpty }

    /// Whether a URL is one of this server.
    func isHere(_ server: IMAPURL.Server) -> Bool {
        guard self.offersURLs, Int(server.port ?? 143) == self.settings.urlPort else { return false }
        let host = self.settings.urlHost
        return host == "*" || ASCII.equalsIgnoringCase(server.host, host.utf8)
    }

    /// The octets that a URL leads to: one of the account's own messages, or one that its owner has signed for this
    /// session's user. `nil` when it leads to nothing.
    func content(of text: [UInt8], _ owners: inout URLOwners) async throws(StoreError) -> URLContent? {
        guard let url = IMAPURL(text) else { return nil }
        if url.authorization != nil { return try await self.signedContent(of: text, url, &owners) }
        guard url.server == nil else { return nil }
        return try await self.ownContent(of: url)
    }

    /// A URL without mailbox is one of the selected mailbox.
    private func ownContent(of url: IMAPURL) async throws(StoreError) -> URLContent? {
        guard let wire = url.mailbox else {
            guard let mailbox = self.selected?.mailbox else { return nil }
            return try await URLContent(url, mailbox, self.options.store.threads)
        }
        guard let account = self.account, let exact = self.names.name(inURL: wire) else { return nil }
        let name = try await account.resolve(exact)
        if let selected = self.selected?.mailbox, selected.name == name, !selected.isDeleted {
            return try await URLContent(url, selected, self.options.store.threads)
        }
        return try await self.content(of: url, name, account)
    }

    /// What a signed URL leads to (RFC 4467 section 4): with its owner's rights, and only when the token is right.
    func signedContent(
        of text: [UInt8], _ url: IMAPURL, _ owners: inout URLOwners
    ) async throws(StoreError) -> URLContent? {
        guard let server = url.server, self.isHere(server), let user = server.user, let mailbox = url.mailbox,
            let authorization = url.authorization, self.isFor(authorization.access),
            let verification = authorization.verification, verification.mechanism.elementsEqual("INTERNAL".utf8)
        else { return nil }
        if let expiration = authorization.expiration, expiration <= UnixTime.now().seconds { return nil }
        guard let account = try await self.account(ofURLUser: user, &owners),
            let exact = MailboxNames(account.namespaces).name(inURL: mailbox)
        else { return nil }
        do throws(StoreError) {
            let name = try await account.resolve(exact)
            guard let key = try await URLKey(of: name, user: account.identity.name, in: account, isMade: false),
                key.verifies(verification.token, of: text.prefix(authorization.rumpLength))
            else { return nil }
            return try await self.content(of: url, name, account)
        } catch {
            switch error.code {
            case .notFound, .cannot, .noPermission: return nil
            default: throw error
            }
        }
    }

    /// Whether this session is one that a URL was signed for (RFC 4467 section 3).
    private func isFor(_ access: URLAuthorization.Access) -> Bool {
        guard let user = self.user else { return false }
        switch access {
        case .user(let name): return name.elementsEqual(user.utf8)
        // For whom the submission server asks is its own business to check.
        case .submit: return !self.settings.urlSubmitUser.isEmpty && user == self.settings.urlSubmitUser
        case .authenticated, .anonymous: return true
        }
    }

    private func account(
        ofURLUser name: [UInt8], _ owners: inout URLOwners
    ) async throws(StoreError) -> (any MailAccount)? {
        if let user = self.user, name.elementsEqual(user.utf8) { return self.account }
        if let known = owners.accounts[name] { return known }
        guard let text = String(validating: name, as: UTF8.self) else { return nil }
        let account = try await self.options.accounts.open(named: text)
        owners.accounts[name] = .some(account)
        return account
    }

    private func content(
        of url: IMAPURL, _ name: MailboxName, _ account: any MailAccount
    ) async throws(StoreError) -> URLContent? {
        let mailbox: any Mailbox
        do throws(StoreError) {
            mailbox = try await account.open(name, .readOnly, onChange: {})
        } catch {
            switch error.code {
            case .notFound, .cannot, .noPermission: return nil
            default: throw error
            }
        }
        let content: Result<URLContent?, StoreError>
        do throws(StoreError) {
            content = .success(try await URLContent(url, mailbox, self.options.store.threads))
        } catch {
            content = .failure(error)
        }
        mailbox.close()
        return try content.get()
    }
}

extension MailboxNames {
    fileprivate func name(inURL octets: [UInt8]) -> MailboxName? {
        String(validating: octets, as: UTF8.self).flatMap { self.name(inURL: $0) }
    }
}
