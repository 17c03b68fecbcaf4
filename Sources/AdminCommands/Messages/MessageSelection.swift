import IMAPCore
import MailCore

/// A search of doveadm's kind: MAILBOX masks at its beginning and IMAP search keys.
///
///     mailbox INBOX mailbox 'Work*' unseen since 1-Jan-2026
///
/// Words are put together as the shell gave them, so a word with blanks in it is one string.
struct MessageSelection: Sendable {
    /// Masks of mailbox names; empty: every mailbox.
    let mailboxes: [String]
    let key: SearchKey
    /// Whether anything but mailboxes was asked for, be it `all`.
    private let hasKeys: Bool

    init(_ words: [String]) throws(AdminError) {
        var mailboxes: [String] = []
        var rest = words[...]
        while let word = rest.first, ASCII.equalsIgnoringCase(word.utf8, "mailbox".utf8) {
            guard rest.count >= 2 else { throw AdminError(.usage, "MAILBOX needs a name") }
            mailboxes.append(rest[rest.startIndex + 1])
            rest = rest.dropFirst(2)
        }
        self.mailboxes = mailboxes
        self.hasKeys = !rest.isEmpty
        self.key = rest.isEmpty ? .all : try Self.parse(rest)
    }

    /// For a command that removes messages: refuses a search that says of no message why it is found, or where. As doveadm,
    /// so that a slip of the keyboard does not empty a mailbox or an account.
    func checkIsDeliberate(_ command: String) throws(AdminError) {
        guard !self.mailboxes.isEmpty else {
            throw AdminError(.usage, "\(command): name the mailboxes, such as: mailbox Trash before 1-Jan-2026")
        }
        guard self.hasKeys else {
            throw AdminError(
                .usage,
                "\(command): to avoid accidents, say which messages, not only the mailbox; add \"all\" for every one of them")
        }
    }

    private static func parse(_ words: ArraySlice<String>) throws(AdminError) -> SearchKey {
        var line: [UInt8] = []
        line.append("x UID SEARCH CHARSET UTF-8")
        for word in words {
            // Parentheses may be words of their own; IMAP has no blanks inside them.
            if line.last != UInt8(ascii: "(") && word != ")" { line.append(0x20) }
            Self.append(word, to: &line)
        }
        line.append("\r\n")
        var parser = CommandParser()
        var consumed = 0
        switch parser.next(line.span, consumed: &consumed) {
        case .command(let tagged):
            guard case .search(let search) = tagged.command else { break }
            return search.key
        default: break
        }
        throw AdminError(
            .usage, "not a search: \(words.joined(separator: " ")); the words are those of IMAP SEARCH and MAILBOX")
    }

    /// Words that are atoms, sets or dates stand as they are; others as quoted strings.
    private static func append(_ word: String, to line: inout [UInt8]) {
        let isPlain =
            !word.isEmpty
            && word.utf8.allSatisfy { byte in
                ASCII.isAtomCharacter(byte) || byte == UInt8(ascii: "*") || byte == UInt8(ascii: "(")
                    || byte == UInt8(ascii: ")") || byte == UInt8(ascii: ":")
            }
        if isPlain {
            line.append(contentsOf: word.utf8)
            return
        }
        line.append(UInt8(ascii: "\""))
        for byte in word.utf8 where byte != 0x0D && byte != 0x0A && byte != 0x00 {
            if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { line.append(UInt8(ascii: "\\")) }
            line.append(byte)
        }
        line.append(UInt8(ascii: "\""))
    }
}
