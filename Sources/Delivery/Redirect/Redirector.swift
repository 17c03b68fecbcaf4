import MailStore
import SieveCore
import Synchronization

/// Sends messages on through the site's MTA.
///
/// The program runs on threads of its own, so that a slow MTA holds up nothing but redirects.
final class Redirector: Sendable {
    private let options: SieveOptions
    let history: RedirectHistory
    /// Made at the first redirect.
    private let threads = Mutex<StorageThreads?>(nil)

    private static let threadCount = 4
    private static let maximumQueued = 1000

    init(_ options: SieveOptions) {
        self.options = options
        self.history = RedirectHistory(period: options.redirectDuplicatePeriod)
    }

    deinit { self.threads.withLock { $0?.stop() } }

    /// Sends the message to each address of the plan that has not got it yet, and stops at the first that fails.
    func send(
        _ original: IncomingMessage, _ plan: DeliveryPlan, for recipient: DeliveryRecipient, sender: String
    ) async -> StoreError? {
        let pool = self.threads.withLock { threads in
            if let threads { return threads }
            let made = StorageThreads(count: Self.threadCount, maximumQueued: Self.maximumQueued)
            threads = made
            return made
        }
        let account = recipient.account.identity.name
        let identity = original.octets.withUnsafeBytes { RedirectHistory.identity(of: $0) }
        let from = SieveAddress(envelope: recipient.address)?.quoted ?? recipient.address
        for redirect in plan.redirects {
            let address = redirect.address
            let message = plan.message(redirect.message, original)
            if !identity.isEmpty, self.history.wasSent(identity, by: account, to: address) { continue }
            let program = SendmailProgram(
                arguments: self.options.sendmail + [
                    "-i", "-f", SieveAddress(envelope: sender)?.quoted ?? "<>", "--", address,
                ],
                timeout: self.options.sendmailTimeout)
            do throws(StoreError) {
                try await pool.run { () throws(StoreError) in
                    try message.octets.withUnsafeBytes { (bytes) throws(StoreError) in
                        try program.run(RedirectedMessage(bytes, redirectedFrom: from))
                    }
                }
            } catch {
                self.options.report("user \(account): redirect to \(address): \(error)")
                return StoreError(.temporary, "redirect to \(address): \(error.detail)")
            }
            if !identity.isEmpty { self.history.note(identity, by: account, to: address) }
        }
        return nil
    }
}
