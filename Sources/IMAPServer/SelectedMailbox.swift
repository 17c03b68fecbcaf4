import IMAPCore
import MailCore
import MailStore

/// The mailbox that a session has selected, and what its client knows of it.
struct SelectedMailbox {
    let mailbox: any Mailbox
    let isReadOnly: Bool
    /// Whether the client knows \Recent, which IMAP4rev2 has not.
    let tellsRecent: Bool
    /// What the client has been told: sequence numbers are positions in it.
    var view: MailboxSnapshot
    /// UIDs that are \Recent to this session, also those not yet in the view.
    var recent: UIDSet
    /// The client has been told of everything up to this; below the view's MODSEQ while EXPUNGEs or flags are held
    /// back.
    var toldModSeq: ModSeq
    /// Messages whose flags the view has as they are now, and of which NOTIFY keeps that from the client.
    var untoldFlags = UIDSet()
    /// What `$` stands for; those that are gone by now count no more (RFC 5182 section 2.1).
    var savedResult = UIDSet()
    /// How many keywords the client has been told of.
    var toldKeywords: Int
    /// Whether the client wants no sequence numbers: UIDFETCH in place of FETCH.
    var tellsUIDsOnly = false

    /// How many messages in the view are \Recent.
    var recentCount: Int {
        var count = 0
        for range in self.recent.ranges {
            guard let first = UID(rawValue: range.lowerBound) else { continue }
            let start = self.view.firstIndex(atOrAfter: first)
            let end: Int
            if range.upperBound < .max, let next = UID(rawValue: range.upperBound + 1) {
                end = self.view.firstIndex(atOrAfter: next)
            } else {
                end = self.view.count
            }
            count += end - start
        }
        return count
    }

    /// Adds what has become \Recent to this session.
    mutating func takeRecent() {
        for range in self.mailbox.takeRecent().ranges {
            guard let first = UID(rawValue: range.lowerBound), let last = UID(rawValue: range.upperBound)
            else {
                continue
            }
            self.recent.insert(first...last)
        }
    }

    func isRecent(_ uid: UID) -> Bool { self.tellsRecent && self.recent.contains(uid) }

    /// Begins the response about a message.
    func beginFetch(_ record: MessageRecord, at index: Int, into out: inout [UInt8]) -> FetchResponse {
        if self.tellsUIDsOnly { return FetchResponse(uid: record.uid, into: &out) }
        return FetchResponse(SequenceNumber(index: index), into: &out)
    }

    /// The keywords of a message.
    func keywords(_ record: MessageRecord) -> [Keyword] {
        if record.keywords == .empty { return [] }
        let table = self.view.keywords
        return table.numbers(in: record.keywords).compactMap {
            Int($0) < table.keywords.count ? table.keywords[Int($0)] : nil
        }
    }

    /// Moves the view to `now` but for messages that are gone: these stay, so all numbers do.
    mutating func stay(_ changes: MailboxChanges, _ now: MailboxSnapshot) {
        self.view.keywords = now.keywords
        self.view.uidNext = now.uidNext
        self.view.highestModSeq = now.highestModSeq
        self.view.update(changes.updated.map { now[$0] })
        var arrived: [MessageRecord] = []
        now.forEach(from: now.count - changes.appended) { _, record in
            arrived.append(record)
            return true
        }
        self.view.append(contentsOf: arrived)
    }

    /// Takes over the state of some messages from `now`, as told to the client by a command's own
    /// responses, so that they are not told again. Sequence numbers stay.
    mutating func adopt(_ records: [MessageRecord], keywords: KeywordTable) {
        self.view.keywords = keywords
        self.view.update(records)
    }
}
