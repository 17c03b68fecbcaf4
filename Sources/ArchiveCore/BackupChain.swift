/// Backups that are given for one restore: a whole one, and increments each of which is based on the one before it.
public enum BackupChain {
    /// A backup as whoever names it knows it.
    public struct Link: Sendable {
        public var name: String
        public var head: BackupHead

        public init(_ name: String, _ head: BackupHead) {
            self.name = name
            self.head = head
        }
    }

    /// A sentence for each backup that is not in its place; none: together they are one state of one account.
    ///
    /// Identities decide, not accounts: of a public namespace a backup may be made in any user's name.
    public static func mistakes(_ links: [Link]) -> [String] {
        var mistakes: [String] = []
        for (place, link) in links.enumerated() {
            let before = place > 0 ? links[place - 1] : nil
            guard link.head.base != before?.head.id else { continue }
            if let same = links[..<place].first(where: { $0.head.id == link.head.id }) {
                mistakes.append("\(link.name) is the same backup as \(same.name); give each once")
                continue
            }
            guard let base = link.head.base else {
                // The first one has no base and nothing before it, so there is one before.
                let other = links[0].head.account
                let whose = link.head.account == other ? "" : " of \(link.head.account), not of \(other)"
                let name = before?.name ?? "the one before it"
                mistakes.append("\(link.name) is a whole backup\(whose), and no increment of \(name)")
                continue
            }
            if let own = links.first(where: { $0.head.id == base }) {
                mistakes.append("\(link.name) is an increment of \(own.name), which must stand right before it")
            } else {
                mistakes.append(
                    "\(link.name) is an increment of backup \(base), which is missing"
                        + (before.map { ": \($0.name) is another one" } ?? ""))
            }
        }
        return mistakes
    }
}
