import Logging
import MailStore
import ServerConfig
import Synchronization

/// Removes, from time to time, the messages whose `autoexpunge` time is over. Bound to no login: who never comes has
/// a tidy trash too.
final class AutoExpunge: Sendable {
    private let store: any MailStore
    private let logger: Logger
    private let settings: Mutex<Settings>

    /// After the start, so that it does not slow down the first logins.
    private static let firstPause: Duration = .seconds(60)
    /// Between two steps that removed something, and two that only looked: the disk is for others.
    private static let workPause: Duration = .milliseconds(100)
    private static let lookPause: Duration = .milliseconds(5)

    init(_ store: any MailStore, _ settings: Settings, _ logger: Logger) {
        self.store = store
        self.settings = Mutex(settings)
        self.logger = logger
    }

    func reload(_ settings: Settings) { self.settings.withLock { $0 = settings } }

    /// Works until the task is cancelled.
    func run() async {
        var waited = Duration.zero
        var wait = Self.firstPause
        while !Task.isCancelled {
            // In short steps, so that a reload with another interval counts soon.
            let interval = self.settings.withLock { $0.mail.autoExpungeInterval }
            wait = min(wait, max(interval, .seconds(1)))
            let step = min(.seconds(30), wait - waited)
            if step > .zero {
                guard (try? await Task.sleep(for: step)) != nil else { return }
                waited += step
                continue
            }
            waited = .zero
            wait = max(interval, .seconds(1))
            guard interval > .zero else { continue }
            await self.expire(Self.rules(self.settings.withLock { $0 }))
        }
    }

    private func expire(_ rules: [ExpiryRule]) async {
        guard !rules.isEmpty else { return }
        let started = ContinuousClock.now
        do throws(StoreError) {
            let actor = MailActor(service: "autoexpunge", session: "", address: "")
            let result = await MailActor.$current.withValue(actor) { () -> Result<ExpiryReport, StoreError> in
                do throws(StoreError) {
                    return .success(
                        try await self.store.expire(rules) { worked in
                            (try? await Task.sleep(for: worked ? Self.workPause : Self.lookPause)) != nil
                        })
                } catch {
                    return .failure(error)
                }
            }
            let report = try result.get()
            guard report.messages > 0 || report.failures > 0 else { return }
            let seconds = (ContinuousClock.now - started).components.seconds
            self.logger.info(
                """
                autoexpunge: removed \(report.messages) messages from \(report.mailboxes) mailboxes, \
                \(report.accounts) accounts in \(seconds) s, failures=\(report.failures)
                """)
        } catch {
            self.logger.error("autoexpunge: \(error)")
        }
    }

    static func rules(_ settings: Settings) -> [ExpiryRule] {
        var rules: [ExpiryRule] = []
        for namespace in settings.namespaces {
            for mailbox in namespace.mailboxes where mailbox.autoExpunge > .zero || mailbox.autoExpungeMaximum > 0 {
                // Inside, levels are joined by `/` whatever clients see.
                let name = mailbox.name.split(separator: namespace.separator, omittingEmptySubsequences: false)
                    .joined(separator: "/")
                rules.append(
                    ExpiryRule(
                        pattern: name,
                        age: mailbox.autoExpunge > .zero ? mailbox.autoExpunge.components.seconds : nil,
                        maximum: mailbox.autoExpungeMaximum > 0 ? mailbox.autoExpungeMaximum : nil))
            }
        }
        return rules
    }
}
