/// A mailbox's decoded name: Unicode text whose hierarchy levels are joined by `/`, whatever separator a
/// namespace shows to clients.
///
/// `INBOX` in any case is the one INBOX, spelled in capitals, also as the first level of `INBOX/x`.
/// Refused: empty names and levels, `.` and `..` as a level, control characters, NUL, levels that begin with a
/// combining mark, names over `maximumLength` octets or `maximumDepth` levels.
public struct MailboxName: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// The longest name in octets of UTF-8.
    public static let maximumLength = 1000
    /// The most hierarchy levels.
    public static let maximumDepth = 64

    public let text: String

    public static let inbox = MailboxName(unchecked: "INBOX")

    private init(unchecked text: String) { self.text = text }

    /// `nil` when the name is refused.
    public init?(_ text: String) {
        guard !text.isEmpty, text.utf8.count <= Self.maximumLength else { return nil }
        var separators = 0
        for scalar in text.unicodeScalars {
            switch scalar.value {
            case 0x2F: separators += 1
            case 0x00...0x1F, 0x7F...0x9F, 0x2028, 0x2029: return nil
            default: break
            }
        }
        var levels = text.split(separator: "/", omittingEmptySubsequences: false)
        // A combining mark makes one character of itself and the `/` before it: no separator here, yet one to
        // the file system.
        guard levels.count == separators + 1, levels.count <= Self.maximumDepth else { return nil }
        for level in levels where level.isEmpty || level == "." || level == ".." { return nil }
        if levels[0].utf8.count == 5, ASCII.equalsIgnoringCase(levels[0].utf8, "inbox".utf8) {
            levels[0] = "INBOX"
            self.text = levels.joined(separator: "/")
        } else {
            self.text = text
        }
    }

    public var description: String { self.text }

    public var isInbox: Bool { self.text == "INBOX" }

    /// The hierarchy levels from the root down; at least one.
    public var levels: [Substring] { self.text.split(separator: "/") }

    /// The name without its last level, or `nil` at the root.
    public var parent: MailboxName? {
        guard let slash = self.text.lastIndex(of: "/") else { return nil }
        return MailboxName(unchecked: String(self.text[..<slash]))
    }

    /// Whether `self` lies below `other` in the hierarchy.
    public func isDescendant(of other: MailboxName) -> Bool {
        self.text.utf8.count > other.text.utf8.count && self.text.hasPrefix(other.text + "/")
    }

    /// The name after `ancestor` (itself or a name above) was renamed to `target`; `nil` when too long.
    public func moved(from ancestor: MailboxName, to target: MailboxName) -> MailboxName? {
        MailboxName(target.text + self.text.dropFirst(ancestor.text.count))
    }

    public static func < (a: MailboxName, b: MailboxName) -> Bool { a.text < b.text }
}
