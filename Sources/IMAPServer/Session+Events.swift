import Delivery
import IMAPCore
import MailCore
import MailStore
import ServerCore

/// What this session's commands did to messages, told to those who run scripts on it. After the command's effect is
/// durable, and without waiting.
extension Session {
    /// Whether anybody wants to know of flag changes; else they need not be worked out.
    var tellsFlagEvents: Bool { self.options.events?.wants(.flag) ?? false }

    func postAppend(_ uids: UIDSet, in mailbox: MailboxName) { self.post(.append, uids, mailbox) { _ in } }

    func postCopy(_ result: CopyResult, from source: MailboxName, to target: MailboxName, isMove: Bool) {
        self.post(.copy, result.target, target) { event in
            event.source = MailboxEvent.Source(mailbox: source, uids: result.source, isMove: isMove)
        }
    }

    /// - Parameter before: the mailbox before the change. Of several messages those with the same changes make one event.
    func postFlags(_ uids: UIDSet, _ before: MailboxSnapshot, _ mailbox: any Mailbox) async {
        guard self.tellsFlagEvents else { return }
        let now = mailbox.snapshot()
        var changed: [[String]: UIDSet] = [:]
        var looked = 0
        for uid in uids {
            looked += 1
            // Others on this loop get their turn.
            if looked % 4096 == 0 { await Task.yield() }
            guard let old = before.record(of: uid), let new = now.record(of: uid) else { continue }
            let names = Self.changes(old, before.keywords, new, now.keywords)
            if !names.isEmpty { changed[names, default: []].insert(uid) }
        }
        for (names, uids) in changed.sorted(by: { $0.key.lexicographicallyPrecedes($1.key) }) {
            self.post(.flag, uids, mailbox.name) { $0.changedFlags = names }
        }
    }

    private static func changes(
        _ old: MessageRecord, _ oldTable: KeywordTable, _ new: MessageRecord, _ newTable: KeywordTable
    ) -> [String] {
        guard old.flags != new.flags || old.keywords != new.keywords else { return [] }
        var names = old.flags.symmetricDifference(new.flags).names
        if old.keywords != new.keywords {
            // The table only grows, so numbers keep their meaning.
            let numbers = Set(oldTable.numbers(in: old.keywords)).symmetricDifference(
                newTable.numbers(in: new.keywords))
            names += numbers.sorted().compactMap {
                Int($0) < newTable.keywords.count ? newTable.keywords[Int($0)].name : nil
            }
        }
        return names
    }

    private func post(
        _ cause: MailboxEvent.Cause, _ uids: UIDSet, _ mailbox: MailboxName, _ fill: (inout MailboxEvent) -> Void
    ) {
        guard let events = self.options.events, let account = self.account, let user = self.user, !uids.isEmpty,
            events.wants(cause)
        else { return }
        var event = MailboxEvent(
            cause, user: user, account: account, home: self.home, session: self.connection.sessionID,
            mailbox: mailbox, uids: uids)
        fill(&event)
        events.post(event)
    }
}
