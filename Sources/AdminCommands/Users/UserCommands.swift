import Accounts
import Authentication
import MailCore
import MailStore

/// `user` and `auth test`.
enum UserCommands {
    /// Of one user the fields, of a mask the names; of several both, each with its user.
    static func lookup(
        _ masks: [String], _ context: AdminContext, _ output: inout some AdminOutput
    ) async throws(AdminError) -> AdminExit {
        guard let only = masks.first, masks.count == 1 else { return try await self.lookupAll(masks, context, &output) }
        guard Mask(only).isLiteral else {
            try await output.columns(["user"])
            let names = try await self.list(only, context)
            for name in names { try await output.row([name]) }
            guard names.isEmpty else { return .success }
            let nobody = AdminError.nobody(matching: only)
            try await output.problem(nobody.message)
            return nobody.exit
        }
        let user = try await self.record(only, context)
        try await output.columns(["field", "value"])
        return try await self.show(user, context, &output) { $0 }
    }

    private static func lookupAll(
        _ masks: [String], _ context: AdminContext, _ output: inout some AdminOutput
    ) async throws(AdminError) -> AdminExit {
        try await output.columns(["username", "field", "value"])
        var worst = AdminExit.success
        for mask in masks {
            do throws(AdminError) {
                let names = Mask(mask).isLiteral ? [mask] : try await self.list(mask, context)
                if names.isEmpty { throw AdminError.nobody(matching: mask) }
                for name in names {
                    let exit = try await self.show(try await self.record(name, context), context, &output) {
                        [name] + $0
                    }
                    worst = max(worst, exit)
                }
            } catch {
                worst = max(worst, error.exit)
                try await output.problem(error.message)
            }
        }
        return worst
    }

    private static func record(_ name: String, _ context: AdminContext) async throws(AdminError) -> UserRecord {
        switch await context.authenticator.lookup(name, context.request) {
        case .notFound: throw AdminError(.noUser, "userdb lookup: user \(name) doesn't exist")
        case .temporary(let reason):
            throw AdminError(.temporary, "userdb lookup of \(name): \(Self.reason(reason))")
        case .found(let user): return user
        }
    }

    /// Shows a user's fields, each in the row that `row` makes of it; `.configuration` when one of them is broken.
    private static func show(
        _ user: UserRecord, _ context: AdminContext, _ output: inout some AdminOutput, _ row: ([String]) -> [String]
    ) async throws(AdminError) -> AdminExit {
        var rows = [
            ["user", user.user], ["uid", String(user.uid)], ["gid", String(user.gid)],
            ["home", context.accounts.home(of: user) ?? ""],
        ]
        let identity: Result<AccountIdentity, StoreError>
        do throws(StoreError) {
            identity = .success(try context.accounts.identity(of: user))
        } catch {
            identity = .failure(error)
        }
        var exit = AdminExit.success
        switch identity {
        case .success(let identity): rows.append(["mail_path", identity.mailPath])
        case .failure(let error):
            try await output.problem(error.detail)
            exit = .configuration
        }
        rows += user.fields.sorted { $0.key < $1.key }.map { [$0.key, $0.value] }
        for fields in rows { try await output.row(row(fields)) }
        return exit
    }

    private static func list(_ mask: String, _ context: AdminContext) async throws(AdminError) -> [String] {
        do throws(AuthenticationFailure) {
            return try await context.authenticator.list(matching: mask, context.request)
        } catch {
            throw AdminError(.temporary, "list of users: \(error.message ?? "the user database did not answer")")
        }
    }

    /// Clients are not told why a database fails, and neither is this process, which asks as they do.
    static func reason(_ text: String?) -> String {
        guard let text, !text.isEmpty else { return "the log of the daemon says why, in lines with `auth:`" }
        return text
    }

    static func test(
        _ user: String, _ password: [UInt8], _ service: String, _ context: AdminContext,
        _ output: inout some AdminOutput
    ) async throws(AdminError) -> AdminExit {
        let request = AuthenticationRequest(service: service, security: .local)
        switch await context.authenticator.authenticate(request, user: user, password: password) {
        case .success(let identity, let record):
            try await output.columns(["field", "value"])
            try await output.row(["passdb", "\(user) auth succeeded"])
            try await output.row(["user", record.user])
            for (key, value) in identity.fields.sorted(by: { $0.key < $1.key }) {
                try await output.row([key, value])
            }
            return .success
        case .failure(let failure):
            if failure.code == .temporary {
                throw AdminError(
                    .temporary, "passdb: \(user) auth failed temporarily: \(Self.reason(failure.message))")
            }
            throw AdminError(.noPermission, "passdb: \(user) auth failed (\(failure.code))")
        }
    }
}
