import Accounts
import Authentication
import MailStore

/// `account move`.
enum MoveCommand {
    /// Moves all that is a user's own: the account with INBOX and those of further private namespaces. Answers how many
    /// messages that were, or that there was nothing to do.
    ///
    /// Each account is moved by itself; when one cannot be, those before it are, and the command can be repeated.
    static func run(
        _ target: MoveTarget, _ user: UserRecord, _ context: AdminContext
    ) async throws(AdminError) -> String {
        // Those that come while messages follow into files have the account as it is then.
        let sessions = Set((context.sessions?.list() ?? []).lazy.filter { $0.user == user.user }.map(\.sessionID))
        var hasMoved = false
        // Those that had something to say have noticed; the others learn it so. Also where only a part has moved.
        defer { if hasMoved { context.sessions?.endMoved { sessions.contains($0.sessionID) } } }
        var count = 0
        for namespace in [nil] + context.accounts.furtherNamespaces {
            do throws(StoreError) {
                let account = try await context.accounts.kept(namespace, of: user)
                defer { hasMoved = hasMoved || account.isRetired }
                switch target {
                case .format(let driver): count += try await context.store.move(account.identity, toFormat: driver)
                case .volume(let name): count += try await context.store.move(account.identity, toVolume: name)
                }
            } catch {
                throw AdminError(
                    error, "account \(user.user)" + (namespace.map { ", namespace \($0)" } ?? ""))
            }
        }
        return hasMoved || count > 0 ? String(count) : "no, it is there already"
    }
}
