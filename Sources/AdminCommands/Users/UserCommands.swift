import Accounts
import Authentication
import MailCore
import MailStore

/// `user` and `auth test`.
enum UserCommands {
    static func lookup(
        _ mask: String, _ context: AdminContext, _ output: inout some AdminOutput
    ) async throws(AdminError) -> AdminExit {
        guard Mask(mask).isLiteral else {
            try await output.columns(["user"])
            return try await self.list(mask, context, &output)
        }
        switch await context.authenticator.lookup(mask, context.request) {
        case .notFound: throw AdminError(.noUser, "userdb lookup: user \(mask) doesn't exist")
        case .temporary(let reason): throw AdminError(.temporary, "userdb lookup of \(mask): \(Self.reason(reason))")
        case .found(let user):
            try await output.columns(["field", "value"])
            try await output.row(["user", user.user])
            try await output.row(["uid", String(user.uid)])
            try await output.row(["gid", String(user.gid)])
            try await output.row(["home", context.accounts.home(of: user) ?? ""])
            let identity: Result<AccountIdentity, StoreError>
            do throws(StoreError) {
                identity = .success(try context.accounts.identity(of: user))
            } catch {
                identity = .failure(error)
            }
            switch identity {
            case .success(let identity): try await output.row(["mail_path", identity.mailPath])
            case .failure(let error): try await output.problem(error.detail)
            }
            for (key, value) in user.fields.sorted(by: { $0.key < $1.key }) { try await output.row([key, value]) }
            return .success
        }
    }

    private static func list(
        _ mask: String, _ context: AdminContext, _ output: inout some AdminOutput
    ) async throws(AdminError) -> AdminExit {
        let names: [String]
        do throws(AuthenticationFailure) {
            names = try await context.authenticator.list(matching: mask, context.request)
        } catch {
            throw AdminError(.temporary, "list of users: \(error.message ?? "the user database did not answer")")
        }
        for name in names { try await output.row([name]) }
        return names.isEmpty ? .noUser : .success
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
