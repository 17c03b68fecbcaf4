internal import MIMECore
internal import MailCore
internal import MailStore

/// Notes for `martlet why`: each stands in the log right behind the change that it is about.
extension Volume {
    /// The record of an event; `nil` when nothing is to be noted of it.
    func traced(
        _ what: TraceRecord.What, of account: UInt32, by actor: TraceEvent.Actor?, isAwaited: Bool
    ) -> PendingRecord? {
        guard let actor, self.configuration.trace.octets > 0 else { return nil }
        let record = TraceRecord(account: account, time: self.now, actor: actor, what: what)
        guard record.fits else { return nil }
        return PendingRecord(record: .traced(record.encode()), isAwaited: isAwaited)
    }

    /// Queues an event that nobody waits for: it is written with what comes next, or soon.
    func note(_ what: TraceRecord.What, of account: UInt32, by actor: TraceEvent.Actor?) {
        guard let record = self.traced(what, of: account, by: actor, isAwaited: false) else { return }
        _ = self.committer.enqueue(record)
    }
}

extension MailboxState {
    /// With `lock` held.
    func tracePlace(_ uids: UIDSet) -> TraceRecord.Place { TraceRecord.Place(self.key, self.name, uids) }

    /// Notes a change that was queued just now, with `lock` held.
    func note(_ what: @autoclosure () -> TraceRecord.What) {
        guard self.core.volume.configuration.trace.octets > 0, let actor = TraceEvent.Actor.current else { return }
        self.core.volume.note(what(), of: self.key.account, by: actor)
    }
}

extension FlagChange {
    /// As STORE has it: `+\\Seen $Junk`.
    var traceText: String {
        let sign =
            switch self.mode {
            case .add: "+"
            case .remove: "-"
            case .replace: "="
            }
        return sign + (self.flags.names + self.keywords.map(\.name)).joined(separator: " ")
    }
}

extension Depositing {
    /// What is noted of the messages of this call that are stored, with their mailboxes locked.
    func traceRecords() -> [PendingRecord] {
        let stored = self.groups.flatMap(\.items).filter { $0.entry != nil }
        var records: [PendingRecord] = []
        func add(_ what: TraceRecord.What, _ account: UInt32, _ actor: TraceEvent.Actor?) {
            if let record = self.volume.traced(what, of: account, by: actor, isAwaited: true) { records.append(record) }
        }
        func place(_ item: Item) -> TraceRecord.Place? { item.uid.map { item.state.tracePlace([$0]) } }
        for parcel in self.parcels {
            guard let trace = parcel.trace else { continue }
            let places = stored.filter { parcel.deposits.contains($0.index) }.compactMap(place)
            // What failed is told by who delivers.
            guard !places.isEmpty || parcel.deposits.isEmpty && parcel.failure == nil else { continue }
            add(.delivered(trace.delivery, places), trace.account, trace.delivery.actor)
        }
        guard self.parcels.isEmpty, let actor = self.actor else { return records }
        for group in self.groups {
            let messageID = group.derived.cache.withUnsafeBytes { MessageCache.View($0)?.messageID } ?? []
            for item in group.items where item.entry != nil {
                guard let place = place(item) else { continue }
                add(
                    .appended(place, messageID: String(decoding: messageID, as: UTF8.self)), item.state.key.account,
                    actor)
            }
        }
        if let replaced = self.replaced {
            let place = TraceRecord.Place(replaced.state.key, replaced.name, [replaced.uid])
            add(.expunged(place), replaced.state.key.account, actor)
        }
        return records
    }
}
