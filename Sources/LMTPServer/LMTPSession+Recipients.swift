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
    /// Where the mail goes unless a script says otherwise, when the client said that.
    var mailbox: MailboxName?
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
        var name = plain.description
        if self.options.local != nil {
            guard let local = self.local else { return self.bad(LMTPReply(503, "5.5.1", "XDELIVER needed first")) }
            name = local.user
        }
        let request = AuthenticationRequest(
            service: self.options.label, remoteAddress: Self.nonEmpty(self.connection.remoteAddress.text),
            localAddress: Self.nonEmpty(self.connection.localAddress.text), security: .local,
            session: self.connection.sessionID)
        switch await self.options.authenticator.lookup(name, request) {
        case .notFound:
            // Who may bring mail for one user only is not told which others there are.
            if let peer = await self.unprivilegedPeer() { return self.bad(self.refuse(peer, name)) }
            self.reply(LMTPReply(550, "5.1.1", "<\(address.quoted)> User doesn't exist"))
        case .temporary(let reason):
            self.options.logger.error("\(self.options.label): Lookup of \(plain): \(reason)")
            self.reply(LMTPReply(451, "4.3.0", "<\(address.quoted)> Temporary user lookup failure"))
        case .found(let user):
            if let refusal = await self.refusal(of: user) { return self.bad(refusal) }
            do throws(StoreError) {
                let account = try await self.options.accounts.open(user)
                let mailbox = self.local?.mailbox.flatMap { account.spelling.name(of: $0) }
                if self.options.checksQuotaAtRecipient {
                    do throws(StoreError) {
                        try await self.options.agent.keep.checkQuota(
                            octets: self.announcedSize, of: account, detail: detail, named: mailbox)
                    } catch  where error.code == .overQuota || error.code == .tooBig {
                        self.options.logger.info("\(self.options.label): <\(address.quoted)> refused: \(error)")
                        return self.reply(self.answer(for: error))
                    }
                }
                self.transaction.add(
                    AcceptedRecipient(
                        address: address, original: original, detail: detail, user: user, account: account,
                        mailbox: mailbox))
                self.reply(LMTPReply(250, "2.1.5", "OK"))
            } catch {
                self.options.logger.error("\(self.options.label): Account of \(user.user): \(error)")
                self.reply(LMTPReply(451, "4.3.0", "<\(address.quoted)> Mailbox is not available now"))
            }
        }
    }

    /// Why a program of this machine may not bring mail for the user; `nil` when it may. Temporary, so that an MTA
    /// keeps the mail until the administrator has mended that.
    private func refusal(of user: UserRecord) async -> LMTPReply? {
        guard let policy = self.options.local else { return nil }
        guard let peer = await self.connection.peerUser() else {
            return LMTPReply(451, "4.7.1", "It cannot be seen who you are")
        }
        if peer == user.uid || policy.privileged.contains(peer) { return nil }
        return self.refuse(peer, self.local?.user ?? "")
    }

    /// The user of the program on the other side, if it may not bring mail for all.
    func unprivilegedPeer() async -> UInt32? {
        guard let policy = self.options.local, let peer = await self.connection.peerUser(),
            !policy.privileged.contains(peer)
        else { return nil }
        return peer
    }

    /// The same words whether there is such a user or not, under the name that was given. The log is told once in a while,
    /// so that nobody can fill it.
    private func refuse(_ peer: UInt32, _ name: String) -> LMTPReply {
        if let count = self.options.local?.peers.refused(peer) {
            self.options.logger.error(
                "lda: User id \(peer) may not deliver to \(LogText.field(name)) (\(count) refusal\(count == 1 ? "" : "s"))"
            )
        }
        return LMTPReply(451, "4.7.1", "User id \(peer) may not deliver to \(name)")
    }

    private static func nonEmpty(_ text: String) -> String? { text.isEmpty ? nil : text }
}
