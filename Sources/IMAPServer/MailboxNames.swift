import IMAPCore
import MailCore
import MailStore

/// Turns the names that clients use into the account's and back: encoding, namespace prefix, separator.
struct MailboxNames: Sendable {
    /// The personal namespace, in which all mailboxes of the account appear.
    let namespace: Namespace
    var encoding = MailboxNameEncoding.modifiedUTF7

    init(_ namespaces: [Namespace]) {
        self.namespace =
            namespaces.first { $0.kind == .personal }
            ?? Namespace(kind: .personal, prefix: "", separator: 0x2F)
    }

    var separator: UInt8 { self.namespace.separator }
    private var separatorCharacter: Character { Character(Unicode.Scalar(self.namespace.separator)) }

    /// The account's name, or `nil` for one that no mailbox can have. One separator at the end is passed
    /// over: clients send it with CREATE.
    func decode(_ wire: WireMailboxName) -> MailboxName? {
        guard var text = wire.text(self.encoding) else { return nil }
        if text.utf8.count == 5, ASCII.equalsIgnoringCase(text.utf8, "inbox".utf8) { return .inbox }
        if text.last == self.separatorCharacter { text.removeLast() }
        guard let rest = self.withoutPrefix(text) else { return nil }
        if self.separator == 0x2F { return MailboxName(rest) }
        guard !rest.utf8.contains(0x2F) else { return nil }
        return MailboxName(String(rest.map { $0 == self.separatorCharacter ? "/" : $0 }))
    }

    private func withoutPrefix(_ text: String) -> String? {
        let prefix = self.namespace.prefix
        guard !prefix.isEmpty else { return text }
        let head = text.utf8.prefix(prefix.utf8.count)
        let isInside =
            prefix.utf8.prefix(5).elementsEqual("INBOX".utf8)
            ? ASCII.equalsIgnoringCase(head, prefix.utf8) : head.elementsEqual(prefix.utf8)
        guard isInside else { return nil }
        return String(decoding: text.utf8.dropFirst(prefix.utf8.count), as: UTF8.self)
    }

    /// The name as clients see it, decoded.
    func text(_ name: MailboxName) -> String {
        if name.isInbox { return name.text }
        let text =
            self.separator == 0x2F
            ? name.text : String(name.text.map { $0 == "/" ? self.separatorCharacter : $0 })
        return self.namespace.prefix + text
    }

    func encode(_ name: MailboxName) -> WireMailboxName { WireMailboxName(self.text(name), self.encoding) }
}
