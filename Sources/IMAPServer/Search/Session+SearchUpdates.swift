import IMAPCore
import MailCore
import MailSearch
import MailStore
import ServerCore

/// The searches of a session whose results are kept up to date, while a mailbox is selected.
struct SearchUpdates: Sendable {
    /// Each costs a look at every message that changes.
    static let maximum = 16

    var list: [SearchUpdate] = []
    /// The mailbox up to which they were told.
    var base: MailboxSnapshot?

    /// Whether one of them wants items of new messages.
    var wantItems: Bool { self.list.contains { $0.newMessages != nil } }
}

extension Session {
    /// Whether a command that asks for UPDATE may have that tag; else writes the BAD (RFC 5267 section 4.3).
    func mayUpdate(_ tag: Tag, _ command: SearchCommand) -> Bool {
        guard command.returns?.contains(.update) == true,
            self.searchUpdates.list.contains(where: { $0.tag == tag })
        else { return true }
        self.bad(tag, "Tag reuse")
        return false
    }

    /// Begins to tell changes of a result, or says that this is not done (RFC 5267 section 4.3.1).
    func update(_ update: SearchUpdate, _ view: MailboxSnapshot) {
        guard self.searchUpdates.list.count < SearchUpdates.maximum else {
            return self.write { $0.untagged(.no, .noUpdate(update.tag), "Too many contexts") }
        }
        guard update.isPossible else {
            return self.write { $0.untagged(.no, .noUpdate(update.tag), "Not with this order or so many results") }
        }
        if self.searchUpdates.list.isEmpty { self.searchUpdates.base = view }
        self.searchUpdates.list.append(update)
    }

    /// CANCELUPDATE (RFC 5267 section 4.3.5).
    func cancelUpdates(_ tag: Tag, _ tags: [[UInt8]]) async throws(ConnectionError) {
        for cancelled in tags {
            guard let index = self.searchUpdates.list.firstIndex(where: { $0.tag.bytes == cancelled }) else {
                return self.bad(tag, "Unknown tag")
            }
            self.searchUpdates.list.remove(at: index)
        }
        if self.searchUpdates.list.isEmpty { self.searchUpdates = SearchUpdates() }
        try await self.finish(tag, "No further updates")
    }

    /// Tells that messages which are gone are in no result any more: before EXPUNGE, while their numbers mean them.
    func tellRemoved(_ gone: [(index: Int, uid: UID)]) {
        guard !gone.isEmpty, !self.searchUpdates.list.isEmpty else { return }
        var indices: [UID: Int] = [:]
        for message in gone { indices[message.uid] = message.index }
        self.remove(gone.map(\.uid), from: self.searchUpdates.list.indices) { indices[$0] }
    }

    private func remove(_ uids: [UID], from updates: Range<Int>, index: (UID) -> Int?) {
        for position in updates where position < self.searchUpdates.list.count {
            let numbering = self.searchUpdates.list[position].numbering
            let change = self.searchUpdates.list[position].remove(uids) { uid in
                switch numbering {
                case .uid: uid.rawValue
                case .sequenceNumber: index(uid).map { SequenceNumber(index: $0).rawValue }
                }
            }
            guard let change else { continue }
            let correlator = self.correlator(self.searchUpdates.list[position])
            self.write { $0.extendedSearch(correlator, numbering: numbering, change) }
        }
    }

    /// To what the responses about an update belong.
    private func correlator(_ update: SearchUpdate) -> SearchCorrelator {
        guard update.namesMailbox, let selected = self.selected else { return SearchCorrelator(update.tag) }
        return SearchCorrelator(
            update.tag, mailbox: self.names.encode(selected.mailbox.name), uidValidity: selected.view.uidValidity)
    }

