extension Configuration {
    /// What differs from an earlier configuration and counts from the next start of the daemon only, in the words of the
    /// files: for whoever reloads it.
    public func awaitingRestart(since old: Configuration) -> [String] {
        let (new, old) = (self.settings, old.settings)
        var names = Schema.all.filter { $0.isReadAtStart && $0.text(new) != $0.text(old) }.map(\.name)
        if new.listeners != old.listeners, !names.contains("protocols"), !names.contains("listen") {
            names.append("listeners")
        }
        if new.mail.volumes != old.mail.volumes { names.append("volume { }") }
        if new.namespaces.first?.separator != old.namespaces.first?.separator { names.append("separator") }
        if Self.knownMailboxes(new) != Self.knownMailboxes(old) {
            names.append("auto, special_use and aliases of mailbox { }")
        }
        return names
    }

    /// What the store knows of mailboxes.
    private static func knownMailboxes(_ settings: Settings) -> [[String]] {
        settings.namespaces.filter(\.holdsInbox).flatMap(\.mailboxes).map { mailbox in
            [mailbox.name, mailbox.autoCreation.rawValue, mailbox.specialUse.joined(separator: " ")] + mailbox.aliases
        }
    }
}
