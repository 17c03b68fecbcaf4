import MailCore
public import MailStore
import Synchronization

/// Tells users that they come near their quota, or have room again: by a mail into INBOX, which the quota does not
/// refuse, and by a program.
///
/// `note` is quick and may be called with locks held; the work is done by whoever runs `run()`.
public final class QuotaWarner: Sendable {
    /// What the site decided. A reload gives another.
    public struct Options: Sendable {
        public var warnings: [QuotaWarning] = []
        /// With variables.
        public var from = "postmaster"
        public var hostname = "localhost"
        /// Replaces variables of a text by what the second answers for their names.
        public var expand: @Sendable (String, (String) -> String?) -> String = { text, _ in text }
        public var clock: @Sendable () -> Int64 = { 0 }
        /// Takes what went wrong, for the log.
        public var report: @Sendable (String) -> Void = { _ in }
        /// Takes what was done, for the log.
        public var log: @Sendable (String) -> Void = { _ in }

        public init() {}
    }

    private let options: Mutex<Options>
    private let crossings: AsyncStream<QuotaCrossing>
    private let inbox: AsyncStream<QuotaCrossing>.Continuation
    /// For programs, which may take their time.
    private let threads = StorageThreads(count: 1, maximumQueued: 1000)

    /// Crossings that wait; the oldest are dropped beyond it.
    private static let maximumWaiting = 10_000
    private static let patience: Duration = .seconds(30)
    /// Octets of what a program prints that are kept for the log.
    private static let maximumOutput = 1000

    public init(_ options: Options) {
        self.options = Mutex(options)
        (self.crossings, self.inbox) = AsyncStream.makeStream(
            of: QuotaCrossing.self, bufferingPolicy: .bufferingNewest(Self.maximumWaiting))
    }

    deinit { self.threads.stop() }

    public func reload(_ options: Options) { self.options.withLock { $0 = options } }

    /// Has a crossing dealt with soon.
    public func note(_ crossing: QuotaCrossing) { self.inbox.yield(crossing) }

    /// Ends `run()` when what waits is done.
    public func stop() { self.inbox.finish() }

    /// Works until `stop`. Called once.
    public func run(_ store: any MailStore) async {
        for await crossing in self.crossings { await self.warn(crossing, store) }
    }

    private func warn(_ crossing: QuotaCrossing, _ store: any MailStore) async {
        let options = self.options.withLock { $0 }
        guard let warning = options.warnings.first(where: { $0.name == crossing.threshold.name }) else { return }
        let user = crossing.account.name
        options.log(
            "user \(user): quota: \(warning.name): \(crossing.status.usage.storage) octets, \(crossing.status.usage.messages) messages"
        )
        let mail = IncomingMessage(MessageOctets(Self.mail(warning, crossing, options).octets()))
        if warning.sendsMail {
            do throws(StoreError) {
                let account = try await store.account(crossing.account)
                let deposit = Deposit(
                    message: mail, account: account, mailbox: .inbox, missingMailbox: .create, strictness: .exempt)
                for result in await store.deposit([deposit]) { _ = try result.get() }
            } catch {
                options.report("user \(user): quota warning \(warning.name) cannot be stored: \(error)")
            }
        }
        guard !warning.program.isEmpty else { return }
        let value = Self.values(crossing, options)
        let words = warning.program.map { options.expand($0, value) }
        do throws(StoreError) {
            try await self.threads.run { () throws(StoreError) in try Self.run(words, mail.octets) }
        } catch {
            options.report("user \(user): program of quota warning \(warning.name): \(error)")
        }
    }

    /// Runs a program, whose path is the first word, with the mail on its input.
    private static func run(_ words: [String], _ mail: MessageOctets) throws(StoreError) {
        guard let path = words.first, path.hasPrefix("/") else {
            throw StoreError(.temporary, "\(words.first ?? "") is no program with an absolute path")
        }
        let program = ChildProgram(
            path: path, arguments: Array(words.dropFirst()), environment: [ChildProgram.searchPath],
            timeout: self.patience,
            maximumOutput: self.maximumOutput)
        let ending = try mail.withUnsafeBytes { (bytes) throws(StoreError) in try program.run(ProgramInput(bytes, .lf))
        }
        guard ending.status == 0 else { throw StoreError(.temporary, "\(path): \(ending.text(ending.saying))") }
    }

    private static func mail(
        _ warning: QuotaWarning, _ crossing: QuotaCrossing, _ options: Options
    ) -> QuotaWarningMail {
        let isOver = crossing.threshold.direction == .over
        let subject =
            warning.subject.isEmpty
            ? (isOver ? QuotaWarning.overSubject : QuotaWarning.underSubject) : warning.subject
        let text =
            warning.text.isEmpty ? (isOver ? QuotaWarning.overText : QuotaWarning.underText) : warning.text
        let value = self.values(crossing, options)
        let user = crossing.account.name
        let now = options.clock()
        return QuotaWarningMail(
            from: options.expand(options.from, value), to: user.contains("@") ? user : "\(user)@\(options.hostname)",
            subject: options.expand(subject, value), text: options.expand(text, value), date: now,
            messageID: "quota-\(now)-\(UInt64.random(in: .min ... .max))@\(options.hostname)")
    }

    private static func values(_ crossing: QuotaCrossing, _ options: Options) -> (String) -> String? {
        let status = crossing.status
        let resource = crossing.threshold.resource
        return { name in
            switch (name, resource) {
            case ("user", _): crossing.account.name
            case ("home", _): crossing.account.home
            case ("hostname", _): options.hostname
            case ("percentage", _): String(status.percentage(of: resource) ?? 0)
            case ("usage", .storage): QuotaWarningMail.sizeText(status.usage.storage)
            case ("usage", .messages): "\(status.usage.messages) messages"
            case ("limit", .storage): status.limits.storage.map { QuotaWarningMail.sizeText($0) }
            case ("limit", .messages): status.limits.messages.map { "\($0) messages" }
            case ("resource", .storage): "storage"
            case ("resource", .messages): "message"
            default: nil
            }
        }
    }
}
