import IMAPCore
import MailCore
import MailSearch
import MailStore
import ServerCore

/// A command was not about all that it asked for (RFC 9738 section 3.1).
struct LimitReached {
    var limit: UInt32
    /// The lowest UID that it was about.
    var lowest: UID

    var code: ResponseCode { .messageLimit(self.limit, self.lowest) }

    /// A search that is about no others.
    func limiting(_ key: SearchKey) -> SearchKey {
        .and([.uid(SequenceSet([self.lowest.rawValue...UInt32.max])), key])
    }
}

/// What becomes of a command about more messages than MESSAGELIMIT allows.
enum MessageExcess {
    /// It is about those with the highest UIDs.
    case isLeftOut
    /// It is refused: half a SORT or THREAD is none (RFC 9738 section 3.3).
    case isRefused
}

extension Session {
    /// Leaves of ascending places those with the highest UIDs, as many as the limit allows; `nil` when that is all.
    func limit(_ places: inout [Range<Int>], in view: MailboxSnapshot) -> LimitReached? {
        self.settings.messageLimit.flatMap { self.limit(&places, to: $0, in: view) }
    }

    /// The same for a command that stores messages, which is refused then.
    func exceedsSaveLimit(_ places: [Range<Int>], in view: MailboxSnapshot) -> LimitReached? {
        var places = places
        return self.saveLimit.flatMap { self.limit(&places, to: $0, in: view) }
    }

    /// How many messages one COPY or APPEND may store.
    var saveLimit: UInt32? { self.settings.messageLimit ?? self.settings.saveLimit }

    private func limit(
        _ places: inout [Range<Int>], to limit: UInt32, in view: MailboxSnapshot
    ) -> LimitReached? {
        guard limit > 0, places.reduce(0, { $0 + $1.count }) > Int(limit) else { return nil }
        places = PartialRange(.last, 1, limit).part(of: places)
        return places.first.map { LimitReached(limit: limit, lowest: view[$0.lowerBound].uid) }
    }

    /// Those of some messages that are marked \Deleted, up to the limit: UID EXPUNGE is about no others.
    func limitDeleted(_ uids: inout UIDSet, _ selected: SelectedMailbox) -> LimitReached? {
        guard let limit = self.settings.messageLimit, uids.count > Int(limit) else { return nil }
        let now = selected.mailbox.snapshot()
        let deleted = uids.filter { now.record(of: $0)?.flags.contains(.deleted) ?? false }
        guard deleted.count > Int(limit) else { return nil }
        let rest = deleted.suffix(Int(limit))
        uids = UIDSet(rest)
        return rest.first.map { LimitReached(limit: limit, lowest: $0) }
    }

    /// The code of a command's answer. The limit is told there when nothing else is, else in a response before it.
    func code(_ code: ResponseCode?, _ reached: LimitReached?) -> ResponseCode? {
        guard let reached else { return code }
        guard let code else { return reached.code }
        self.write { $0.untagged(.no, reached.code, "Only the messages with the highest UIDs were processed") }
        return code
    }
}

extension SearchKey {
    /// The places of the messages that a search has to look at: what its sets leave.
    func candidates(_ view: MailboxSnapshot) -> [Range<Int>] {
        switch self {
        case .and(let keys):
            return keys.reduce([0..<view.count]) { $0.intersection($1.candidates(view)) }
        case .uid(let set): return view.indices(of: set, .uid) ?? []
        case .sequence(let set): return view.indices(of: set, .sequenceNumber, .clamped) ?? []
        default: return [0..<view.count]
        }
    }
}

extension [Range<Int>] {
    /// What ascending, disjoint ranges have in common.
    fileprivate func intersection(_ others: [Range<Int>]) -> [Range<Int>] {
        var common: [Range<Int>] = []
        var rest = others[...]
        for range in self {
            while let other = rest.first {
                let part = range.clamped(to: other)
                if !part.isEmpty { common.append(part) }
                if other.upperBound > range.upperBound { break }
                rest = rest.dropFirst()
            }
        }
        return common
    }
}
