internal import MailCore
internal import MailStore
internal import Threads
internal import VolumeLog

/// After the flush: files are placed, messages are shown, and who waits is answered.
extension Depositing {
    /// On the committer's thread, once for each group. The last one hands over to a storage thread.
    func flushed(_ number: Int, _ result: Result<LogSequence, StoreError>) {
        switch result {
        case .success(let sequence):
            self.groups[number].sequence = sequence
        case .failure(let error):
            for item in self.groups[number].items where item.entry != nil {
                self.results[item.index] = .failure(error)
            }
            self.dropEffects(self.groups[number], error)
        }
        self.unflushed -= 1
        guard self.unflushed == 0 else { return }
        // Without files there is nothing left to do that could take time.
        let hasFiles = self.groups.contains { $0.items.contains { $0.prepared != nil } }
        guard hasFiles else {
            self.publish()
            return
        }
        if !self.volume.threads.submit({ self.publish() }) { self.publish() }
    }

    /// On a storage thread: files become visible, then messages, then the caller has its answer.
    private func publish() {
        let crashPoint = self.volume.configuration.crashPoint
        crashPoint(.beforePublish)
        let failure = self.mode == .allOrNone ? self.placeAll() : nil
        for group in self.groups {
            for item in group.items { self.publish(item, of: group, failure) }
            let states = group.items.filter { $0.prepared != nil }.map(\.state)
            if let sequence = group.sequence, !states.isEmpty { self.volume.fileWork.done(sequence, states) }
        }
        self.showEffects()
        crashPoint(.afterPublish)
        self.answerWhenShown()
    }

    /// Puts the files of all messages in their places before anybody sees one of them; what keeps one from it.
    private func placeAll() -> StoreError? {
        for group in self.groups where group.sequence != nil {
            for item in group.items where item.entry != nil {
                if let failure = self.place(item, group.message.octets) { return failure }
            }
        }
        return nil
    }

    /// Puts a message's file in its place; what keeps it from there.
    private func place(_ item: Item, _ octets: MessageOctets) -> StoreError? {
        guard let prepared = item.prepared, let entry = item.entry else { return nil }
        do throws(StoreError) {
            try item.state.changeFiles(of: CollectionOfOne(prepared.location)) { (files) throws(StoreError) in
                do throws(StoreError) {
                    try files.publish(prepared, flags: item.fileFlags)
                } catch {
                    // The mailbox may have been renamed since: its directory, and `tmp/` in it, has another name.
                    try files.restore(
                        octets, at: prepared.location, flags: item.fileFlags,
                        internalDate: entry.records[0].internalDate)
                }
            }
            return nil
        } catch {
            return error
        }
    }

    /// - Parameter failure: of one of those that are stored all or none.
    private func publish(_ item: Item, of group: Group, _ failure: StoreError?) {
        guard let entry = item.entry, let uid = item.uid else { return }
        let state = item.state
        guard group.sequence != nil else {
            state.drop(entry)
            if let prepared = item.prepared { state.discard(prepared) }
            return
        }
        let failure = self.mode == .allOrNone ? failure : self.place(item, group.message.octets)
        let stored = StoredMessage(uidValidity: state.uidValidity, uid: uid)
        if let failure {
            if state.isGone {
                // Stored, and then deleted with its mailbox.
                state.drop(entry)
                self.results[item.index] = .success(stored)
                return
            }
            self.takeBack(state, entry, uid)
            if let prepared = item.prepared { state.discard(prepared) }
            self.results[item.index] = .failure(failure)
            return
        }
        if let prepared = item.prepared {
            self.volume.fileWork.add(rows: [UIDListRow(uid, prepared.location, guid: item.guid)], state)
        }
        self.show(entry, state)
        self.unseen.append((state, entry))
        self.results[item.index] = .success(stored)
    }

    /// Who stored a message finds it.
    private func answerWhenShown() {
        while let (state, entry) = self.unseen.popLast() {
            if state.whenSettled(entry, { self.answerWhenShown() }) { return }
        }
        self.answer()
    }

    private func show(_ entry: MailboxState.PendingEntry, _ state: MailboxState) {
        guard let replaced = self.replaced else { return state.publish(entry) }
        do throws(StoreError) {
            self.removal = try MailboxState.publish(entry, state, removing: replaced.uid, of: replaced.state)
        } catch {
            self.volume.configuration.log(
                .warning,
                "\(replaced.state.description): message \(replaced.uid.rawValue) stays though replaced: \(error)")
        }
    }

    /// A message that is in the log but cannot be in the files: the peer will send it again, so it must not come
    /// back at the next start.
    private func takeBack(_ state: MailboxState, _ entry: MailboxState.PendingEntry, _ uid: UID) {
        do throws(StoreError) {
            try state.lock.withLock { () throws(StoreError) in
                let modSeq = state.nextModSeq()
                self.removal = try state.queue(
                    PendingRecord(record: .vanished(state.key, modSeq, [uid]), isAwaited: false))
            }
        } catch {
            self.volume.configuration.log(
                .warning, "\(state.description): message \(uid.rawValue), refused, may come back: \(error)")
        }
        state.drop(entry)
    }
}

extension MailboxState {
    /// Forgets a prepared file.
    func discard(_ body: PreparedBody) {
        do throws(StoreError) {
            try self.withFiles { $0.discard(body) }
        } catch {
            // The format sweeps old temporary files.
            self.core.volume.configuration.log(.warning, "\(self.description): temporary file left: \(error)")
        }
    }
}
