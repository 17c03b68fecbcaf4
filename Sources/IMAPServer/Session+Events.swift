import Delivery
import IMAPCore
import MailCore
import MailStore
import ServerCore

/// What this session's commands did to messages, told to those who run scripts on it: noted with the change itself, and
/// posted after it is done, without waiting.
extension Session {
    /// What the store is to note with a change; `nil` when nobody wants to know.
    func eventNote(
        _ cause: MailboxEvent.Cause, _ mailbox: MailboxName, from source: MailboxName? = nil, isMove: Bool = false
    ) -> EventNote? {
        guard let events = self.options.events, let user = self.user else { return nil }
        return events.note(
            cause, user: user, home: self.home, session: self.connection.sessionID, mailbox: mailbox,
            source: source.map { ($0, isMove) })
    }

    /// The name by which scripts and the junk filter know a mailbox, whatever the client calls it.
    func eventName(_ name: MailboxName) async -> MailboxName {
        guard self.options.events != nil, let account = self.account else { return name }
        return (try? await account.canonicalName(of: name)) ?? name
    }

    func postAppend(_ note: EventNote?, _ uids: UIDSet, in mailbox: MailboxName) {
        self.post(.append, note, uids, mailbox, nil)
    }

    func postCopy(
        _ note: EventNote?, _ result: CopyResult, from source: MailboxName, to target: MailboxName, isMove: Bool
    ) {
        self.post(
            .copy, note, result.target, target,
            MailboxEvent.Source(mailbox: source, uids: result.source, isMove: isMove))
    }

    /// Of several messages those with the same changes make one event.
    func postFlags(_ note: EventNote?, _ mailbox: MailboxName) { self.post(.flag, note, [], mailbox, nil) }

    /// - Parameter uids: of a store that notes nothing.
    private func post(
        _ cause: MailboxEvent.Cause, _ note: EventNote?, _ uids: UIDSet, _ mailbox: MailboxName,
        _ source: MailboxEvent.Source?
    ) {
        guard let note, let events = self.options.events, let account = self.account, let user = self.user else {
            return
        }
        var event = MailboxEvent(
            cause, user: user, account: account, home: self.home, session: self.connection.sessionID,
            mailbox: mailbox, uids: uids)
        event.source = source
        let noted = note.events
        if noted.isEmpty { events.post(event) }
        for one in noted { events.post(event.noted(as: one)) }
    }
}
