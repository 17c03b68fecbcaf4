internal import MailCore
internal import MailStore
internal import Threads
internal import VolumeLog

/// After the flush: the copies' files are placed, and who waits is answered.
extension Copying {
    /// On the committer's thread, once for each record.
    func flushed(_ result: Result<LogSequence, StoreError>, hasFileWork: Bool) {
        switch result {
        case .success(let sequence): self.written.append((sequence, hasFileWork))
        case .failure(let error): self.failure = self.failure ?? error
        }
        self.unflushed -= 1
        guard self.unflushed == 0 else { return }
        if !self.volume.threads.submit({ self.finish() }) { self.finish() }
    }

    private func finish() {
        if let failure = self.failure { self.takeBack(failure) } else { self.publish() }
    }

    private func publish() {
        self.volume.configuration.crashPoint(.beforePublish)
        guard self.hasFiles else {
            self.show()
            self.volume.configuration.crashPoint(.afterPublish)
            self.discardDropped()
            self.answerWhenShown()
            return
        }
        let failure = self.placeFiles()
        self.volume.configuration.crashPoint(.afterPublish)
        guard let failure, !self.isTargetDeleted else { return self.placed() }
        switch self.kind {
        case .copy: self.takeBack(failure)
        case .move: self.placeLater(failure)
        }
    }

    /// A copy into a mailbox that was deleted since is gone with it, as if the deletion had come a moment later.
    private var isTargetDeleted: Bool { self.target.isGone }

    /// The files are there: so are the copies, and of a MOVE the sources can go.
    private func placed() {
        self.show()
        var rows: [UIDListRow] = []
        for item in self.items {
            guard let uid = item.uid else { continue }
            self.volume.missingFiles.remove(self.target.key, uid)
            if item.prepared != nil { rows.append(UIDListRow(uid, item.location, guid: self.guid(of: item))) }
        }
        if !self.isTargetDeleted { self.volume.fileWork.add(rows: rows, self.target) }
        self.fileWorkDone()
        if let hold = self.hold { self.volume.fileWork.letGoAfterSync(hold) }
        if let modSeq = self.vanishedModSeq { self.removeSources(modSeq) }
        self.discardDropped()
        self.answerWhenShown()
    }

    /// Copies that cannot be in the log, or not all of them, or not in the files: the client is told so, and may try again.
    /// What is in the log vanishes from it; files that are there go with the rows.
    private func takeBack(_ failure: StoreError) {
        if !self.written.isEmpty { self.vanish() }
        if let arriving = self.arriving { self.target.drop(arriving) }
        if let leaving = self.leaving { self.source.drop(leaving) }
        self.discardAll()
        self.fileWorkDone()
        self.letGo()
        self.fail(failure)
    }

    private func vanish() {
        do throws(StoreError) {
            try self.target.lock.withLock { () throws(StoreError) in
                let uids = UIDSet(self.items.compactMap(\.uid))
                let modSeq = self.target.nextModSeq()
                _ = try self.target.queue(
                    PendingRecord(record: .vanished(self.target.key, modSeq, uids), isAwaited: false))
            }
        } catch {
            self.volume.configuration.log(
                .warning, "\(self.target.description): copies, refused, may come back: \(error)")
        }
    }

    /// A MOVE that is in the log cannot be taken back: the sources' UIDs are gone. Nobody sees it before the files are
    /// there, and until then no source file is removed. Should that be after the next start, the log has the rest.
    private func placeLater(_ failure: StoreError) {
        self.volume.configuration.log(
            .error,
            "\(self.target.description): moved files cannot be placed now: \(failure). Tried again until it succeeds; the "
                + "log keeps all that is behind it")
        if let arriving = self.arriving { self.target.holdUp(arriving) }
        if let leaving = self.leaving { self.source.holdUp(leaving) }
        for record in self.written where record.hasFileWork { self.volume.fileWork.setAside(record.sequence) }
        // The account is not to move meanwhile, nor is anybody to take them for removed.
        for item in self.items where item.prepared != nil {
            if let uid = item.uid { self.volume.missingFiles.add(self.target.key, uid) }
        }
        self.volume.fileWork.retry(of: self.target.key.account) { [self] attempt in
            guard let failure = self.placeFiles(), !self.isTargetDeleted else {
                self.placed()
                self.volume.configuration.log(.notice, "\(self.target.description): the moved files are placed")
                return true
            }
            self.attempts += 1
            if attempt == .last || self.attempts == Self.attemptsAwaited { self.fail(failure) }
            return false
        }
    }

