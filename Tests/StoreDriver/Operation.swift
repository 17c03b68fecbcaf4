import Glibc
import IndexedStore
import MailCore
import MailStore

/// One operation of the store under a failing disk. Each is a value of the table `all` (OperationTable.swift).
struct Operation: Sendable {
    /// What it is done with.
    struct Work: Sendable {
        let store: IndexedStore
        let anna: any MailAccount
        let bob: any MailAccount
        let volume: DriverVolume

        /// Runs `body` in an open mailbox of anna's.
        func inMailbox<R>(
            _ name: MailboxName = .inbox, _ body: (any Mailbox) async throws -> R
        ) async throws -> R {
            let mailbox = try await self.anna.open(name, .readWrite, onChange: {})
            defer { mailbox.close() }
            return try await body(mailbox)
        }

        func deposit(
            _ subject: String, _ account: (any MailAccount)? = nil, _ mailbox: MailboxName = .inbox, lines: Int = 3,
            flags: MessageFlags = [], keywords: [String] = [], missing: Deposit.MissingMailbox = .fail
        ) -> Deposit {
            Deposit(
                message: Sample.message(subject, lines: lines), account: account ?? self.anna, mailbox: mailbox,
                flags: flags, keywords: keywords.compactMap(Keyword.init), internalDate: 1_700_000_000,
                missingMailbox: missing)
        }

        /// Deposits, and says of each what was answered.
        func deliver(_ deposits: [Deposit]) async throws {
            var failure: StoreError?
            for (deposit, result) in zip(deposits, await self.store.deposit(deposits)) {
                switch result {
                case .success(let stored):
                    let subject = Sample.subject(of: deposit.message.octets) ?? "?"
                    Report.acked(deposit.account.identity.name, deposit.mailbox, stored.uid, subject)
                case .failure(let error): failure = error
                }
            }
            if let failure { throw failure }
        }
    }

    /// How much of it may be there when it was not answered, or refused.
    enum Grain: String, Sendable {
        /// All or nothing.
        case whole
        /// Some of its steps, each of them whole.
        case steps
    }

    let name: String
    var formats: [DriverFormat] = DriverFormat.allCases
    var grain = Grain.whole
    var fsync = IndexedStore.Fsync.optimized
    /// Whether the opening of the volume counts, too.
    var opens = false
    /// Octets of the index's map at first; 0 for what a daemon has.
    var indexMapSize = 0
    /// Further things that it begins with, in the setup.
    var prepare: @Sendable (IndexedStore, any MailAccount, any MailAccount, DriverVolume) async throws -> Void = {
        _, _, _, _ in
    }
    var afterClose: @Sendable (DriverVolume) -> Void = { _ in }
    /// What happens to the files before the volume is opened.
    var before: @Sendable (DriverVolume) -> Void = { _ in }
    /// What is done with the open store before calls are counted.
    var ready: @Sendable (Work) async throws -> Void = { _ in }
    var body: @Sendable (Work) async throws -> Void

    init(_ name: String, body: @escaping @Sendable (Work) async throws -> Void) {
        self.name = name
        self.body = body
    }

    func with(_ change: (inout Operation) -> Void) -> Operation {
        var copy = self
        change(&copy)
        return copy
    }
}
