internal import MailCore
internal import MailStore
internal import Synchronization
internal import VolumeLog

/// The changes of a volume that somebody is still to deal with: how many, and the number of the next.
final class EventTable: Sendable {
    private struct State {
        /// What is left to do of each.
        var waiting: [UInt64: UInt8] = [:]
        var last: UInt64 = 0
        /// The last one of an earlier process.
        var lastBefore: UInt64 = 0
    }

    private let state = Mutex(State())

    /// Changes noted and not done with; what comes above it is not noted.
    private static let maximumWaiting = 20_000

    func load(_ schema: IndexSchema) throws(StoreError) {
        let events = try schema.storedEvents()
        self.state.withLock { state in
            for event in events {
                guard let id = event.id else { continue }
                state.waiting[id] = event.parts
                state.last = max(state.last, id)
            }
            state.lastBefore = state.last
        }
    }

    /// A number that no other event has; `nil`: too many wait.
    ///
    /// - Parameter tag: tells the volume apart from others that are open.
    func take(_ parts: UInt8, at now: Int64, tag: UInt64) -> UInt64? {
        self.state.withLock { state in
            guard state.waiting.count < Self.maximumWaiting else { return nil }
            // Above those of earlier processes, whose last ones may be forgotten by now.
            let time = UInt64(clamping: now) & 0xFFF_FFFF_FFFF
            state.last = max(state.last &+ 1, (tag >> 57) << 56 | time << 12)
            state.waiting[state.last] = parts
            return state.last
        }
    }

    /// Whether an earlier process has noted it.
    func isEarlier(_ id: UInt64?) -> Bool {
        self.state.withLock { state in id.map { $0 <= state.lastBefore } ?? false }
    }

    func forget(_ id: UInt64) { self.state.withLock { $0.waiting[id] = nil } }

    /// `false`: it was done with, or is another volume's.
    func done(_ parts: UInt8, of id: UInt64) -> Bool {
        self.state.withLock { state in
            guard let left = state.waiting[id] else { return false }
            state.waiting[id] = left & ~parts == 0 ? nil : left & ~parts
            return true
        }
    }
}

extension Volume {
    /// The record of an event, to stand right behind that of its change; `nil` when nobody wants to know, or too much
    /// waits.
    func noted(
        _ note: EventNote?, of account: UInt32, _ uids: UIDSet, from sources: UIDSet = [], changed flags: [String] = [],
        isAwaited: Bool
    ) -> PendingRecord? {
        guard let note, !uids.isEmpty else { return nil }
        let id = self.events.take(note.parts, at: self.now, tag: self.log.tag)
        let event = NotedEvent(
            id: id, parts: note.parts, time: self.now, uids: uids, sources: sources, changedFlags: flags,
            octets: note.octets)
        note.add(event)
        guard let id else { return nil }
        return PendingRecord(
            record: .eventNoted(RecordedEvent(id: id, account: account, event: event)), isAwaited: isAwaited,
            joinsPrevious: true,
            completion: { [events = self.events] in if case .failure = $0 { events.forget(id) } })
    }
}

extension MailboxState {
    /// Which flags a change sets or takes away, by the messages on which it does; with `lock` held.
    struct FlagDifferences {
        private(set) var groups: [[String]: UIDSet] = [:]

        mutating func add(_ old: MessageRecord, _ new: MessageRecord, _ now: KeywordTable) {
            var names = old.flags.symmetricDifference(new.flags).names
            if old.keywords != new.keywords {
                // The table only grows, so numbers keep their meaning.
                let numbers = Set(now.numbers(in: old.keywords)).symmetricDifference(now.numbers(in: new.keywords))
                names += numbers.sorted().compactMap {
                    Int($0) < now.keywords.count ? now.keywords[Int($0)].name : nil
                }
            }
            if !names.isEmpty { self.groups[names, default: []].insert(new.uid) }
        }
    }
}
