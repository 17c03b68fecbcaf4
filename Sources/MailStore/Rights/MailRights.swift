public import MailCore

/// What a user may do with a mailbox (RFC 4314 section 2.1).
public struct MailRights: OptionSet, Hashable, Sendable {
    public let rawValue: UInt16
    public init(rawValue: UInt16) { self.rawValue = rawValue }

    /// `l`: the mailbox shows in lists.
    public static let lookup = MailRights(rawValue: 1 << 0)
    /// `r`: SELECT, STATUS, COPY from it.
    public static let read = MailRights(rawValue: 1 << 1)
    /// `w`: flags other than \Seen and \Deleted, and keywords.
    public static let write = MailRights(rawValue: 1 << 2)
    /// `s`: \Seen.
    public static let writeSeen = MailRights(rawValue: 1 << 3)
    /// `t`: \Deleted.
    public static let writeDeleted = MailRights(rawValue: 1 << 4)
    /// `i`: APPEND and COPY into it.
    public static let insert = MailRights(rawValue: 1 << 5)
    /// `p`: delivery into it.
    public static let post = MailRights(rawValue: 1 << 6)
    /// `e`: EXPUNGE.
    public static let expunge = MailRights(rawValue: 1 << 7)
    /// `k`: mailboxes below it may be made, or moved there.
    public static let create = MailRights(rawValue: 1 << 8)
    /// `x`: it may be deleted, or moved away.
    public static let delete = MailRights(rawValue: 1 << 9)
    /// `a`: its access control list may be read and changed.
    public static let administer = MailRights(rawValue: 1 << 10)

    /// Every right.
    public static let all = MailRights(rawValue: (1 << 11) - 1)
    /// Any of these makes the existence of a mailbox known (MYRIGHTS, RFC 4314 section 4).
    public static let knowing: MailRights = [.lookup, .read, .insert, .create, .delete, .administer]
    /// Any of these makes SELECT answer READ-WRITE (RFC 4314 section 5.2).
    public static let changing: MailRights = [.write, .writeSeen, .writeDeleted, .insert, .expunge]

    /// Letters and Dovecot's words for the rights, in the order in which they are written.
    static let names: [(right: MailRights, letter: UInt8, word: String)] = [
        (.lookup, UInt8(ascii: "l"), "lookup"), (.read, UInt8(ascii: "r"), "read"),
        (.write, UInt8(ascii: "w"), "write"), (.writeSeen, UInt8(ascii: "s"), "write-seen"),
        (.writeDeleted, UInt8(ascii: "t"), "write-deleted"), (.insert, UInt8(ascii: "i"), "insert"),
        (.post, UInt8(ascii: "p"), "post"), (.expunge, UInt8(ascii: "e"), "expunge"),
        (.create, UInt8(ascii: "k"), "create"), (.delete, UInt8(ascii: "x"), "delete"),
        (.administer, UInt8(ascii: "a"), "admin"),
    ]

    /// The right of a letter of RFC 4314; `nil` for others, also for the obsolete `c` and `d`.
    public init?(letter: UInt8) {
        guard let found = Self.names.first(where: { $0.letter == letter }) else { return nil }
        self = found.right
    }

    /// The right of a word such as `write-seen`.
    public init?(word: String) {
        guard let found = Self.names.first(where: { $0.word == word }) else { return nil }
        self = found.right
    }

    /// The letters as IMAP sends them: with `c` beside `k` or `x`, and `d` beside `e` or `t`, for clients of the
    /// older protocol (RFC 4314 section 2.1.1).
    public var wireLetters: [UInt8] {
        var letters = self.letters
        if !self.isDisjoint(with: [.create, .delete]) { letters.append(UInt8(ascii: "c")) }
        if !self.isDisjoint(with: [.expunge, .writeDeleted]) { letters.append(UInt8(ascii: "d")) }
        return letters
    }

    /// The letters alone, each once.
    public var letters: [UInt8] { Self.names.filter { self.contains($0.right) }.map(\.letter) }

    /// The words, such as `lookup` and `write-seen`.
    public var words: [String] { Self.names.filter { self.contains($0.right) }.map(\.word) }

    /// Rights from the letters of a client, `c` standing for `kx` and `d` for `et`; the first letter that is no
    /// right otherwise.
    public static func parse(wire letters: some Sequence<UInt8>) -> Result<MailRights, UnknownLetter> {
        var rights: MailRights = []
        for letter in letters {
            switch letter {
            case UInt8(ascii: "c"): rights.formUnion([.create, .delete])
            case UInt8(ascii: "d"): rights.formUnion([.expunge, .writeDeleted])
            default:
                guard let right = MailRights(letter: letter) else {
                    return .failure(UnknownLetter(letter: letter))
                }
                rights.formUnion(right)
            }
        }
        return .success(rights)
    }

    /// A letter that is no right.
    public struct UnknownLetter: Error, Hashable {
        public var letter: UInt8
    }
}

extension MailRights {
    /// The flags of a set that the rights allow to change.
    public func permitted(_ flags: MessageFlags) -> MessageFlags {
        var permitted: MessageFlags = []
        if self.contains(.writeSeen) { permitted.formUnion(flags.intersection(.seen)) }
        if self.contains(.writeDeleted) { permitted.formUnion(flags.intersection(.deleted)) }
        if self.contains(.write) { permitted.formUnion(flags.subtracting([.seen, .deleted])) }
        return permitted
    }

    /// The keywords of a list that the rights allow to change: all or none.
    public func permitted(_ keywords: [Keyword]) -> [Keyword] { self.contains(.write) ? keywords : [] }
}
