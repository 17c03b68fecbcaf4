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

    /// The mailbox that a person calls by this name: a name without the prefix is meant to be inside. `nil` when
    /// no mailbox can have it.
    public func name(of text: String) -> MailboxName? {
        self.inbox(text) ?? self.inside(self.withoutPrefix(text) ?? text)
    }

    /// The mailbox that an IMAP client calls by this name: without the prefix it is in no namespace. `nil` when no
    /// mailbox can have it.
    public func exactName(of text: String) -> MailboxName? {
        self.inbox(text) ?? self.withoutPrefix(text).flatMap(self.inside)
    }

    private func inbox(_ text: String) -> MailboxName? {
        text.utf8.count == 5 && ASCII.equalsIgnoringCase(text.utf8, "inbox".utf8) ? .inbox : nil
    }

    /// Compared by octets, and below INBOX without regard to the case of these five letters.
    private func withoutPrefix(_ text: String) -> String? {
        guard !self.prefix.isEmpty else { return text }
        let head = text.utf8.prefix(self.prefix.utf8.count)
        let isBelowInbox = ASCII.equalsIgnoringCase(self.prefix.utf8.prefix(5), "inbox".utf8)
        let isInside =
            isBelowInbox
            ? ASCII.equalsIgnoringCase(head, self.prefix.utf8) : head.elementsEqual(self.prefix.utf8)
        guard isInside else { return nil }
        return String(decoding: text.utf8.dropFirst(self.prefix.utf8.count), as: UTF8.self)
    }

    private func inside(_ text: String) -> MailboxName? {
        guard self.separator != 0x2F else { return MailboxName(text) }
        guard !text.utf8.contains(0x2F) else { return nil }
        let separator = Character(Unicode.Scalar(self.separator))
        return MailboxName(String(text.map { $0 == separator ? "/" : $0 }))
    }
}
