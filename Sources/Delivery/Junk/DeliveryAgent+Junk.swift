import MailCore
import MailStore

extension DeliveryAgent {
    /// The recipients, by their numbers, into whose mailbox of \Junk the message goes before any script is asked: those
    /// that have one, when a scanner has marked the message.
    func junkMailboxes(_ message: IncomingMessage, _ recipients: [DeliveryRecipient]) async -> [Int: MailboxName] {
        guard let header = self.options.junkHeader, message.octets.withUnsafeBytes({ header.marks($0) }) else {
            return [:]
        }
        var names: [Int: MailboxName] = [:]
        for (index, recipient) in recipients.enumerated() {
            do throws(StoreError) {
                let account = recipient.account
                names[index] = MailboxDirectory(try await account.mailboxes(), account.namespaces).mailbox(of: .junk)
            } catch {
                // Then it is delivered as all mail; what is wrong with the account shows there.
                continue
            }
        }
        return names
    }
}
