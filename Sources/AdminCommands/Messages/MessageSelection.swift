import Glibc
import IMAPCore
import MailCore

/// A search of doveadm's kind: MAILBOX masks and MAILBOX-GUID at its beginning, and IMAP search keys.
///
///     mailbox INBOX mailbox 'Work*' unseen since 2026-01-01
struct MessageSelection: Sendable {
    /// Masks of mailbox names, and GUIDs of mailboxes in lower case; both empty: every mailbox.
    let mailboxes: [String]
    let guids: [String]
    let key: SearchKey
    /// Whether anything but mailboxes was asked for, be it `all`.
    private let hasKeys: Bool

    /// Whether it is said in which mailboxes.
    var namesMailboxes: Bool { !self.mailboxes.isEmpty || !self.guids.isEmpty }

    /// - Parameter now: seconds since 1970, for dates such as `30days`.
    init(_ words: [String], now: Int64 = Int64(time(nil))) throws(AdminError) {
        var mailboxes: [String] = []
        var guids: [String] = []
        var rest = words[...]
        while let word = rest.first?.lowercased(), word == "mailbox" || word == "mailbox-guid" {
            guard let value = rest.dropFirst().first else {
                throw AdminError(.usage, "\(word.uppercased()) needs a \(word == "mailbox" ? "name" : "GUID")")
            }
            if word == "mailbox" { mailboxes.append(value) } else { guids.append(value.lowercased()) }
            rest = rest.dropFirst(2)
        }
        self.mailboxes = mailboxes
        self.guids = guids
        self.hasKeys = !rest.isEmpty
        self.key = rest.isEmpty ? .all : try SelectionParser.key(rest, now: now)
    }

    /// For a command that removes messages: refuses a search that says of no message why it is found, or where. As
    /// doveadm, so that a slip of the keyboard does not empty a mailbox or an account.
    func checkIsDeliberate(_ command: String) throws(AdminError) {
        guard self.namesMailboxes else {
            throw AdminError(.usage, "\(command): name the mailboxes, such as: mailbox Trash before 1-Jan-2026")
        }
        guard self.hasKeys else {
            throw AdminError(
                .usage,
                "\(command): to avoid accidents, say which messages, not only the mailbox; add \"all\" for every one")
        }
    }
}