    /// Attempts for which a client waits, seven seconds.
    private static let attemptsAwaited = 3

    private func placeFiles() -> StoreError? {
        var unplaced: [Item] = []
        do throws(StoreError) {
            try self.target.changeFiles(of: self.items.lazy.map(\.location)) {
                (files) throws(StoreError) in
                for item in self.items {
                    guard let prepared = item.prepared else { continue }
                    do throws(StoreError) {
                        try files.publish(prepared, flags: item.fileFlags)
                    } catch {
                        unplaced.append(item)
                    }
                }
            }
            // The target was renamed since, or its temporary file swept: copied once more. Source and target are
            // never locked together here, since another copy may go the other way.
            for item in unplaced where item.prepared != nil {
                let octets: MessageOctets
                if let known = item.octets {
                    octets = known
                } else {
                    do throws(StoreError) {
                        octets = try self.source.withFiles { (files) throws(StoreError) in
                            try files.read(item.row.location, flags: item.fileFlags)
                        }
                    } catch {
                        // Another program removed the file a moment ago. A message that is moved has left already, so it
                        // is as if the file had been removed a moment later.
                        guard error.code == .expunged, self.kind == .move else { throw error }
                        self.volume.configuration.log(
                            .warning,
                            "\(self.target.description): a message that was moved here has no file any more: \(error)")
                        continue
                    }
                }
                try self.target.changeFiles(of: CollectionOfOne(item.location)) {
                    (files) throws(StoreError) in
                    try files.restore(
                        octets, at: item.location, flags: item.fileFlags,
                        internalDate: item.row.internalDate)
                }
            }
            return nil
        } catch {
            return error
        }
    }

    private func show() {
        guard let arriving = self.arriving else { return }
        if let leaving = self.leaving {
            MailboxState.publish(arriving, self.target, and: leaving, self.source)
        } else {
            self.target.publish(arriving)
        }
    }

    /// Who copied or moved finds everything in its new place.
    private func answerWhenShown() {
        if let arriving = self.arriving, self.target.whenSettled(arriving, { self.answerWhenShown() }) { return }
        if let leaving = self.leaving, self.source.whenSettled(leaving, { self.answerWhenShown() }) { return }
        self.answer()
    }

    /// There will be no copies.
    func letGo() {
        if let hold = self.hold { self.volume.fileWork.letGo(hold) }
        self.hold = nil
    }

    private func removeSources(_ modSeq: ModSeq) {
        // Of those with octets of their own, the record that says so sees to it.
        for item in self.items where !item.row.location.isInLog && item.octets == nil {
            self.volume.fileWork.add(
                IndexWriter.PendingFileTask(
                    key: self.source.key, uid: item.row.uid, kind: .remove, location: item.row.location,
                    oldFlags: item.row.flags, oldKeywords: item.row.keywords, newFlags: item.row.flags,
                    newKeywords: item.row.keywords, modSeq: modSeq), self.source)
        }
    }

    private func fail(_ failure: StoreError) { self.resume(.failure(failure)) }

    func resume(_ result: Result<CopyResult, StoreError>) {
        guard !self.isAnswered else { return }
        self.isAnswered = true
        self.continuation.resume(returning: result)
    }

    private func fileWorkDone() {
        for record in self.written where record.hasFileWork {
            self.volume.fileWork.done(record.sequence, [self.target])
        }
    }

    /// Before the answer, which may be given on a thread that must not wait for a disk.
    private func discardDropped() {
        for body in self.dropped { self.target.discard(body) }
        self.dropped = []
    }

    func answer() {
        self.discardDropped()
        var result = CopyResult(uidValidity: self.target.uidValidity, source: [], target: [])
        for item in self.items {
            guard let uid = item.uid else { continue }
            result.source.insert(item.row.uid)
            result.target.insert(uid)
        }
        self.resume(.success(result))
    }
}
