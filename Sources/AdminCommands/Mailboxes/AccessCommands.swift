import MailCore
import MailStore

/// A verb of `acl`, as doveadm has them.
public enum AccessVerb: Sendable, Hashable {
    /// The rows of a mailbox's list; with `isOwn` only those about the user.
    case get(mailbox: String, isOwn: Bool)
    /// What the user may do.
    case rights(mailbox: String)
    /// The same with the reasons.
    case debug(mailbox: String)
    case set(mailbox: String, identifier: String, rights: [String])
    case add(mailbox: String, identifier: String, rights: [String])
    case remove(mailbox: String, identifier: String, rights: [String])
    case delete(mailbox: String, identifier: String)
    /// Reads all lists again, so that it is known who shares what.
    case recalc

    init(_ verb: String, isOwn: Bool, _ operands: [String]) throws(AdminError) {
        func take(_ usage: String, _ count: Int) throws(AdminError) {
            guard operands.count == count || count == 3 && operands.count >= 3 else {
                throw AdminError(.usage, "usage: martlet acl \(verb) -u USER \(usage)")
            }
        }
        switch verb {
        case "get":
            try take("[-m] MAILBOX", 1)
            self = .get(mailbox: operands[0], isOwn: isOwn)
        case "rights":
            try take("MAILBOX", 1)
            self = .rights(mailbox: operands[0])
        case "debug":
            try take("MAILBOX", 1)
            self = .debug(mailbox: operands[0])
        case "set", "add", "remove":
            try take("MAILBOX IDENTIFIER RIGHT...", 3)
            let rights = Array(operands[2...])
            self =
                switch verb {
                case "set": .set(mailbox: operands[0], identifier: operands[1], rights: rights)
                case "add": .add(mailbox: operands[0], identifier: operands[1], rights: rights)
                default: .remove(mailbox: operands[0], identifier: operands[1], rights: rights)
                }
        case "delete":
            try take("MAILBOX IDENTIFIER", 2)
            self = .delete(mailbox: operands[0], identifier: operands[1])
        case "recalc":
            try take("", 0)
            self = .recalc
        default:
            throw AdminError(
                .usage, "unknown command: acl \(verb); there are get, rights, set, add, remove, delete, debug, recalc")
        }
    }

    var columns: [String] {
        switch self {
        case .get: ["id", "rights"]
        case .rights: ["rights"]
        case .debug: ["what", "is"]
        case .set, .add, .remove, .delete, .recalc: []
        }
    }
}

/// `acl ...` on one account.
enum AccessCommands {
    static func run(
        _ verb: AccessVerb, _ account: any MailAccount, _ output: inout some AdminOutput
    ) async throws(AdminError) {
        switch verb {
        case .get(let mailbox, let isOwn):
            let name = try Self.name(mailbox, account)
            for row in try await Self.list(name, mailbox, account).rows {
                if isOwn, row.identifier != .user(account.identity.name) { continue }
                try await output.row([(row.isNegative ? "-" : "") + row.identifier.text, Self.words(row)])
            }
        case .rights(let mailbox):
            let name = try Self.name(mailbox, account)
            try await output.row([try await Self.rights(name, mailbox, account).words.joined(separator: " ")])
        case .debug(let mailbox): try await Self.explain(mailbox, account, &output)
        case .set(let mailbox, let identifier, let rights):
            try await Self.change(mailbox, identifier, .replace, rights, account)
        case .add(let mailbox, let identifier, let rights):
            try await Self.change(mailbox, identifier, .add, rights, account)
        case .remove(let mailbox, let identifier, let rights):
            try await Self.change(mailbox, identifier, .remove, rights, account)
        case .delete(let mailbox, let identifier):
            let (who, isNegative) = try Self.identifier(identifier)
            try await Self.onList(mailbox, account) { $0.remove(who, isNegative: isNegative) }
        case .recalc:
            do throws(StoreError) {
                _ = try await account.accessLists()
            } catch {
                throw AdminError(error, "access control lists of \(account.identity.name)")
            }
        }
    }

