internal import MailCore
public import MailStore
internal import Synchronization
internal import Threads
internal import VolumeLog

/// A list as it was read from its file.
struct SeenAccessList: Sendable {
    var fingerprint: UInt64
    var list: AccessList
}

/// Access control lists. Where the format keeps them in files, these count, and are looked at each time: another
/// program may have changed them. The index has them too, so that it is known who shares what before an account is
/// opened.
extension StoreAccount {
    func accessList(of name: MailboxName) async throws(StoreError) -> AccessList {
        try self.core.checkInUse()
        let name = self.canonicalName(name)
        guard self.core.files.keepsAccessLists else {
            let state = try await self.state(of: name)
            return AccessList(text: self.volume.accessLists.text(of: state.key))
        }
        if self.entry(name) == nil { _ = try await self.hasMailbox(name) }
        let seen = try await self.volume.threads.run { () throws(StoreError) -> (list: AccessList, isNew: Bool) in
            guard self.entry(name) != nil else { throw StoreError(.notFound, "mailbox \(name)") }
            return try self.core.asOwner { () throws(StoreError) in try self.readAccessList(name) }
        }
        if seen.isNew { try await self.noteAccessList(seen.list, of: name) }
        return seen.list
    }

    func accessLists() async throws(StoreError) -> [MailboxName: AccessList] {
        try self.core.checkInUse()
        let names = self.directory.withLock { Array($0.entries.keys) }
        var lists: [MailboxName: AccessList] = [:]
        guard self.core.files.keepsAccessLists else {
            for name in names {
                guard case .indexed(let state)? = self.entry(name) else { continue }
                let text = self.volume.accessLists.text(of: state.key)
                if !text.isEmpty { lists[name] = AccessList(text: text) }
            }
            return lists
        }
        let seen = try await self.volume.threads.run {
            () throws(StoreError) -> [(name: MailboxName, list: AccessList, isNew: Bool)] in
            try self.core.asOwner { () throws(StoreError) in
                var seen: [(name: MailboxName, list: AccessList, isNew: Bool)] = []
                for name in names {
                    let (list, isNew) = try self.readAccessList(name)
                    if isNew || !list.isEmpty { seen.append((name, list, isNew)) }
                }
                return seen
            }
        }
        for (name, list, isNew) in seen {
            if isNew { try await self.noteAccessList(list, of: name) }
            if !list.isEmpty { lists[name] = list }
        }
        return lists
    }

    /// The list in a mailbox's file, and whether it is another than when last looked at. Under the owner's ids.
    private func readAccessList(_ name: MailboxName) throws(StoreError) -> (list: AccessList, isNew: Bool) {
        let fingerprint = self.core.files.accessListFingerprint(of: name)
        if let known = self.accessListCache.withLock({ $0[name] }), known.fingerprint == fingerprint {
            return (known.list, false)
        }
        let list = fingerprint == 0 ? AccessList() : try self.fileAccessList(name)
        let seen = SeenAccessList(fingerprint: fingerprint, list: list)
        let before = self.accessListCache.withLock { cache -> AccessList? in
            defer { cache[name] = seen }
            return cache[name]?.list
        }
        return (list, before.map { $0 != list } ?? true)
    }

    private func fileAccessList(_ name: MailboxName) throws(StoreError) -> AccessList {
        var list = AccessList()
        var harm = "has lines that are no rows"
        do throws(StoreError) {
            list = AccessList(text: try self.core.files.accessList(of: name))
        } catch {
            // One mailbox's file must not hide the other mailboxes.
            guard error.code == .damaged else { throw error }
            list.isDamaged = true
            harm = "cannot be read (\(error.detail); \(AccessList.maximumTextSize >> 10) KiB are allowed)"
        }
        if list.isDamaged {
            self.volume.configuration.log(
                .error,
                "\(self.identity.name): the access control list of \(name) \(harm): nobody but the owner has access until "
                    + "that is mended")
        }
        return list
    }

