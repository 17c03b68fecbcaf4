import MailCore
import MailStore

/// `mailbox ...` and `force-resync` on one account.
enum MailboxCommands {
    /// - Parameter isSubscribed: names that are subscribed to, also those of mailboxes that are gone.
    static func list(
        _ masks: [String], subscribed isSubscribed: Bool, _ account: any MailAccount, _ output: inout some AdminOutput
    ) async throws(AdminError) {
        let names =
            isSubscribed
            ? try await Self.subscriptions(masks, account) : try await Self.matching(masks, account).map(\.name)
        for name in names { try await output.row([Self.text(name, account)]) }
    }

    static func status(
        _ fields: [AdminCommand.StatusField], _ masks: [String], total isTotal: Bool,
        _ account: any MailAccount, _ output: inout some AdminOutput
    ) async throws(AdminError) {
        var sums = [UInt64](repeating: 0, count: fields.count)
        for mailbox in try await Self.matching(masks, account) where mailbox.isSelectable {
            let status: MailboxStatus
            do throws(StoreError) {
                status = try await account.status(of: mailbox.name)
            } catch {
                try await output.problem("mailbox \(Self.text(mailbox.name, account)): \(error)")
                continue
            }
            if isTotal {
                for (index, field) in fields.enumerated() where Self.isSummable(field) {
                    sums[index] &+= Self.number(field, status) ?? 0
                }
            } else {
                try await output.row([Self.text(mailbox.name, account)] + fields.map { Self.text($0, status) })
            }
        }
        if isTotal {
            try await output.row(
                zip(fields, sums).map { Self.isSummable($0) ? String($1) : "-" })
        }
    }

    static func create(
        _ names: [String], subscribing: Bool, _ account: any MailAccount, _ output: inout some AdminOutput
    ) async throws(AdminError) {
        try await Self.each(names, &output) { text throws(AdminError) in
            let name = try await Self.name(text, account)
            try await Self.onMailbox(text) { () throws(StoreError) in
                try await account.create(name, specialUse: nil)
                if subscribing { try await account.subscribe(name) }
            }
        }
    }

    static func delete(
        _ names: [String], recursively isRecursive: Bool, _ account: any MailAccount, _ output: inout some AdminOutput
    ) async throws(AdminError) {
        try await Self.each(names, &output) { text throws(AdminError) in
            let name = try await Self.name(text, account)
            guard isRecursive else {
                return try await Self.onMailbox(text) { () throws(StoreError) in try await account.delete(name) }
            }
            // Children first, so that a failure leaves no orphans behind.
            let tree = try await Self.matching([], account).filter {
                $0.isSelectable && ($0.name == name || $0.name.text.hasPrefix(name.text + "/"))
            }
            guard !tree.isEmpty else { throw AdminError(.notFound, "mailbox \(text): does not exist") }
            for mailbox in tree.reversed() {
                try await Self.onMailbox(Self.text(mailbox.name, account)) { () throws(StoreError) in
                    try await account.delete(mailbox.name)
                }
            }
        }
    }

    static func rename(_ from: String, _ to: String, _ account: any MailAccount) async throws(AdminError) {
        let source = try await Self.name(from, account)
        let target = try await Self.name(to, account)
        do throws(StoreError) {
            try await account.rename(source, to: target)
        } catch {
            throw AdminError(error, "mailbox \(error.code == .alreadyExists ? to : from)")
        }
    }

    static func subscribe(
        _ names: [String], _ subscribes: Bool, _ account: any MailAccount, _ output: inout some AdminOutput
    ) async throws(AdminError) {
        try await Self.each(names, &output) { text throws(AdminError) in
            let name = try await Self.name(text, account)
            try await Self.onMailbox(text) { () throws(StoreError) in
                if subscribes { try await account.subscribe(name) } else { try await account.unsubscribe(name) }
            }
        }
    }

    static func resync(
        _ masks: [String], _ account: any MailAccount, _ output: inout some AdminOutput
    ) async throws(AdminError) {
        let mailboxes = try await Self.matching(masks, account).filter(\.isSelectable)
        guard !mailboxes.isEmpty else { throw AdminError(.notFound, "no mailbox matches") }
        for (index, mailbox) in mailboxes.enumerated() {
            try await Self.onMailbox(Self.text(mailbox.name, account)) { () throws(StoreError) in
                try await account.resync(mailbox.name)
            }
            try await output.progress(done: index + 1, total: mailboxes.count)
        }
    }

    /// Does something with each of several names: what cannot be done with one is told, and the others go on. The exit
    /// status is that of the first failure, as with doveadm, or says that it is worth another try.
    static func each(
        _ names: [String], _ output: inout some AdminOutput, _ body: (String) async throws(AdminError) -> Void
    ) async throws(AdminError) {
        var problems = Problems()
        for name in names {
            do throws(AdminError) {
                try await body(name)
            } catch {
                problems.note(error)
            }
        }
        try await problems.tell(&output)
    }

    /// The mailboxes of an account that match any of the masks; all without masks.
    static func matching(
        _ masks: [String], _ account: any MailAccount
    ) async throws(AdminError) -> [MailboxListing] {
        let masks = MailboxMasks(masks, account)
        do throws(StoreError) {
            return try await account.mailboxes().filter { masks.matches(Self.text($0.name, account)) }
        } catch {
            throw AdminError(error, "mailboxes of \(account.identity.name)")
        }
    }

    private static func subscriptions(
        _ masks: [String], _ account: any MailAccount
    ) async throws(AdminError) -> [MailboxName] {
        let masks = MailboxMasks(masks, account)
        do throws(StoreError) {
            return try await account.subscriptions().filter { masks.matches(Self.text($0, account)) }.sorted()
        } catch {
            throw AdminError(error, "subscriptions of \(account.identity.name)")
        }
    }

    /// The name as clients see it, and so as administrators write it.
    static func text(_ name: MailboxName, _ account: any MailAccount) -> String {
        account.spelling.text(of: name)
    }

    /// The mailbox that an administrator means.
    static func name(
        _ text: String, _ account: any MailAccount
    ) async throws(AdminError) -> MailboxName {
        guard let name = account.spelling.name(of: text) else {
            throw AdminError(.usage, "not a mailbox name: \(text)")
        }
        do throws(StoreError) {
            return try await account.resolve(name)
        } catch {
            throw AdminError(error, "mailbox \(text)")
        }
    }

    private static func onMailbox(
        _ name: String, _ body: () async throws(StoreError) -> Void
    ) async throws(AdminError) {
        do throws(StoreError) {
            try await body()
        } catch {
            throw AdminError(error, "mailbox \(name)")
        }
    }

    private static func isSummable(_ field: AdminCommand.StatusField) -> Bool {
        switch field {
        case .messages, .recent, .unseen, .vsize, .deleted: true
        case .uidnext, .uidvalidity, .highestmodseq, .guid: false
        }
    }

    private static func number(_ field: AdminCommand.StatusField, _ status: MailboxStatus) -> UInt64? {
        switch field {
        case .messages: UInt64(status.messages)
        case .recent: UInt64(status.recent)
        case .unseen: UInt64(status.unseen)
        case .deleted: UInt64(status.deleted)
        case .vsize: status.size
        case .uidnext: UInt64(status.uidNext.rawValue)
        case .uidvalidity: UInt64(status.uidValidity.rawValue)
        case .highestmodseq: status.highestModSeq.rawValue
        case .guid: nil
        }
    }

    private static func text(_ field: AdminCommand.StatusField, _ status: MailboxStatus) -> String {
        self.number(field, status).map { String($0) } ?? status.guid
    }
}
