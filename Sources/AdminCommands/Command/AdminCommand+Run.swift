import Accounts
import Authentication
import Glibc
import MailCore
import MailStore

extension AdminCommand {
    /// Runs the command; the result is the exit status when nothing ended it early.
    public func run<Output: AdminOutput>(
        _ context: AdminContext, _ output: inout Output
    ) async throws(AdminError) -> AdminExit {
        // What an administrator changes is noted as such.
        let actor = MailActor(service: "martlet", session: "", address: "")
        let result = await MailActor.$current.withValue(actor) { () -> Result<AdminExit, AdminError> in
            do throws(AdminError) {
                return .success(try await self.perform(context, &output))
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    private func perform(
        _ context: AdminContext, _ output: inout some AdminOutput
    ) async throws(AdminError) -> AdminExit {
        switch self {
        case .user(let masks):
            return try await UserCommands.lookup(masks, context, &output)
        case .authTest(let user, let password, let service):
            return try await UserCommands.test(user, password, service, context, &output)
        case .who(let mask):
            return try await SessionCommands.who(mask, context, &output)
        case .kick(let mask):
            return try await SessionCommands.kick(mask, context, &output)
        case .queue(let verb): return try await QueueCommands.run(verb, context, &output)
        case .junk: return try await JunkCommands.show(context, &output)
        case .mailboxList(let users, let masks, let isSubscribed):
            try await output.columns(users.column + ["mailbox"])
            return try await Self.each(users, context, &output) { account, output throws(AdminError) in
                try await MailboxCommands.list(masks, subscribed: isSubscribed, account, &output)
            }
        case .mailboxStatus(let users, let fields, let masks, let isTotal):
            try await output.columns(users.column + (isTotal ? [] : ["mailbox"]) + fields.map(\.rawValue))
            return try await Self.each(users, context, &output) { account, output throws(AdminError) in
                try await MailboxCommands.status(fields, masks, total: isTotal, account, &output)
            }
        case .mailboxCreate(let users, let names, let subscribes):
            return try await Self.each(users, context, &output) { account, output throws(AdminError) in
                try await MailboxCommands.create(names, subscribing: subscribes, account, &output)
            }
        case .mailboxDelete(let users, let names, let isRecursive):
            return try await Self.each(users, context, &output) { account, output throws(AdminError) in
                try await MailboxCommands.delete(names, recursively: isRecursive, account, &output)
            }
        case .mailboxRename(let users, let from, let to):
            return try await Self.each(users, context, &output) { account, output throws(AdminError) in
                try await MailboxCommands.rename(from, to, account)
            }
        case .mailboxSubscribe(let users, let names, let subscribes):
            return try await Self.each(users, context, &output) { account, output throws(AdminError) in
                try await MailboxCommands.subscribe(names, subscribes, account, &output)
            }
        case .mailboxMetadata(let users, let mailbox, let action):
            if !action.columns.isEmpty { try await output.columns(users.column + action.columns) }
            return try await Self.each(users, context, &output) { account, output throws(AdminError) in
                try await MetadataCommands.run(action, mailbox, account, &output)
            }
        case .access(let users, let verb):
            if !verb.columns.isEmpty { try await output.columns(users.column + verb.columns) }
            return try await Self.each(users, context, &output) { account, output throws(AdminError) in
                try await AccessCommands.run(verb, account, &output)
            }
        case .sieve(let users, let verb):
            if !verb.columns.isEmpty { try await output.columns(users.column + verb.columns) }
            return try await Self.eachUser(users, context, &output) { user, output throws(AdminError) in
                try await SieveCommands.run(verb, user, context, &output)
            }
        case .upkeep(let users, let verb):
            try await output.columns(verb.columns)
            var exit = AdminExit.success
            let worst = try await Self.eachUser(users, context, &output) { user, output throws(AdminError) in
                switch verb {
                case .backup(let options):
                    exit = max(exit, try await BackupCommand.run(options, user, context, &output))
                case .restore(let options):
                    exit = max(exit, try await RestoreCommand.run(options, user, context, &output))
                }
            }
            return max(exit, worst)
        case .verify(nil, let mode):
            try await output.columns(["username"] + VerifyCommand.columns)
            return try await VerifyCommand.runAll(mode, context, &output)
        case .verify(let users?, let mode):
            try await output.columns(users.column + VerifyCommand.columns)
            var exit = AdminExit.success
            let worst = try await Self.each(users, context, &output) { account, output throws(AdminError) in
                exit = max(exit, try await VerifyCommand.run(mode, account, context, &output))
            }
            return max(exit, worst)
        case .scrub:
            try await output.columns(VerifyCommand.scrubColumns)
            return try await VerifyCommand.scrub(context, now: Int64(time(nil)), &output)
        case .status:
            try await output.columns(StatusCommand.columns)
            return try await StatusCommand.run(context, now: Int64(time(nil)), &output)
        case .sieveFilter(let users, let order):
            let selection = try MessageSelection(order.query)
            try await output.columns(users.column + FilterCommand.columns)
            return try await Self.eachUser(users, context, &output) { user, output throws(AdminError) in
                try await FilterCommand.run(order, selection, user, context, &output)
            }
        case .why(let user, let subject):
            try await output.columns(WhyCommand.columns)
            return try await WhyCommand.run(user, subject, context, &output)
        case .forceResync(let users, let masks):
            return try await Self.each(users, context, &output) { account, output throws(AdminError) in
                try await MailboxCommands.resync(masks, account, &output)
            }
        case .quotaGet(let users):
            try await output.columns(users.column + QuotaCommands.columns)
            return try await Self.each(users, context, &output) { account, output throws(AdminError) in
                try await QuotaCommands.get(account, &output)
            }
        case .quotaRecalculate(let users):
            return try await Self.each(users, context, &output) { account, output throws(AdminError) in
                try await QuotaCommands.recalculate(account)
            }
        case .quotaSet(let users, let change):
            return try await Self.each(users, context, &output) { account, output throws(AdminError) in
                try await QuotaCommands.set(change, account)
            }
        case .accountMove(let users, let target):
            try await output.columns(users.column + ["moved"])
            return try await Self.eachUser(users, context, &output) { user, output throws(AdminError) in
                try await output.row([try await MoveCommand.run(target, user, context)])
            }
        case .accountBeginAnew(let users, let namespace):
            try await output.columns(users.column + ["begun"])
            return try await Self.eachUser(users, context, &output) { user, output throws(AdminError) in
                let hasBegun: Bool
                do throws(StoreError) {
                    hasBegun = try await context.accounts.beginAnew(namespace, of: user)
                } catch {
                    throw AdminError(error, "account \(user.user)")
                }
                try await output.row([hasBegun ? "yes" : "no, its mail is there"])
            }
        case .search(let users, let query):
            let selection = try MessageSelection(query)
            try await output.columns(users.column + ["mailbox-guid", "uid"])
            return try await Self.each(users, context, &output) { account, output throws(AdminError) in
                try await MessageCommands.search(selection, account, context.store.threads, &output)
            }
        case .fetch(let users, let fields, let query):
            let selection = try MessageSelection(query)
            try await output.columns(users.column + fields.map(\.name))
            return try await Self.each(users, context, &output) { account, output throws(AdminError) in
                try await MessageCommands.fetch(fields, selection, account, context.store.threads, &output)
            }
        case .expunge(let users, let query):
            let selection = try MessageSelection(query)
            return try await Self.each(users, context, &output) { account, output throws(AdminError) in
                try await MessageCommands.expunge(selection, account, context.store.threads)
            }
        case .transfer(let users, let kind, let target, let query):
            let selection = try MessageSelection(query)
            return try await Self.each(users, context, &output) { account, output throws(AdminError) in
                try await MessageCommands.transfer(selection, kind, to: target, account, context.store.threads)
            }
        case .flags(let users, let order, let query):
            let selection = try MessageSelection(query)
            return try await Self.each(users, context, &output) { account, output throws(AdminError) in
                try await MessageCommands.flag(order, selection, account, context.store.threads)
            }
        }
    }

    /// Runs `body` for each selected account. With one literal user an error ends the command; with several it is
    /// reported and the others go on; the worst one's exit status is the command's.
    private static func each<Output: AdminOutput>(
        _ users: UserSelection, _ context: AdminContext, _ output: inout Output,
        _ body: (any MailAccount, inout UserColumn<Output>) async throws(AdminError) -> Void
    ) async throws(AdminError) -> AdminExit {
        try await self.eachUser(users, context, &output) { user, output throws(AdminError) in
            let account: any MailAccount
            do throws(StoreError) {
                account = try await context.accounts.open(user)
            } catch {
                throw AdminError(error, "account \(user.user)")
            }
            try await body(account, &output)
        }
    }

    /// As `each`, for what needs no account to be opened.
    private static func eachUser<Output: AdminOutput>(
        _ users: UserSelection, _ context: AdminContext, _ output: inout Output,
        _ body: (UserRecord, inout UserColumn<Output>) async throws(AdminError) -> Void
    ) async throws(AdminError) -> AdminExit {
        var named = UserColumn(output: output, user: nil)
        defer { output = named.output }
        if let name = users.single {
            try await body(try await self.user(name, context), &named)
            return .success
        }
        let mask =
            switch users {
            case .all: "*"
            case .matching(let text): text
            case .listed: ""
            }
        let names: [String]
        do throws(AuthenticationFailure) {
            switch users {
            case .all, .matching: names = try await context.authenticator.list(matching: mask, context.request)
            case .listed(let listed): names = listed
            }
        } catch {
            throw AdminError(.temporary, "list of users: \(error.message ?? "the user database did not answer")")
        }
        guard !names.isEmpty else { throw AdminError.nobody(matching: mask) }
        var worst = AdminExit.success
        for (index, name) in names.enumerated() {
            named.user = name
            do throws(AdminError) {
                try await body(try await self.user(name, context), &named)
            } catch {
                worst = max(worst, error.exit)
                try await named.problem(error.message)
            }
            named.user = nil
            try await named.progress(done: index + 1, total: names.count)
        }
        return worst
    }

    /// The record of a user whose mail has a place.
    static func user(_ name: String, _ context: AdminContext) async throws(AdminError) -> UserRecord {
        let user: UserRecord
        switch await context.authenticator.lookup(name, context.request) {
        case .notFound: throw AdminError(.noUser, "user \(name) does not exist")
        case .temporary(let reason):
            throw AdminError(.temporary, "lookup of user \(name): \(UserCommands.reason(reason))")
        case .found(let found): user = found
        }
        // What is wrong with the user's fields is no wrong use of the command.
        do throws(StoreError) {
            _ = try context.accounts.identity(of: user)
        } catch {
            throw AdminError(.configuration, error.detail)
        }
        return user
    }
}

extension AdminCommand.UserSelection {
    /// The one user that is meant; `nil` when there may be several.
    var single: String? {
        guard case .matching(let name) = self, Mask(name).isLiteral else { return nil }
        return name
    }

    /// Says whose a row is, where there may be several.
    var column: [String] { self.single == nil ? ["username"] : [] }
}

extension AdminError {
    /// A failure of the store as an administrator reads it.
    init(_ error: StoreError, _ subject: String) {
        let exit: AdminExit
        switch error.code {
        case .notFound: exit = .notFound
        case .alreadyExists: exit = .exists
        case .noPermission: exit = .noPermission
        case .cannot: exit = .usage
        case .damaged: exit = .data
        case .expunged, .overQuota, .tooBig, .limit, .inUse, .diskFull, .temporary: exit = .temporary
        }
        let what: String
        switch error.code {
        case .notFound: what = "does not exist"
        case .alreadyExists: what = "exists already"
        case .cannot where !error.detail.isEmpty: what = error.detail
        case .noPermission, .cannot, .expunged, .overQuota, .tooBig, .limit, .inUse, .diskFull, .temporary, .damaged:
            what = error.description
        }
        self.init(exit, "\(subject): \(what)")
    }
}
