public import MailCore

extension Namespace {
    /// The personal one of several; without any, the one that shows names as they are.
    public static func personal(of namespaces: [Namespace]) -> Namespace {
        namespaces.first { $0.kind == .personal } ?? Namespace(kind: .personal, prefix: "", separator: 0x2F)
    }

    /// The mailbox's name as clients see it: with the prefix, levels joined by the separator. INBOX is INBOX.
    public func text(of name: MailboxName) -> String {
        if name.isInbox { return name.text }
        guard self.separator != 0x2F else { return self.prefix + name.text }
        let separator = Character(Unicode.Scalar(self.separator))
        return self.prefix + String(name.text.map { $0 == "/" ? separator : $0 })
    }

    /// The mailbox that clients see by this name, or that has it below the prefix; `nil` when no mailbox can.
    public func name(of text: String) -> MailboxName? {
        if text.utf8.count == 5, ASCII.equalsIgnoringCase(text.utf8, "inbox".utf8) { return .inbox }
        var name = text
        if !self.prefix.isEmpty, name.hasPrefix(self.prefix) { name.removeFirst(self.prefix.count) }
        guard self.separator != 0x2F else { return MailboxName(name) }
        guard !name.utf8.contains(0x2F) else { return nil }
        let separator = Character(Unicode.Scalar(self.separator))
        return MailboxName(String(name.map { $0 == separator ? "/" : $0 }))
    }
}
