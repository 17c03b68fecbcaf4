internal import MailCore
internal import MailStore

/// Other names of mailboxes: clients that insist on `Sent Items` find the mailbox `Sent`.
///
/// A mailbox that really has such a name, made by another program or before, stays what it is.
extension StoreAccount {
    /// The name under which a mailbox lies: an alias gives way, also above other names, unless it is a real name here.
    func canonicalName(_ name: MailboxName) -> MailboxName {
        let aliases = self.volume.aliases
        if aliases.isEmpty || name.isInbox { return name }
        var alias: MailboxName? = name
        while let known = alias {
            if let target = aliases[known], self.entry(known) == nil {
                return known == name ? target : name.moved(from: known, to: target) ?? name
            }
            alias = known.parent
        }
        return name
    }

    func canonicalName(of name: MailboxName) async throws(StoreError) -> MailboxName { self.canonicalName(name) }

    /// An alias is no mailbox of a list that could be deleted or renamed.
    func refuseAlias(_ name: MailboxName) throws(StoreError) {
        let canonical = self.canonicalName(name)
        if canonical != name { throw StoreError(.notFound, "\(name) is another name of \(canonical)") }
    }
}
