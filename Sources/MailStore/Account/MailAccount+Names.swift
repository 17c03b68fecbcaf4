public import MailCore

extension MailAccount {
    public func resolve(_ name: MailboxName) async throws(StoreError) -> MailboxName {
        if name.text.utf8.allSatisfy({ $0 < 0x80 }) { return name }
        let names = try await self.mailboxes().map(\.name)
        return name.resolved(among: Set(names).contains, candidates: { names })
    }

    public func canonicalName(of name: MailboxName) async throws(StoreError) -> MailboxName { name }
}
