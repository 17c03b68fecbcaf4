import Accounts
import Authentication
import Delivery
import LMTPCore
import Logging
import MailCore
import MailStore
import ServerCore

/// A recipient that was answered 250.
struct AcceptedRecipient: Sendable {
    /// RCPT TO as it came.
    var address: EnvelopeAddress
    /// ORCPT, if the MTA gave it.
    var original: EnvelopeAddress?
    var detail: String?
    var user: UserRecord
    var account: any MailAccount
}

extension LMTPSession {
    /// RCPT: looks the user up and opens the account, so that DATA can no longer fail for want of them.
    func receivedRecipient(_ address: EnvelopeAddress, original: EnvelopeAddress?) async {
        if let refusal = self.transaction.mayAddRecipient() {
            // More recipients than fit are no mistake: the MTA sends the message again for the rest.
            if refusal.isTemporary { self.reply(refusal) } else { self.bad(refusal) }
            return
        }
        let (plain, detail) = address.separated(by: self.options.recipientDelimiter)
        let request = AuthenticationRequest(
            service: "lmtp", remoteAddress: Self.nonEmpty(self.connection.remoteAddress.text),
            localAddress: Self.nonEmpty(self.connection.localAddress.text), security: .local,
            session: self.connection.sessionID)
        switch await self.options.authenticator.lookup(plain.description, request) {
        case .notFound:
            self.reply(LMTPReply(550, "5.1.1", "<\(address.quoted)> User doesn't exist"))
        case .temporary(let reason):
            self.options.logger.error("lmtp: Lookup of \(plain): \(reason)")
            self.reply(LMTPReply(451, "4.3.0", "<\(address.quoted)> Temporary user lookup failure"))
        case .found(let user):
            do throws(StoreError) {
                let account = try await self.options.accounts.open(user)
                if self.options.checksQuotaAtRecipient {
                    do throws(StoreError) {
                        try await account.checkQuota(
                            octets: self.announcedSize, in: self.mailbox(of: detail), .delivery)
                    } catch  where error.code == .overQuota || error.code == .tooBig {
                        self.options.logger.info("lmtp: <\(address.quoted)> refused: \(error)")
                        return self.reply(self.answer(for: error))
                    }
                }
                self.transaction.add(
                    AcceptedRecipient(
                        address: address, original: original, detail: detail, user: user, account: account))
                self.reply(LMTPReply(250, "2.1.5", "OK"))
            } catch {
                self.options.logger.error("lmtp: Account of \(user.user): \(error)")
                self.reply(LMTPReply(451, "4.3.0", "<\(address.quoted)> Mailbox is not available now"))
            }
        }
    }

    /// Where mail of an address goes before any script has a say.
    private func mailbox(of detail: String?) -> MailboxName {
        guard self.options.agent.savesToDetailMailbox, let detail, let name = MailboxName(detail) else {
            return .inbox
        }
        return name
    }

    private static func nonEmpty(_ text: String) -> String? { text.isEmpty ? nil : text }
}
