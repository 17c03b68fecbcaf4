public import MailCore

/// How people and clients write the names of mailboxes: with the separator of their namespaces between levels.
///
/// Inside, names are whole and their levels joined by `/`; prefixes are levels like all others.
public struct MailboxSpelling: Sendable {
    /// The separator that clients see.
    public let separator: UInt8
    /// What begins the names of the personal namespace that has INBOX, `/` between levels; may be empty.
    private let personalPrefix: String
    /// The levels that names of the other namespaces begin with.
    private let otherPrefixes: [String]

    /// - Parameter namespaces: the one that has INBOX first among the personal ones. Without any, names are as they are.
    public init(_ namespaces: [Namespace]) {
        let personal = namespaces.first { $0.kind == .personal }
        self.separator = personal?.separator ?? namespaces.first?.separator ?? 0x2F
        let separator = Character(Unicode.Scalar(self.separator))
        func inside(_ prefix: String) -> String { String(prefix.map { $0 == separator ? "/" : $0 }) }
        self.personalPrefix = inside(personal?.prefix ?? "")
        self.otherPrefixes = namespaces.map { inside($0.prefix) }.filter { !$0.isEmpty }
    }

    /// The name as clients see it.
    public func text(of name: MailboxName) -> String {
        guard self.separator != 0x2F else { return name.text }
        let separator = Character(Unicode.Scalar(self.separator))
        return String(name.text.map { $0 == "/" ? separator : $0 })
    }

    /// The mailbox that an IMAP client calls by this name. `nil` when no mailbox can have it.
    public func exactName(of text: String) -> MailboxName? {
        guard self.separator != 0x2F else { return MailboxName(text) }
        guard !text.utf8.contains(0x2F) else { return nil }
        let separator = Character(Unicode.Scalar(self.separator))
        return MailboxName(String(text.map { $0 == separator ? "/" : $0 }))
    }

    /// The mailbox that a person calls by this name, in a Sieve script or to `martlet`: a name without the prefix of
    /// a namespace is meant to be in the personal one.
    public func name(of text: String) -> MailboxName? {
        guard let name = self.exactName(of: text) else { return nil }
        if name.isInbox || self.personalPrefix.isEmpty { return name }
        if self.otherPrefixes.contains(where: { self.begins(name.text, with: $0) }) { return name }
        return MailboxName(self.personalPrefix + name.text)
    }

    /// Compared by octets, and in INBOX without regard to the case of these five letters.
    private func begins(_ text: String, with prefix: String) -> Bool {
        let head = text.utf8.prefix(prefix.utf8.count)
        return ASCII.equalsIgnoringCase(prefix.utf8.prefix(5), "inbox".utf8)
            ? ASCII.equalsIgnoringCase(head, prefix.utf8) : head.elementsEqual(prefix.utf8)
    }
}

extension MailAccount {
    /// How mailboxes of this account are written.
    public var spelling: MailboxSpelling { MailboxSpelling(self.namespaces) }
}
