import IMAPCore
import MailCore
import MailStore

/// Turns the names that clients use into the account's and back: encoding, namespace prefix, separator.
struct MailboxNames: Sendable {
    /// The personal namespace, in which all mailboxes of the account appear.
    let namespace: Namespace
    var encoding = MailboxNameEncoding.modifiedUTF7

    init(_ namespaces: [Namespace]) { self.namespace = Namespace.personal(of: namespaces) }

    var separator: UInt8 { self.namespace.separator }

    /// The account's name, or `nil` for one that no mailbox can have. One separator at the end is passed
    /// over: clients send it with CREATE.
    func decode(_ wire: WireMailboxName) -> MailboxName? {
        guard var text = wire.text(self.encoding) else { return nil }
        if text.utf8.last == self.separator { text = String(decoding: text.utf8.dropLast(), as: UTF8.self) }
        return self.namespace.exactName(of: text)
    }

    func encode(_ name: MailboxName) -> WireMailboxName {
        WireMailboxName(self.namespace.text(of: name), self.encoding)
    }
}
