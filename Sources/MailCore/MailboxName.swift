/// A mailbox's decoded name: Unicode text whose hierarchy levels are joined by `/`, whatever separator a
/// namespace shows to clients.
///
/// Names are compared by their octets: two that differ only in Unicode normalization are two names, as they are to
/// a file system. What clients say is brought to one form first, see `normalized`.
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

    /// Whether a mailbox may get this name: no level begins with a byte order mark, and there are no noncharacters
    /// (Net-Unicode, RFC 9051 section 5.1). What another program has called so can be used all the same.
    public var isNetUnicode: Bool {
        var beginsLevel = true
        for scalar in self.text.unicodeScalars {
            switch scalar.value {
            case 0xFEFF where beginsLevel: return false
            case 0xFDD0...0xFDEF: return false
            case let value where value & 0xFFFE == 0xFFFE: return false
            default: break
            }
            beginsLevel = scalar == "/"
        }
        return true
    }

    /// Whether `self` lies below `other` in the hierarchy.
    public func isDescendant(of other: MailboxName) -> Bool {
        let head = other.text.utf8
        return self.text.utf8.count > head.count && self.text.utf8.starts(with: head)
            && self.text.utf8.dropFirst(head.count).first == 0x2F
    }

    /// The name after `ancestor` (itself or a name above) was renamed to `target`; `nil` when too long.
    public func moved(from ancestor: MailboxName, to target: MailboxName) -> MailboxName? {
        let rest = self.text.utf8.dropFirst(ancestor.text.utf8.count)
        return MailboxName(target.text + String(decoding: rest, as: UTF8.self))
    }

    /// The name in Unicode Normalization Form C (RFC 9051 section 5.1).
    public var normalized: MailboxName {
        // Composition makes nothing longer and no level empty.
        MailboxName(self.text.normalizedToNFC) ?? self
    }

    /// The one of `existing` names that a person means by this one: itself; else one that differs in normalization
    /// only, first in the levels above; what does not exist is normalized. So that a mailbox which another program
    /// named in another form is found by any form, and no second one is made beside it.
    public func resolved(
        among existing: (MailboxName) -> Bool, candidates: () -> [MailboxName]
    ) -> MailboxName {
        if self.text.utf8.allSatisfy({ $0 < 0x80 }) || existing(self) { return self }
        var byNormalized: [MailboxName: MailboxName] = [:]
        for candidate in candidates() {
            var name: MailboxName? = candidate
            while let current = name {
                let key = current.normalized
                // One that is in normal form already counts most.
                if byNormalized[key] == nil || current == key { byNormalized[key] = current }
                name = current.parent
            }
        }
        var known: MailboxName? = self
        while let name = known {
            if let found = byNormalized[name.normalized] {
                return self == name ? found : self.normalized.moved(from: name.normalized, to: found) ?? self.normalized
            }
            known = name.parent
        }
        return self.normalized
    }

    public static func == (a: MailboxName, b: MailboxName) -> Bool { a.text.utf8.elementsEqual(b.text.utf8) }

    public func hash(into hasher: inout Hasher) {
        var text = self.text
        text.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
    }

    /// By octets, level by level: what lies below a mailbox follows it at once.
    public static func < (a: MailboxName, b: MailboxName) -> Bool {
        a.text.utf8.lexicographicallyPrecedes(b.text.utf8) { Self.weight($0) < Self.weight($1) }
    }

    /// `/` sorts before all other octets.
    private static func weight(_ octet: UInt8) -> UInt8 { octet == 0x2F ? 0 : octet }
}
