import Accounts
import Authentication
import Delivery
import Glibc
import MailCore
import MailSearch
import MailStore

/// What `sieve filter` is to do.
public struct FilterOrder: Sendable, Hashable {
    /// What becomes of messages that the script discards.
    public enum Discarded: Sendable, Hashable {
        case keep
        case delete
        case expunge
        case move(mailbox: String)

        init(_ word: String) throws(AdminError) {
            switch word {
            case "keep": self = .keep
            case "delete": self = .delete
            case "expunge": self = .expunge
            default:
                guard word.hasPrefix("move:"), word != "move:" else {
                    throw AdminError(.usage, "-D \(word): there are keep, delete, expunge and move:MAILBOX")
                }
                self = .move(mailbox: String(word.dropFirst("move:".count)))
            }
        }
    }

    /// The text of a script, or the name of one of the user's.
    public var script = ""
    public var isSource = false
    public var mailbox = ""
    public var query: [String] = []
    /// Nothing is done otherwise.
    public var executes = false
    /// Messages of the mailbox may be changed and removed.
    public var writes = false
    public var discarded = Discarded.keep
    /// Messages that just stay are not shown.
    public var isQuiet = false

    public init() {}
}

/// `sieve filter`: runs a script over messages of a mailbox that a search finds.
enum FilterCommand {
    static let columns = ["uid", "what", "script"]

    /// Messages at once.
    private static let batch = 32

    static func run(
        _ order: FilterOrder, _ selection: MessageSelection, _ user: UserRecord, _ context: AdminContext,
        _ output: inout some AdminOutput
    ) async throws(AdminError) {
        guard !selection.namesMailboxes else {
            throw AdminError(.usage, "the mailbox stands before the search, without MAILBOX")
        }
        guard let make = context.sieve.filter else {
            throw AdminError(.unavailable, "only the daemon filters mailboxes")
        }
        let filter = make(order.discarded != .delete)
        let account: any MailAccount
        do throws(StoreError) { account = try await context.accounts.open(user) } catch {
            throw AdminError(error, "account \(user.user)")
        }
        let home = context.accounts.home(of: user)
        let prepared = try await self.prepare(order, filter, user.user, home, account, context, &output)
        let manner = try self.manner(order, account)
        let name = try self.name(order.mailbox, account)
        let mailbox: any Mailbox
        do throws(StoreError) {
            mailbox = try await account.open(
                name, manner.execution == .complete ? .readWrite : .readOnly, onChange: {})
        } catch {
            throw AdminError(error, "mailbox \(order.mailbox)")
        }
        defer { mailbox.close() }
        let uids = try await self.uids(selection, mailbox, order, context)
        var done = 0
        var isFaulty = false
        while done < uids.count {
            let next = Array(uids[done..<min(uids.count, done + self.batch)])
            let reports: [MailFilter.Report]
            do throws(StoreError) {
                reports = try await filter.run(
                    prepared, user: user.user, home: home, account: account, session: "sieve-filter", next,
                    in: mailbox, context.store, manner)
            } catch {
                throw AdminError(error, "mailbox \(order.mailbox)")
            }
            done += next.count
            for report in reports {
                if !report.errors.isEmpty { isFaulty = true }
                for row in self.rows(report, order) { try await output.row(row) }
            }
            try await output.progress(done: done, total: uids.count)
        }
        if isFaulty {
            throw AdminError(.temporary, "mailbox \(order.mailbox): with some messages it could not be done")
        }
    }

    private static func prepare(
        _ order: FilterOrder, _ filter: MailFilter, _ user: String, _ home: String?, _ account: any MailAccount,
        _ context: AdminContext, _ output: inout some AdminOutput
    ) async throws(AdminError) -> MailFilter.Prepared {
        let script: MailFilter.Script = order.isSource ? .source(Array(order.script.utf8)) : .personal(order.script)
        switch await filter.prepare(script, user: user, account: account, home: home, context.store) {
        case .success(let prepared):
            for warning in prepared.warnings { try await output.problem("script: \(warning)") }
            return prepared
        case .failure(.script(let text)):
            for line in text.split(whereSeparator: \.isNewline) { try await output.problem("script: \(line)") }
            throw AdminError(.data, "the script has errors")
        case .failure(.noSuchScript): throw AdminError(.notFound, "there is no script \(order.script)")
        case .failure(.store(let error)): throw AdminError(error, "script")
        }
    }

    private static func uids(
        _ selection: MessageSelection, _ mailbox: any Mailbox, _ order: FilterOrder, _ context: AdminContext
    ) async throws(AdminError) -> [UID] {
        let view = mailbox.snapshot()
        guard let plan = SearchPlan(selection.key, view, recent: [], now: Int64(time(nil))) else { return [] }
        do throws(StoreError) {
            return try await MailboxSearch(mailbox, view, context.store.threads).matches(plan).map { view[$0].uid }
        } catch {
            throw AdminError(error, "mailbox \(order.mailbox)")
        }
    }

    private static func manner(
        _ order: FilterOrder, _ account: any MailAccount
    ) throws(AdminError) -> MailFilter.Manner {
        let discarded: MailFilter.Manner.Discarded
        switch order.discarded {
        case .keep: discarded = .kept
        case .delete, .expunge: discarded = .marked
        case .move(let mailbox): discarded = .moved(try self.name(mailbox, account))
        }
        guard order.executes else { return MailFilter.Manner(.described, discarded: discarded) }
        return MailFilter.Manner(order.writes ? .complete : .onCopies, discarded: discarded)
    }

    private static func name(_ mailbox: String, _ account: any MailAccount) throws(AdminError) -> MailboxName {
        guard let name = account.spelling.name(of: mailbox) else {
            throw AdminError(.usage, "not a mailbox name: \(mailbox)")
        }
        return name
    }

    /// `main:3: fileinto "Work"` in columns.
    private static func rows(_ report: MailFilter.Report, _ order: FilterOrder) -> [[String]] {
        let uid = String(report.uid.rawValue)
        var rows: [[String]] = []
        for decision in report.decisions {
            let parts = decision.split(separator: " ", maxSplits: 1).map(String.init)
            rows.append(
                parts.count == 2 ? [uid, parts[1], String(parts[0].dropLast())] : [uid, decision, ""])
        }
        rows += report.warnings.map { [uid, "warning: \($0)", ""] }
        rows += report.errors.map { [uid, "error: \($0)", ""] }
        return rows.isEmpty && !order.isQuiet ? [[uid, "keep", ""]] : rows
    }
}
