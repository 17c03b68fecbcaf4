internal import MailCore
internal import MailStore
internal import Threads

extension Copying {
    /// Reads the rows, and makes the files that the copies need.
    func prepare(_ uids: UIDSet) throws(StoreError) {
        let wanted = self.source.lock.withLock { () -> [UID] in
            var wanted: [UID] = []
            self.source.forEachVisible(uids) { wanted.append($0.uid) }
            self.seenRelocation = self.source.lastRelocation
            return wanted
        }
        guard !wanted.isEmpty else { return }
        try self.volume.waitApplied(self.seenRelocation)
        let rows = try self.volume.schema.rows(self.source.key, wanted)
        try self.readReaders(wanted)
        let sourceFiles = self.source.lock.withLock { self.source.files }
        let targetFiles = self.target.lock.withLock { self.target.files }
        for row in rows {
            if let item = try self.converted(row, targetFiles) {
                self.items.append(item)
                continue
            }
            if row.location.isInLog {
                // A body in the log is shared, whatever the target's new messages are.
                self.items.append(Item(row: row, location: row.location, prepared: nil, fileFlags: FileFlags()))
                continue
            }
            let flags = self.source.fileFlags(row.flags, row.keywords)
            do throws(StoreError) {
                let prepared = try self.prepare(row, flags, from: sourceFiles, in: targetFiles)
                self.items.append(
                    Item(row: row, location: prepared.location, prepared: prepared, fileFlags: flags))
            } catch {
                guard error.code == .expunged else { throw error }
                // Moved into the log a moment ago, or gone by another program's hand: as if it had not been in the
                // set.
                guard let now = try self.volume.schema.rows(self.source.key, CollectionOfOne(row.uid)).first,
                    now.location.isInLog
                else { continue }
                if let item = try self.converted(now, targetFiles) {
                    self.items.append(item)
                    continue
                }
                self.items.append(Item(row: now, location: now.location, prepared: nil, fileFlags: FileFlags()))
            }
        }
    }

    /// A message whose octets are written anew, because the target keeps them elsewhere than the source; `nil` where the
    /// copy can have those of the source, or the message is gone.
    private func converted(_ row: NewMessage, _ targetFiles: any MailboxFiles) throws(StoreError) -> Item? {
        switch (self.source.core.home, self.target.core.home) {
        case (.files, .files), (.log, .log): return nil
        case (.files, .log): if row.location.isInLog { return nil }
        case (.log, .files): break
        }
        let octets: MessageOctets
        switch self.source.readOctets(row) {
        case .success(let read): octets = read
        case .failure(let error):
            if error.code == .expunged, !row.location.isInLog { return nil }
            throw error
        }
        guard self.target.core.home == .files else {
            return Item(row: row, location: .thisRecord, prepared: nil, fileFlags: FileFlags(), octets: octets)
        }
        // The keywords' letters are the target's business, when the file gets its name.
        let flags = FileFlags(row.flags)
        let prepared = try self.target.core.asOwner { () throws(StoreError) in
            try targetFiles.prepare(octets, flags: flags, internalDate: row.internalDate)
        }
        return Item(row: row, location: prepared.location, prepared: prepared, fileFlags: flags, octets: octets)
    }

    func prepare(
        _ row: NewMessage, _ flags: FileFlags, from source: any MailboxFiles, in target: any MailboxFiles
    ) throws(StoreError) -> PreparedBody {
        if self.source.core.identity.owner == self.target.core.identity.owner {
            return try self.source.core.asOwner { () throws(StoreError) in
                try target.prepareCopy(of: row.location, flags: flags, in: source, as: flags)
            }
        }
        // Files of two owners: neither may read or link the other's.
        let octets = try self.source.core.asOwner { () throws(StoreError) in
            try source.read(row.location, flags: flags)
        }
        return try self.target.core.asOwner { () throws(StoreError) in
            try target.prepare(octets, flags: flags, internalDate: row.internalDate)
        }
    }
}
