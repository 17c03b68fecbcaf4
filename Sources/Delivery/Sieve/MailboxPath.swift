import MailCore
import MailStore

/// A mailbox as a script names it: in UTF-8, with the prefix and separator of the user's namespace.
enum MailboxPath {
    /// `nil` for a name that no mailbox of the account can have.
    static func resolve(_ text: String, _ namespaces: [Namespace]) -> MailboxName? {
        if self.isInbox(text) { return .inbox }
        let namespace =
            namespaces.first { $0.kind == .personal }
            ?? Namespace(kind: .personal, prefix: "", separator: 0x2F)
        var name = text[...]
        let prefix = namespace.prefix
        if !prefix.isEmpty {
            let head = name.utf8.prefix(prefix.utf8.count)
            // Below INBOX the case of these five letters does not count.
            let isInside =
                prefix.utf8.count >= 5 && self.isInbox(String(decoding: prefix.utf8.prefix(5), as: UTF8.self))
                ? ASCII.equalsIgnoringCase(head, prefix.utf8) : head.elementsEqual(prefix.utf8)
            // Scripts often name a mailbox without the prefix; then it is meant to be inside.
            if isInside { name = Substring(name.utf8.dropFirst(prefix.utf8.count)) }
        }
        if namespace.separator == 0x2F { return MailboxName(String(name)) }
        guard !name.utf8.contains(0x2F) else { return nil }
        let separator = Character(Unicode.Scalar(namespace.separator))
        return MailboxName(String(name.map { $0 == separator ? "/" : $0 }))
    }

    private static func isInbox(_ text: String) -> Bool {
        text.utf8.count == 5 && ASCII.equalsIgnoringCase(text.utf8, "inbox".utf8)
    }
}
