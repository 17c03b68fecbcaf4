import IMAPCore
import MailCore
import MailStore
import ServerCore

extension Session {
    /// The account's mailbox that a client means by a name; `nil` when no mailbox can have it.
    func mailbox(_ wire: WireMailboxName) async throws(StoreError) -> MailboxName? {
        guard let name = self.names.decode(wire), let account = self.account else { return nil }
        return try await account.resolve(name)
    }

    /// Tells a client of IMAP4rev2 what a mailbox is called that it named in another form: `inbox`, or text that is not
    /// normalized (RFC 9051 section 6.3.9.7).
    func tellName(
        _ name: MailboxName, of wire: WireMailboxName, _ attributes: ResponseEncoder.ListAttributes = []
    ) {
        guard self.knowsRev2, let oldName = self.oldName(name, wire) else { return }
        self.writeList(name, attributes, oldName: oldName)
    }

    /// Whether the client called a mailbox by other than its name.
    func isOtherName(_ name: MailboxName, _ wire: WireMailboxName) -> Bool { self.oldName(name, wire) != nil }

    /// Tells a client of IMAP4rev2 what became of a mailbox that it renamed, by the name it used.
    func tellRenamed(_ wire: WireMailboxName, _ name: MailboxName) {
        guard self.knowsRev2 else { return }
        self.writeList(name, [], oldName: wire)
    }

    /// Writes a LIST response that no LIST asked for.
    func writeList(
        _ name: MailboxName, _ attributes: ResponseEncoder.ListAttributes, uses: [SpecialUseAttribute] = [],
        oldName: WireMailboxName? = nil
    ) {
        let separator = self.names.separator
        let wire = self.names.encode(name)
        self.write {
            $0.list("LIST", attributes, uses: uses, separator: separator, name: wire, oldName: oldName)
        }
    }

    /// What the client called a mailbox, when that is not its name.
    private func oldName(_ name: MailboxName, _ wire: WireMailboxName) -> WireMailboxName? {
        var old = wire
        if old.bytes.last == self.names.separator { old.bytes.removeLast() }
        return old == self.names.encode(name) ? nil : old
    }

    /// The LIST response that belongs to the answer of SELECT in IMAP4rev2 (RFC 9051 section 6.3.2).
    func tellSelected(
        _ name: MailboxName, _ wire: WireMailboxName, _ account: any MailAccount
    ) async throws(StoreError) {
        guard self.knowsRev2 else { return }
        let listing = try await account.mailboxes().first { $0.name == name }
        var attributes: ResponseEncoder.ListAttributes = []
        if let listing { attributes.insert(listing.childAttribute) }
        if listing?.isSubscribed == true { attributes.insert(.subscribed) }
        self.writeList(name, attributes, uses: listing?.uses ?? [], oldName: self.oldName(name, wire))
    }
}
