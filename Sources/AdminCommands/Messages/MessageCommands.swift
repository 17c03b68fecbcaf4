import Glibc
import IMAPCore
import MIMECore
import MailCore
import MailSearch
import MailStore

/// `search`, `fetch`, `expunge`, `copy`, `move` and `flags` on one account.
enum MessageCommands {
    /// Messages in one change, so that one of many thousands holds nobody up for long.
    private static let batch = 1000

    static func search<Output: AdminOutput>(
        _ selection: MessageSelection, _ account: any MailAccount, _ threads: StorageThreads,
        _ output: inout Output
    ) async throws(AdminError) {
        try await self.each(selection, .readOnly, account, threads, &output) {
            found, output, _ throws(AdminError) in
            for record in found.records {
                try await output.row([found.mailbox.guid, String(record.uid.rawValue)])
            }
        }
    }

    static func fetch<Output: AdminOutput>(
        _ fields: [FetchColumn], _ selection: MessageSelection, _ account: any MailAccount,
        _ threads: StorageThreads, _ output: inout Output
    ) async throws(AdminError) {
        try await self.each(selection, .readOnly, account, threads, &output) {
            found, output, _ throws(AdminError) in
            for record in found.records {
                var row: [[UInt8]] = []
                do throws(StoreError) {
                    for field in fields {
                        row.append(try await MessageField.value(field, record, found, account))
                    }
                } catch {
                    try await output.problem(
                        "\(MailboxCommands.text(found.mailbox.name, account)) uid \(record.uid.rawValue): \(error)"
                    )
                    continue
                }
                try await output.row(row)
            }
        }
    }

    static func expunge(
        _ selection: MessageSelection, _ account: any MailAccount, _ threads: StorageThreads
    ) async throws(AdminError) {
        try selection.checkIsDeliberate("expunge")
        var nothing = NoOutput()
        try await self.each(selection, .readWrite, account, threads, &nothing) {
            found, _, problems throws(AdminError) in
            do throws(StoreError) {
                _ = try await found.mailbox.remove(UIDSet(found.records.map(\.uid)))
            } catch {
                problems.note(AdminError(error, "mailbox \(MailboxCommands.text(found.mailbox.name, account))"))
            }
        }
    }

    /// Copies or moves what is found; what is in the target already stays as it is.
    static func transfer(
        _ selection: MessageSelection, _ kind: TransferKind, to target: String, _ account: any MailAccount,
        _ threads: StorageThreads
    ) async throws(AdminError) {
        if kind == .move { try selection.checkIsDeliberate("move") }
        let name = try await MailboxCommands.name(target, account)
        do throws(StoreError) {
            guard try await account.hasMailbox(name) else { throw StoreError(.notFound) }
        } catch {
            throw AdminError(error, "mailbox \(target)")
        }
        try await self.change(selection, kind == .copy ? .readOnly : .readWrite, account, threads) {
            mailbox, uids throws(StoreError) in
            guard mailbox.name != name else { return }
            switch kind {
            case .copy: _ = try await mailbox.copy(uids, to: name)
            case .move: _ = try await mailbox.move(uids, to: name)
            }
        }
    }

    static func flag(
        _ order: FlagOrder, _ selection: MessageSelection, _ account: any MailAccount, _ threads: StorageThreads
    ) async throws(AdminError) {
        try await self.change(selection, .readWrite, account, threads) { mailbox, uids throws(StoreError) in
            _ = try await mailbox.store(order.change, uids, unchangedSince: nil)
        }
    }

    /// Does something to what is found, some messages at a time.
    private static func change(
        _ selection: MessageSelection, _ access: MailboxAccess, _ account: any MailAccount, _ threads: StorageThreads,
        _ body: (any Mailbox, UIDSet) async throws(StoreError) -> Void
    ) async throws(AdminError) {
        var nothing = NoOutput()
        try await self.each(selection, access, account, threads, &nothing) {
            found, _, problems throws(AdminError) in
            var rest = found.records[...]
            while !rest.isEmpty {
                let uids = UIDSet(rest.prefix(Self.batch).map(\.uid))
                rest = rest.dropFirst(Self.batch)
                do throws(StoreError) {
                    try await body(found.mailbox, uids)
                } catch {
                    problems.note(AdminError(error, "mailbox \(MailboxCommands.text(found.mailbox.name, account))"))
                    return
                }
            }
        }
    }

    /// What a search found in one mailbox.
    struct Found {
        var mailbox: any Mailbox
        var view: MailboxSnapshot
        var records: [MessageRecord]
    }

    /// Those of which the selection speaks, by name or by GUID.
    private static func mailboxes(
        _ selection: MessageSelection, _ account: any MailAccount
    ) async throws(AdminError) -> [MailboxListing] {
        let masks = MailboxMasks(selection.mailboxes, account)
        var chosen: [MailboxListing] = []
        for listing in try await MailboxCommands.matching([], account) where listing.isSelectable {
            let isMatched = masks.matches(MailboxCommands.text(listing.name, account))
            if !selection.namesMailboxes || !masks.isEmpty && isMatched {
                chosen.append(listing)
                continue
            }
            guard !selection.guids.isEmpty else { continue }
            do throws(StoreError) {
                if selection.guids.contains(try await account.status(of: listing.name).guid) { chosen.append(listing) }
            } catch {
                // Deleted meanwhile, or nothing that this user may look at.
                guard error.code == .notFound || error.code == .noPermission else {
                    throw AdminError(error, "mailbox \(MailboxCommands.text(listing.name, account))")
                }
            }
        }
        return chosen
    }

    /// Searches the account's selected mailboxes one after the other; `body` is not called where nothing was found.
    private static func each<Output: AdminOutput>(
        _ selection: MessageSelection, _ access: MailboxAccess, _ account: any MailAccount,
        _ threads: StorageThreads, _ output: inout Output,
        _ body: (Found, inout Output, inout Problems) async throws(AdminError) -> Void
    ) async throws(AdminError) {
        let mailboxes = try await Self.mailboxes(selection, account)
        if mailboxes.isEmpty, selection.namesMailboxes { throw AdminError(.notFound, "no mailbox matches") }
        var problems = Problems()
        for listing in mailboxes {
            let mailbox: any Mailbox
            var found: Found
            do throws(StoreError) {
                mailbox = try await account.open(listing.name, access, onChange: {})
            } catch {
                // What others share may be listed and not read: it is meant only when it is named.
                if error.code == .noPermission, !selection.namesMailboxes { continue }
                problems.note(AdminError(error, "mailbox \(MailboxCommands.text(listing.name, account))"))
                continue
            }
            defer { mailbox.close() }
            do throws(StoreError) {
                found = Found(mailbox: mailbox, view: mailbox.snapshot(), records: [])
                guard let plan = SearchPlan(selection.key, found.view, recent: [], now: Int64(time(nil)))
                else { continue }
                let search = MailboxSearch(mailbox, found.view, threads)
                found.records = try await search.matches(plan).map { found.view[$0] }
            } catch {
                problems.note(AdminError(error, "mailbox \(MailboxCommands.text(listing.name, account))"))
                continue
            }
            if !found.records.isEmpty { try await body(found, &output, &problems) }
        }
        try problems.end()
    }
}

/// For commands that say nothing.
private struct NoOutput: AdminOutput {
    mutating func columns(_: [String]) async throws(AdminError) {}
    mutating func row(_: [[UInt8]]) async throws(AdminError) {}
    mutating func problem(_: String) async throws(AdminError) {}
    mutating func progress(done _: Int, total _: Int) async throws(AdminError) {}
}
