import Accounts
import Authentication
import MailCore
import MailStore

/// `verify`: files, index, sizes and checksums of accounts, or of a whole volume; and what the background
/// examination found.
struct VerifyCommand {
    static let columns = ["mailbox", "uid", "check", "detail", "repaired"]
    static let scrubColumns = [
        "state", "started", "finished", "age", "findings", "current-findings", "messages", "octets", "position",
    ]

    private let store: any StoreUpkeep
    private let mode: VerifyMode
    private var exit = AdminExit.success

    private init(_ context: AdminContext, _ mode: VerifyMode) throws(AdminError) {
        guard let store = context.store as? any StoreUpkeep else { throw AdminError(.usage, "nothing to verify here") }
        self.store = store
        self.mode = mode
    }

    /// One account's mailboxes.
    static func run(
        _ mode: VerifyMode, _ account: any MailAccount, _ context: AdminContext, _ output: inout some AdminOutput
    ) async throws(AdminError) -> AdminExit {
        var command = try VerifyCommand(context, mode)
        try await command.verify(account.identity, [], .mailboxes, &output)
        return command.exit
    }

    /// The log, then every account that the store has. The first column is the account's name.
    static func runAll(
        _ mode: VerifyMode, _ context: AdminContext, _ output: inout some AdminOutput
    ) async throws(AdminError) -> AdminExit {
        var command = try VerifyCommand(context, mode)
        let store = command.store
        var next: UInt32? = 0
        while let first = next {
            let slice = try await Self.onStore("log") { () throws(StoreError) in try await store.verifyLog(from: first)
            }
            next = slice.next
            for finding in slice.findings { try await command.tell(finding, ["", "", ""], &output) }
        }
        let identities = try await Self.onStore("accounts") { () throws(StoreError) in try await store.identities() }
        for (index, identity) in identities.enumerated() {
            do throws(AdminError) {
                try await command.verify(identity, [identity.name], .accounts, &output)
            } catch {
                command.exit = .data
                try await output.problem(error.message)
            }
            try await output.progress(done: index + 1, total: identities.count)
        }
        return command.exit
    }

    static func scrub(
        _ context: AdminContext, now: Int64, _ output: inout some AdminOutput
    ) async throws(AdminError) -> AdminExit {
        let status = try VerifyCommand(context, .examine).store.scrubStatus()
        func text(_ time: Int64?) -> String { time.map { LocalTime.text($0) } ?? "" }
        try await output.row([
            status.isRunning ? "running" : "waiting", text(status.started), text(status.finished),
            status.finished.map { String(max(0, now - $0)) } ?? "", String(status.findings),
            String(status.currentFindings), String(status.messages), String(status.octets), status.position,
        ])
        return .success
    }

    /// Of what progress is told.
    private enum Steps { case mailboxes, accounts }

    private mutating func verify(
        _ identity: AccountIdentity, _ place: [String], _ steps: Steps, _ output: inout some AdminOutput
    ) async throws(AdminError) {
        let store = self.store
        let mode = self.mode
        let subject = "account \(identity.name)"
        let account = try await Self.onStore(subject) { () throws(StoreError) in try await store.account(identity) }
        let all = try await Self.onStore(subject) { () throws(StoreError) in try await account.mailboxes() }
        let mailboxes = all.filter(\.isSelectable)
        for (index, listing) in mailboxes.enumerated() {
            let name = MailboxCommands.text(listing.name, account)
            var next: UInt32?
            repeat {
                let first = next
                let slice = try await Self.onStore("\(subject), \(name)") { () throws(StoreError) -> VerifiedSlice in
                    do throws(StoreError) {
                        return try await store.verify(listing.name, of: account, from: first, mode)
                    } catch {
                        // Deleted meanwhile.
                        guard error.code == .notFound || error.code == .expunged else { throw error }
                        return VerifiedSlice()
                    }
                }
                next = slice.next
                for finding in slice.findings {
                    let uid = finding.uid.map { String($0.rawValue) } ?? ""
                    try await self.tell(finding, place + [name, uid], &output)
                }
            } while next != nil
            if steps == .mailboxes { try await output.progress(done: index + 1, total: mailboxes.count) }
        }
        guard mode == .repair else { return }
        // Counters in memory follow.
        _ = try await Self.onStore(subject) { () throws(StoreError) in try await account.recalculateQuota() }
    }

    private mutating func tell(
        _ finding: StoreFinding, _ place: [String], _ output: inout some AdminOutput
    ) async throws(AdminError) {
        if !finding.isRepaired { self.exit = .data }
        // The log is no account's: account, mailbox and UID of its rows are empty.
        try await output.row(place + [finding.kind.rawValue, finding.detail, finding.isRepaired ? "yes" : "no"])
    }

    private static func onStore<Value>(
        _ subject: String, _ body: () async throws(StoreError) -> Value
    ) async throws(AdminError) -> Value {
        do throws(StoreError) { return try await body() } catch { throw AdminError(error, subject) }
    }
}