    private static func explain(
        _ mailbox: String, _ account: any MailAccount, _ output: inout some AdminOutput
    ) async throws(AdminError) {
        let name = try Self.name(mailbox, account)
        try await output.row(["access control lists", account.enforcesAccessLists ? "enforced" : "off (acl_driver)"])
        let rights: MailRights
        do throws(AdminError) {
            rights = try await Self.rights(name, mailbox, account)
        } catch {
            // The very question that is asked here; the list itself is its owner's to show.
            guard error.exit == .notFound else { throw error }
            let user = account.identity.name
            return try await output.row([
                "mailbox", "is not there, or \(user) has no right to it: `acl debug` for its owner shows the list",
            ])
        }
        try await output.row(["owner", account.owner(of: name) ?? "nobody"])
        // Of others' mailboxes the rows are theirs to know.
        if let list = try? await account.accessList(of: name) {
            if list.isDamaged {
                try await output.row(["list", "has lines that are no rows: only the owner has access"])
            }
            if list.isEmpty { try await output.row(["list", "none: the owner has all rights, others have none"]) }
            for row in list.rows {
                let sign = row.isNegative ? "takes from " : "gives "
                try await output.row(["row", sign + row.identifier.text + ": " + Self.words(row)])
            }
        }
        try await output.row(["rights of \(account.identity.name)", rights.words.joined(separator: " ")])
        try await output.row(["shows in lists", rights.contains(.lookup) ? "yes" : "no, for want of lookup"])
        try await output.row(["can be selected", rights.contains(.read) ? "yes" : "no, for want of read"])
    }

    private static func words(_ row: AccessList.Row) -> String {
        (row.rights.words + row.unknownRights).joined(separator: " ")
    }

    private static func change(
        _ mailbox: String, _ identifier: String, _ change: AccessList.Change, _ words: [String],
        _ account: any MailAccount
    ) async throws(AdminError) {
        let (who, isNegative) = try Self.identifier(identifier)
        var rights: MailRights = []
        for word in words {
            if word == "all" {
                rights = .all
            } else if let right = MailRights(word: word) {
                rights.formUnion(right)
            } else if case .success(let letters) = MailRights.parse(wire: word.utf8) {
                rights.formUnion(letters)
            } else {
                let known = MailRights.all.words.joined(separator: " ")
                throw AdminError(.usage, "unknown right: \(word); there are \(known), and all")
            }
        }
        let given = rights
        try await Self.onList(mailbox, account) { $0.set(who, isNegative: isNegative, change, given) }
    }

    private static func identifier(_ text: String) throws(AdminError) -> (AccessIdentifier, isNegative: Bool) {
        let isNegative = text.hasPrefix("-")
        guard let identifier = AccessIdentifier(text: isNegative ? String(text.dropFirst()) : text) else {
            throw AdminError(
                .usage,
                "not an identifier: \(text); write user=NAME, group=NAME, group-override=NAME, owner, authenticated or anyone"
            )
        }
        return (identifier, isNegative)
    }

    private static func onList(
        _ mailbox: String, _ account: any MailAccount, _ body: @escaping @Sendable (inout AccessList) -> Void
    ) async throws(AdminError) {
        let name = try Self.name(mailbox, account)
        do throws(StoreError) {
            try await account.changeAccessList(of: name) { (list) throws(StoreError) in body(&list) }
        } catch {
            throw AdminError(error, "mailbox \(mailbox)")
        }
    }

    private static func list(
        _ name: MailboxName, _ mailbox: String, _ account: any MailAccount
    ) async throws(AdminError) -> AccessList {
        do throws(StoreError) { return try await account.accessList(of: name) } catch {
            throw AdminError(error, "mailbox \(mailbox)")
        }
    }

    private static func rights(
        _ name: MailboxName, _ mailbox: String, _ account: any MailAccount
    ) async throws(AdminError) -> MailRights {
        do throws(StoreError) { return try await account.rights(of: name) } catch {
            throw AdminError(error, "mailbox \(mailbox)")
        }
    }

    private static func name(_ text: String, _ account: any MailAccount) throws(AdminError) -> MailboxName {
        guard let name = account.spelling.name(of: text) else {
            throw AdminError(.usage, "not a mailbox name: \(text)")
        }
        return name
    }
}