    /// Enters what a file was seen to have into the index.
    private func noteAccessList(_ list: AccessList, of name: MailboxName) async throws(StoreError) {
        // A mailbox that nobody has opened yet and that shares nothing need not be indexed for that.
        if case .found? = self.entry(name), list.isEmpty { return }
        try self.core.checkInUse()
        let state: MailboxState
        do throws(StoreError) {
            state = try await self.state(of: name)
        } catch {
            // Gone in between, or not to be read now; it is looked at again.
            self.accessListCache.withLock { $0[name] = nil }
            return
        }
        let text = list.isDamaged ? [] : list.text
        guard self.volume.accessLists.set(state.key, text) else { return }
        let set = AccessListSet(key: state.key, origin: .file, text: text)
        _ = try state.lock.withLock { () throws(StoreError) in
            try state.queue(PendingRecord(record: .accessList(set), isAwaited: false))
        }
    }

    func changeAccessList(
        of name: MailboxName, _ body: @Sendable (inout AccessList) throws(StoreError) -> Void
    ) async throws(StoreError) {
        let name = self.canonicalName(name)
        if let failure = self.volume.committer.failure { throw failure }
        let state = try await self.state(of: name)
        await self.gate.enter()
        defer { self.gate.leave() }
        try self.core.checkInUse()
        let keepsFiles = self.core.files.keepsAccessLists
        var list: AccessList
        if keepsFiles {
            list = try await self.volume.threads.run { () throws(StoreError) in
                try self.core.asOwner { () throws(StoreError) in try self.readAccessList(name).list }
            }
        } else {
            list = AccessList(text: self.volume.accessLists.text(of: state.key))
        }
        let before = list
        try body(&list)
        guard !list.isDamaged else {
            throw StoreError(.damaged, "the access control list of \(name) has lines that are no rows")
        }
        guard list != before else { return }
        let text = list.text
        guard text.count <= AccessList.maximumTextSize else {
            throw StoreError(.limit, "the access control list of \(name) would have \(text.count) octets")
        }
        // The log first: after a crash the file is written again from it.
        let set = AccessListSet(key: state.key, origin: .store, text: text)
        let sequence = try await self.commit(set, state, hasFileWork: keepsFiles)
        self.volume.accessLists.set(state.key, text)
        guard keepsFiles else { return }
        defer { self.volume.fileWork.done(sequence, [state]) }
        do throws(StoreError) {
            try await self.write(text, of: name)
        } catch {
            // Who changed it is told that it failed, so it must not come with the next start.
            let old = before.text
            self.volume.accessLists.set(state.key, old)
            await self.volume.takeBack(.accessList(AccessListSet(key: state.key, origin: .store, text: old)))
            try? await self.write(old, of: name)
            throw error
        }
    }

    private func write(_ text: [UInt8], of name: MailboxName) async throws(StoreError) {
        try await self.volume.threads.run { () throws(StoreError) in
            try self.core.asOwner { () throws(StoreError) in
                try self.core.files.setAccessList(text, of: name)
                _ = try self.readAccessList(name)
            }
        }
    }

    private func commit(
        _ set: AccessListSet, _ state: MailboxState, hasFileWork: Bool
    ) async throws(StoreError) -> LogSequence {
        let result: Result<LogSequence, StoreError> = await withCheckedContinuation { continuation in
            let isQueued = state.lock.withLock { () -> Bool in
                let record = PendingRecord(
                    record: .accessList(set), isAwaited: true, hasFileWork: hasFileWork,
                    completion: { continuation.resume(returning: $0) })
                return (try? state.queue(record)) != nil
            }
            if !isQueued { continuation.resume(returning: .failure(StoreError(.temporary, "volume closed"))) }
        }
        return try result.get()
    }
}

extension IndexedStore {
    public func accountsSharing(with identifiers: [AccessIdentifier]) async throws(StoreError) -> [String] {
        let volume = self.volume
        let numbers = volume.accessLists.accounts(about: identifiers)
        if numbers.isEmpty { return [] }
        return try await self.threads.run { () throws(StoreError) in
            var names: [String] = []
            for number in numbers {
                var row = try volume.schema.accountRow(number)
                if row == nil {
                    // One of a moment ago, with a list already.
                    try volume.waitApplied(volume.committer.lastTicket)
                    row = try volume.schema.accountRow(number)
                }
                if let name = row?.identity.name { names.append(name) }
            }
            return names.sorted()
        }
    }
}
