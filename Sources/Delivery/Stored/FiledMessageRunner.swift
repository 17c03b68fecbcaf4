import MailCore
import MailStore
import SieveCore

/// Runs scripts over messages that are in mailboxes: what IMAP events and filters have in common, from the threads that
/// they run on to how much is in memory at once.
struct FiledMessageRunner: Sendable {
    let options: SieveOptions
    let planner: SievePlanner
    let createsMailboxes: Bool
    /// What is not kept is removed, and not only marked.
    let expungesDiscarded: Bool
    private let address: @Sendable (String) -> String
    let threads = ScriptThreads()

    /// One slice of running scripts on one of their threads ends after this, and the next waits its turn.
    private static let slice: Duration = .milliseconds(50)
    /// Octets of messages in work at once.
    private static let batchSize = 4 << 20

    /// - Parameter address: the address of a user.
    init(
        _ options: SieveOptions, createsMailboxes: Bool, expungesDiscarded: Bool,
        address: @escaping @Sendable (String) -> String
    ) {
        self.options = options
        self.planner = SievePlanner(options: options, library: ScriptLibrary(options))
        self.createsMailboxes = createsMailboxes
        self.expungesDiscarded = expungesDiscarded
        self.address = address
    }

    func recipient(_ user: String, _ account: any MailAccount, _ home: String?) -> DeliveryRecipient {
        DeliveryRecipient(account: account, home: home, address: self.address(user), detail: nil)
    }

    func actions(
        _ recipient: DeliveryRecipient, in mailbox: any Mailbox, _ store: any MailStore,
        _ editedKeep: FiledMessageActions.EditedKeep, until interruption: ScriptInterruption
    ) -> FiledMessageActions {
        FiledMessageActions(
            store: store, mailbox: mailbox, recipient: recipient, programs: self.threads, planner: self.planner,
            createsMailboxes: self.createsMailboxes, expungesDiscarded: self.expungesDiscarded,
            editedKeep: editedKeep, interruption: interruption)
    }

    /// Reads messages, some at a time, and gives them to `body`, with those of the records that could not be read.
    func forEachBatch(
        of records: [MessageRecord], _ snapshot: MailboxSnapshot, in mailbox: any Mailbox,
        _ body: ([FiledMessage], [(MessageRecord, StoreError)]) async throws(StoreError) -> Void
    ) async throws(StoreError) {
        var records = records[...]
        while !records.isEmpty {
            let read = try await mailbox.octets(of: Array(records), limit: Self.batchSize)
            guard !read.isEmpty else { return }
            var messages: [FiledMessage] = []
            var failures: [(MessageRecord, StoreError)] = []
            for (record, octets) in zip(records, read) {
                switch octets {
                case .success(let octets): messages.append(FiledMessage(record, snapshot.keywords, octets))
                case .failure(let error): failures.append((record, error))
                }
            }
            records.removeFirst(min(read.count, records.count))
            try await body(messages, failures)
        }
    }

    /// What the scripts decide, in the order of the messages.
    func verdicts(
        _ scripts: FiledMessageScripts, _ messages: [FiledMessage], _ steps: [FiledMessageScripts.Step]
    ) async throws(StoreError) -> [FiledMessageScripts.Verdict] {
        var verdicts: [FiledMessageScripts.Verdict] = []
        let user = scripts.recipient.account.identity.name
        while verdicts.count < messages.count {
            let left = messages[verdicts.count...]
            verdicts += try await self.threads.run(for: user) { () throws(StoreError) in
                let started = ContinuousClock.now
                var made: [FiledMessageScripts.Verdict] = []
                for message in left {
                    made.append(try scripts.verdict(message, steps))
                    if ContinuousClock.now - started > Self.slice { break }
                }
                return made
            }
        }
        return verdicts
    }
}
