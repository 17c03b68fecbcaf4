import MailCore
import MailStore

/// What the junk filter learns from what users do.
public struct JunkRules: Sendable {
    public enum Lesson: String, Sendable, Hashable { case spam, ham }

    /// Whether the keywords $Junk and $NotJunk teach.
    public var learnsKeywords = false

    private static let junkKeyword = Keyword("$Junk")
    private static let notJunkKeyword = Keyword("$NotJunk")

    public init() {}

    func wants(_ cause: MailboxEvent.Cause) -> Bool {
        switch cause {
        case .append, .copy: true
        case .flag: self.learnsKeywords
        }
    }

    /// The mailboxes of the user, where the lesson depends on them.
    func mailboxes(for event: MailboxEvent) async throws(StoreError) -> [MailboxListing] {
        event.cause == .flag ? [] : try await event.account.mailboxes()
    }

    /// Into \Junk is spam; out of it is ham, except into \Trash, where users throw away what is spam all the same.
    /// What lies below a mailbox is of its kind.
    func lesson(of event: MailboxEvent, _ mailboxes: [MailboxListing]) -> Lesson? {
        func isIn(_ name: MailboxName, _ use: SpecialUse) -> Bool {
            mailboxes.contains {
                $0.specialUse == use && ($0.name == name || name.isDescendant(of: $0.name))
            }
        }
        switch event.cause {
        case .append: return isIn(event.mailbox, .junk) ? .spam : nil
        case .copy:
            guard let source = event.source else { return nil }
            switch (isIn(source.mailbox, .junk), isIn(event.mailbox, .junk)) {
            case (false, true): return .spam
            case (true, false): return isIn(event.mailbox, .trash) ? nil : .ham
            case (true, true), (false, false): return nil
            }
        case .flag:
            let changed = event.changedFlags.compactMap { Keyword($0) }
            if changed.contains(where: { $0 == Self.notJunkKeyword }) { return .ham }
            return changed.contains { $0 == Self.junkKeyword } ? .spam : nil
        }
    }

    /// The keyword that must be on a message for the lesson to hold; taking it away teaches nothing.
    static func keyword(of lesson: Lesson) -> Keyword? { lesson == .spam ? self.junkKeyword : self.notJunkKeyword }
}
