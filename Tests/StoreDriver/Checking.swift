import Glibc
import IndexedStore
import MailCore
import MailStore

/// Looks at a volume after whatever happened: reopened, once more, with an index made again; then uses it.
struct Checking {
    private let volume: DriverVolume

    init(_ volume: DriverVolume) { self.volume = volume }

    func run() async throws {
        try await self.stage("reopened")
        try await self.stage("again")
        Files.remove(self.volume.indexPath)
        try await self.stage("rebuilt") { store, accounts in try await self.use(store, accounts) }
    }

    private func stage(
        _ name: String, _ further: (IndexedStore, [String: Picture]) async throws -> Void = { _, _ in }
    ) async throws {
        let store: IndexedStore
        do {
            store = try self.volume.open()
        } catch {
            Report.line(
                "failed", ["stage": .text(name), "text": .text("\(error)")].merging(self.volume.problems) { a, _ in a })
            exit(4)
        }
        let found = try await Picture.all(store, self.volume)
        try await store.finishFileWork()
        var fields: [String: Report.Value] = [
            "stage": .text(name), "picture": found.value, "findings": .list(try await self.volume.findings(store)),
            "report": .text("\(store.openReport)"),
        ]
        fields.merge(self.volume.problems) { a, _ in a }
        Report.line("stage", fields)
        try await further(store, found.accounts)
        await store.close()
    }

    /// Every mailbox takes mail and flags, with UIDs and MODSEQs that nobody has seen.
    private func use(_ store: IndexedStore, _ accounts: [String: Picture]) async throws {
        for (name, picture) in accounts.sorted(by: { $0.key < $1.key }) {
            let account = try await store.account(self.volume.identity(name))
            for box in picture.boxes {
                let deposit = Deposit(
                    message: Sample.message("after"), account: account, mailbox: box.name, strictness: .exempt)
                guard let result = await store.deposit([deposit]).first else { continue }
                let stored = try result.get()
                let mailbox = try await account.open(box.name, .readWrite, onChange: {})
                defer { mailbox.close() }
                let change = try await mailbox.store(FlagChange(.add, .answered), [stored.uid], unchangedSince: nil)
                Report.line(
                    "used",
                    [
                        "account": .text(name), "mailbox": .text(box.name.text),
                        "uid": .number(Int64(stored.uid.rawValue)),
                        "modseq": .number(Int64(change.modSeq?.rawValue ?? 0)),
                    ])
            }
        }
    }
}
