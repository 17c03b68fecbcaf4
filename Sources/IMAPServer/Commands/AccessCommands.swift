import IMAPCore
import MailCore
import MailStore
import ServerCore

/// What an identifier of ACL commands means: a user, `anyone`, `authenticated`, `owner`, `$group`, `!$group` for a
/// group that overrides, each with `-` before it for rights taken away (RFC 4314 section 3).
struct WireAccessIdentifier {
    var identifier: AccessIdentifier
    var isNegative: Bool

    init(_ identifier: AccessIdentifier, isNegative: Bool) {
        self.identifier = identifier
        self.isNegative = isNegative
    }

    /// `nil` for what can be nobody's name.
    init?(_ bytes: [UInt8]) {
        guard var text = String(validating: bytes, as: UTF8.self) else { return nil }
        self.isNegative = text.first == "-"
        if self.isNegative { text.removeFirst() }
        switch text {
        case "anyone": self.identifier = .anyone
        case "authenticated": self.identifier = .authenticated
        case "owner": self.identifier = .owner
        default:
            if text.hasPrefix("!$") {
                text.removeFirst(2)
                self.identifier = .groupOverride(text)
            } else if text.hasPrefix("$") {
                text.removeFirst()
                self.identifier = .group(text)
            } else {
                self.identifier = .user(text)
            }
            guard AccessIdentifier.isName(text) else { return nil }
        }
    }

    var bytes: [UInt8] {
        let sign = self.isNegative ? "-" : ""
        let text =
            switch self.identifier {
            case .anyone: "anyone"
            case .authenticated: "authenticated"
            case .owner: "owner"
            case .group(let name): "$" + name
            case .groupOverride(let name): "!$" + name
            case .user(let name): name
            }
        return Array((sign + text).utf8)
    }
}

extension Session {
    func access(_ tag: Tag, _ command: AccessCommand) async throws(ConnectionError) {
        guard let account = self.account else { return self.bad(tag, "Please log in first") }
        guard account.enforcesAccessLists else { return self.bad(tag, "Access control lists are not in use here") }
        switch command {
        case .getACL(let mailbox): try await self.getACL(tag, mailbox, account)
        case .setACL(let mailbox, let identifier, let change):
            guard case .success(let rights) = MailRights.parse(wire: change.letters) else {
                return self.bad(tag, "There is no such right")
            }
            let mode: AccessList.Change =
                switch change.mode {
                case .replace: .replace
                case .add: .add
                case .remove: .remove
                }
            try await self.change(tag, mailbox, identifier, account, "Setacl completed") { list, who in
                list.set(who.identifier, isNegative: who.isNegative, mode, rights)
            }
        case .deleteACL(let mailbox, let identifier):
            try await self.change(tag, mailbox, identifier, account, "Deleteacl completed") { list, who in
                list.remove(who.identifier, isNegative: who.isNegative)
            }
        case .listRights(let mailbox, let identifier): try await self.listRights(tag, mailbox, identifier, account)
        case .myRights(let mailbox): try await self.myRights(tag, mailbox, account)
        }
    }

    private func change(
        _ tag: Tag, _ wire: WireMailboxName, _ identifier: [UInt8], _ account: any MailAccount,
        _ completed: StaticString, _ body: @escaping @Sendable (inout AccessList, WireAccessIdentifier) -> Void
    ) async throws(ConnectionError) {
        guard let who = WireAccessIdentifier(identifier) else { return self.bad(tag, "That is no identifier") }
        switch who.identifier {
        case .anyone, .authenticated:
            // What only some may see is not to be spread over everybody's lists.
            guard self.settings.allowsSharingWithAnyone else {
                return try await self.refuse(tag, .noPermission, "Sharing with everybody is not allowed here")
            }
        case .group, .owner, .user, .groupOverride: break
        }
        guard let name = try await self.mailboxName(tag, wire, .nonExistent) else { return }
        do throws(StoreError) {
            try await account.changeAccessList(of: name) { (list) throws(StoreError) in body(&list, who) }
        } catch {
            return try await self.refuse(tag, error)
        }
        try await self.finish(tag, completed)
    }

    private func getACL(
        _ tag: Tag, _ wire: WireMailboxName, _ account: any MailAccount
    ) async throws(ConnectionError) {
        guard let name = try await self.mailboxName(tag, wire, .nonExistent) else { return }
        let list: AccessList
        do throws(StoreError) {
            list = try await account.accessList(of: name)
        } catch {
            return try await self.refuse(tag, error)
        }
        // Rows of one identifier and sign add up, and each shows once.
        var rows: [(identifier: [UInt8], rights: MailRights)] = []
        for row in list.rows {
            let bytes = WireAccessIdentifier(row.identifier, isNegative: row.isNegative).bytes
            if let known = rows.firstIndex(where: { $0.identifier == bytes }) {
                rows[known].rights.formUnion(row.rights)
            } else {
                rows.append((bytes, row.rights))
            }
        }
        if let owner = account.owner(of: name),
            !list.rows.contains(where: {
                !$0.isNegative && ($0.identifier == .owner || $0.identifier == .user(owner))
            })
        {
            rows.append((Array(owner.utf8), .all))
        }
        let shown = self.names.encode(name)
        self.write { $0.acl(shown, rows.map { ($0.identifier, $0.rights.wireLetters) }) }
        try await self.finish(tag, "Getacl completed")
    }

    private func listRights(
        _ tag: Tag, _ wire: WireMailboxName, _ identifier: [UInt8], _ account: any MailAccount
    ) async throws(ConnectionError) {
        guard let who = WireAccessIdentifier(identifier) else { return self.bad(tag, "That is no identifier") }
        guard let name = try await self.mailboxName(tag, wire, .nonExistent) else { return }
        do throws(StoreError) {
            guard try await account.rights(of: name).contains(.administer) else { throw StoreError(.noPermission) }
        } catch {
            return try await self.refuse(tag, error)
        }
        // Owners can always change the list.
        let isOwner = account.owner(of: name).map { who.identifier == .user($0) } ?? false || who.identifier == .owner
        let required: MailRights = isOwner && !who.isNegative ? .administer : []
        let shown = self.names.encode(name)
        let optional = MailRights.all.wireLetters.filter { !required.letters.contains($0) }
        self.write { $0.listRights(shown, identifier, required: required.letters, optional: optional) }
        try await self.finish(tag, "Listrights completed")
    }

    private func myRights(
        _ tag: Tag, _ wire: WireMailboxName, _ account: any MailAccount
    ) async throws(ConnectionError) {
        guard let name = try await self.mailboxName(tag, wire, .nonExistent) else { return }
        do throws(StoreError) {
            try await self.tellRights(name, account)
        } catch {
            return try await self.refuse(tag, error)
        }
        try await self.finish(tag, "Myrights completed")
    }

    /// `* MYRIGHTS`, also after a LIST response (RFC 8440).
    func tellRights(_ name: MailboxName, _ account: any MailAccount) async throws(StoreError) {
        let rights = try await account.rights(of: name)
        let shown = self.names.encode(name)
        self.write { $0.myRights(shown, rights.wireLetters) }
    }
}
