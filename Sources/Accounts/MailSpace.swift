import MailCore
import MailStore
import ServerConfig

/// A namespace of one user: where its mailboxes stand in the user's names.
struct MailSpace: Sendable {
    var settings: NamespaceSettings
    /// The levels before the mailbox's own; in a shared namespace with the variables of the owner.
    var levels: [String]
    /// As clients are told it.
    var namespace: Namespace

    /// - Parameter prefix: expanded, but for the owner of a shared namespace.
    init(_ settings: NamespaceSettings, prefix: String) {
        self.settings = settings
        let separator = settings.separator.utf8.first ?? UInt8(ascii: "/")
        let character = Character(Unicode.Scalar(separator))
        self.levels = prefix.split(separator: character).map(String.init)
        // INBOX is INBOX in whatever case it is configured.
        if let first = self.levels.first, first.utf8.count == 5,
            ASCII.equalsIgnoringCase(first.utf8, "inbox".utf8)
        {
            self.levels[0] = "INBOX"
        }
        var shown = prefix
        if settings.type == .shared {
            // What comes before the owner: RFC 2342 section 5.2 has `#Users.` or `~`.
            shown = self.levels.prefix { !$0.contains("$") }.map { $0 + String(character) }.joined()
        }
        let kind: Namespace.Kind =
            switch settings.type {
            case .private: .personal
            case .shared: .otherUsers
            case .public: .shared
            }
        self.namespace = Namespace(
            kind: kind, prefix: shown, separator: separator, isHidden: settings.isHidden)
    }

    /// Whether subscriptions of its mailboxes are in its own account.
    var keepsSubscriptions: Bool { self.settings.keepsSubscriptions && self.settings.type != .shared }

    /// The levels that all names in it begin with, whoever the owner is.
    var fixedLevels: [String] { Array(self.levels.prefix { !$0.contains("$") }) }

    /// The levels for an owner. The name of an owner can hold the separator and then makes several.
    func levels(owner: String) -> [String] {
        guard self.settings.type == .shared else { return self.levels }
        let domain = owner.split(separator: "@", maxSplits: 1).dropFirst().first.map(String.init) ?? ""
        let name = String(owner.prefix { $0 != "@" })
        var levels: [String] = []
        for level in self.levels {
            var text = Self.replace("$username", in: level, by: name)
            text = Self.replace("$user", in: text, by: owner)
            text = Self.replace("$domain", in: text, by: domain)
            let separator = Character(Unicode.Scalar(self.namespace.separator))
            levels += text.split { $0 == separator || $0 == "/" }.map(String.init)
        }
        return levels
    }

    private static func replace(_ variable: String, in text: String, by value: String) -> String {
        text.split(separator: variable, omittingEmptySubsequences: false).joined(separator: value)
    }

    /// The name in the account of a name that begins with `levels`; `nil` for others and for INBOX, which is the
    /// user's own and nobody else's by another name.
    func inside(_ name: MailboxName, _ levels: [String]) -> MailboxName? {
        let all = name.levels
        guard all.count > levels.count, zip(all, levels).allSatisfy({ $0 == $1 }) else { return nil }
        guard let own = MailboxName(all.dropFirst(levels.count).joined(separator: "/")) else { return nil }
        // The owner's INBOX is shared like any other mailbox.
        if own.isInbox { return self.settings.type == .shared ? own : nil }
        return own
    }

    /// Whether a name is this namespace's, be it one that no mailbox in it can have. Of one with a prefix, that is
    /// the prefix itself, too.
    func holds(_ name: MailboxName) -> Bool {
        self.levels.isEmpty || name.levels.starts(with: self.levels) { $0 == $1 }
    }

    /// Whether a name is, or begins with, what stands before the owner in a shared namespace.
    func isOfOthers(_ name: MailboxName) -> Bool {
        let fixed = self.fixedLevels
        return self.settings.type == .shared && !fixed.isEmpty && name.levels.starts(with: fixed) { $0 == $1 }
    }

    /// Whether a name could be in this namespace, whoever the owner is.
    func mayHold(_ name: MailboxName) -> Bool {
        let all = name.levels
        guard all.count > self.levels.count else { return false }
        return zip(all, self.levels).allSatisfy { level, wanted in
            wanted.contains("$") || level == wanted
        }
    }
}