    /// Tells which messages have come into the results and which have left them, since they are new or have changed:
    /// after EXISTS and FETCH, so that their numbers are known.
    @inline(never)
    func tellSearchUpdates() async throws(ConnectionError) {
        guard let selected = self.selected, let base = self.searchUpdates.base else { return }
        let view = selected.view
        let changes = MailboxChanges(from: base, to: view)
        self.searchUpdates.base = view
        // Also where one of them is given up now: then NOTIFY's items have not been told yet.
        let wantItems = self.searchUpdates.wantItems
        let new = view.count - changes.appended..<view.count
        let changed = changes.updated + new
        let search = self.search(selected.mailbox, view)
        var found: [(tag: Tag, candidates: [Int], matching: [Int])] = []
        for tag in self.searchUpdates.list.map(\.tag) {
            guard let position = self.searchUpdates.list.firstIndex(where: { $0.tag == tag }) else { continue }
            let aged = self.searchUpdates.list[position].aged(in: view, now: UnixTime.now().seconds)
            let candidates = aged.isEmpty ? changed : Set(changed).union(aged).sorted()
            guard !candidates.isEmpty else { continue }
            let update = self.searchUpdates.list[position]
            guard
                let plan = SearchPlan(
                    update.key, view, recent: selected.recent, now: UnixTime.now().seconds, bounds: .clamped)
            else { continue }
            let matching: [Int]
            do throws(StoreError) {
                matching = try await search.matches(plan, among: candidates) { _ in
                    !self.connection.isEnding
                }
            } catch {
                self.giveUp(update, error)
                continue
            }
            // Found in part only: what is missing would be told as having left the result.
            if self.connection.isEnding { return }
            found.append((tag, candidates, matching))
        }
        if wantItems, !new.isEmpty {
            // Before the ESEARCHs that name them (RFC 5465 section 7).
            var wanted: [NewMessageItems] = []
            for one in found {
                let update = self.searchUpdates.list.first { $0.tag == one.tag }
                guard let plan = update?.newMessages else { continue }
                wanted.append(NewMessageItems(plan: plan, places: Set(one.matching.filter { new.contains($0) })))
            }
            try await self.tellNewMessages(new, wanted)
        }
        for one in found {
            guard let position = self.searchUpdates.list.firstIndex(where: { $0.tag == one.tag }) else { continue }
            let update = self.searchUpdates.list[position]
            do throws(StoreError) {
                try await self.tell(one.matching, among: one.candidates, position, search)
            } catch {
                self.giveUp(update, error)
                continue
            }
            try await self.connection.flushIfLarge()
        }
    }

    /// From now on the client would be told wrong things: better nothing.
    private func giveUp(_ update: SearchUpdate, _ error: StoreError) {
        self.logFault(error)
        self.write { $0.untagged(.no, .noUpdate(update.tag), "The search failed") }
        self.searchUpdates.list.removeAll { $0.tag == update.tag }
    }

    /// Tells the difference for one search: of the candidates, those at `matching` belong to its result now.
    private func tell(
        _ matching: [Int], among candidates: [Int], _ position: Int, _ search: MailboxSearch
    ) async throws(StoreError) {
        guard let view = self.searchUpdates.base, position < self.searchUpdates.list.count else { return }
        var update = self.searchUpdates.list[position]
        let matches = Set(matching)
        let left = candidates.filter { !matches.contains($0) && update.members.contains(view[$0].uid) }
        self.remove(left.map { view[$0].uid }, from: position..<position + 1) { view.index(of: $0) }
        update = self.searchUpdates.list[position]
        let new = matching.filter { !update.members.contains(view[$0].uid) }
        guard !new.isEmpty else { return }
        func number(_ place: Int) -> UInt32 {
            switch update.numbering {
            case .uid: view[place].uid.rawValue
            case .sequenceNumber: SequenceNumber(index: place).rawValue
            }
        }
        let change: SearchResultChange
        if let sorting = update.sorting {
            var entries: [SearchResultChange.Entry] = []
            for place in try await search.sorted(new, by: sorting.criteria) {
                let order = update.sorting?.order ?? []
                let spot = try await Self.spot(place, order, sorting.criteria, view, search)
                entries.append(update.add(view[place].uid, at: spot, number(place)))
            }
            change = .added(entries)
        } else {
            var numbers = NumberRanges()
            for place in new { numbers.append(number(place)) }
            change = update.add(new.map { view[$0].uid }, numbers)
        }
        self.searchUpdates.list[position] = update
        let correlator = self.correlator(update)
        self.write { $0.extendedSearch(correlator, numbering: update.numbering, change) }
    }

    /// Where a message belongs in a sorted result: by halves, so that a new message costs a look at a few.
    private static func spot(
        _ place: Int, _ uids: [UID], _ criteria: [SortCommand.Criterion], _ view: MailboxSnapshot,
        _ search: MailboxSearch
    ) async throws(StoreError) -> Int {
        var low = 0
        var high = uids.count
        while low < high {
            let middle = (low + high) / 2
            guard let other = view.index(of: uids[middle]) else {
                // Gone by now, so whatever it compares as: the next one decides.
                low = middle + 1
                continue
            }
            let first = try await search.sorted([min(place, other), max(place, other)], by: criteria).first
            if first == other { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
