import Glibc
import MailCore
import MailStore
import Synchronization
import Testing
import VolumeLog

@testable import IndexedStore

/// What a log that cannot be written now means for those who do not write.
@Suite struct FullDiskTests {
    /// Changes that wait for space hold no threads: who needs them in the index is told so, and others go on.
    @Test(arguments: TestFormat.allCases) func nobodyIsHeld(_ format: TestFormat) async throws {
        let volume = try TestVolume(format)
        let disk = FailingDisk()
        try await volume.with {
            $0.logFiles = disk.files
        } _: { store in
            let account = try await store.account(volume.identity("anna"))
            try await store.put(message("before"), account)
            let inbox = try await account.open(.inbox, .readWrite, onChange: {})
            disk.trouble.withLock { $0 = .full }
            _ = try await inbox.store(FlagChange(.add, [.flagged]), [.first], unchangedSince: nil)
            // More of them than there are threads.
            for number in 0..<12 {
                let error = await #expect(throws: StoreError.self) {
                    try await store.account(volume.identity("new\(number)"))
                }
                #expect(error?.code == .diskFull)
            }
            let error = await #expect(throws: StoreError.self) {
                try await inbox.vanished([.first], since: .zero)
            }
            #expect(error?.code == .diskFull)
            #expect(try await inbox.subjects() == ["before"])
            disk.trouble.withLock { $0 = .none }
            let other = try await store.account(volume.identity("new1"))
            try await store.put(message("after"), other)
            #expect(try await store.accountNames() == ["anna", "new1"])
            inbox.close()
        }
        try await volume.with { store in
            let inbox = try await store.account(volume.identity("anna")).open(.inbox, .readOnly, onChange: {})
            #expect(inbox.snapshot()[0].flags == [.flagged])
            inbox.close()
        }
    }

    /// Who waits behind more than fits into one batch is told, too.
    @Test func depositsBehindManyChangesAreRefused() async throws {
        let volume = try TestVolume(.pack)
        let disk = FailingDisk()
        try await volume.with {
            $0.logFiles = disk.files
        } _: { store in
            let account = try await store.account(volume.identity("anna"))
            try await store.put(message("before"), account)
            let inbox = try await account.open(.inbox, .readWrite, onChange: {})
            disk.trouble.withLock { $0 = .full }
            for number in 0..<20_000 {
                _ = try await inbox.store(
                    FlagChange(number % 2 == 0 ? .add : .remove, [.flagged]), [.first], unchangedSince: nil)
            }
            let error = await #expect(throws: StoreError.self) { try await store.put(message("refused"), account) }
            #expect(error?.code == .diskFull)
            disk.trouble.withLock { $0 = .none }
            try await store.put(message("after"), account)
            #expect(try await inbox.subjects() == ["before", "after"])
            inbox.close()
        }
    }

    /// A mailbox that cannot be taken into the index is not taken for an empty one: its messages keep their UIDs.
    @Test func mailboxesAreSeenLater() async throws {
        let volume = try TestVolume()
        let disk = FailingDisk()
        let identity = volume.identity("anna")
        try await volume.with { store in
            let account = try await store.account(identity)
            for subject in ["a", "b", "c"] { try await store.put(message(subject), account) }
            let inbox = try await account.open(.inbox, .readWrite, onChange: {})
            _ = try await inbox.remove([.first])
            inbox.close()
        }
        Shell.remove("\(volume.directory)/volume")
        try await volume.with {
            $0.logFiles = disk.files
        } _: { store in
            let account = try await store.account(identity)
            disk.trouble.withLock { $0 = .full }
            for _ in 0..<2 {
                let error = await #expect(throws: StoreError.self) {
                    try await account.open(.inbox, .readWrite, onChange: {})
                }
                #expect(error?.code == .diskFull)
            }
            disk.trouble.withLock { $0 = .none }
            try await store.put(message("other"), try await store.account(volume.identity("ben")))
            let inbox = try await account.open(.inbox, .readWrite, onChange: {})
            #expect(inbox.snapshot().uids == [2, 3])
            #expect(try await inbox.subjects() == ["b", "c"])
            inbox.close()
        }
        try await volume.with { store in
            let account = try await store.account(identity)
            try await store.put(message("d"), account)
            let inbox = try await account.open(.inbox, .readOnly, onChange: {})
            #expect(inbox.snapshot().uids == [2, 3, 4])
            inbox.close()
        }
    }

    /// A volume whose own log has filled its file system works again once mail has been removed.
    @Test func fullLogMakesRoom() async throws {
        let volume = try TestVolume(.pack)
        let disk = SmallDisk(volume.directory + "/volume", octets: 12 << 20)
        try await volume.with {
            $0.logFiles = disk.files
            $0.logSegmentSize = 1 << 20
        } _: { store in
            let account = try await store.account(volume.identity("anna"))
            let inbox = try await account.open(.inbox, .readWrite, onChange: {})
            store.volume.keeper.runNow()
            #expect(Shell.names(volume.directory + "/volume").contains("reserve"))
            var refusal: StoreError?
            var count = 0
            while refusal == nil, count < 1000 {
                do {
                    try await store.put(message("m\(count)", lines: 2000), account)
                    count += 1
                } catch {
                    refusal = error as? StoreError
                }
            }
            #expect(refusal?.code == .diskFull)
            // Nothing more comes in, and removals still reach the log.
            let error = await #expect(throws: StoreError.self) { try await store.put(message("refused"), account) }
            #expect(error?.code == .diskFull)
            let kept = try #require(inbox.snapshot().uids.last.flatMap { UID(rawValue: $0) })
            _ = try await inbox.remove(UIDSet(inbox.snapshot().uids.dropLast().compactMap { UID(rawValue: $0) }))
            // What was removed is in the index a moment later, and then in no segment.
            let end = ContinuousClock.now + .seconds(20)
            var isStored = false
            while !isStored, ContinuousClock.now < end {
                store.volume.keeper.runNow()
                isStored = (try? await store.put(message("after"), account)) != nil
            }
            #expect(isStored)
            #expect(inbox.snapshot().uids.first == kept.rawValue)
            #expect(try await inbox.subjects() == ["m\(count - 1)", "after"])
            #expect(Shell.names(volume.directory + "/volume").contains("reserve"))
            inbox.close()
        }
        try await volume.with { store in
            let inbox = try await store.account(volume.identity("anna")).open(.inbox, .readOnly, onChange: {})
            #expect(inbox.snapshot().count == 2)
            inbox.close()
        }
    }
}

/// What is given up when the file system is full, is for making room.
@Suite struct ReserveTests {
    /// A checkpoint under way ends with the part at hand.
    @Test func isNotForACheckpointUnderWay() async throws {
        let volume = try TestVolume(.pack)
        let disk = FailingDisk()
        let isFull = Mutex(false)
        let turnstile = Turnstile(0)
        try await volume.with { configuration in
            configuration.logFiles = disk.files
            configuration.logFiles.space = { _ in isFull.withLock { $0 } ? (0, 1 << 30) : (1 << 29, 1 << 30) }
            configuration.crashPoint = { point in
                if point == .inCheckpoint { turnstile.pass() }
            }
        } _: { store in
            let account = try await store.account(volume.identity("anna"))
            try await store.put(message("before"), account)
            try await store.keepLogShort()
            #expect(Shell.names(volume.directory + "/volume").contains("reserve"))
            try await store.put(message("between"), account)
            turnstile.arm(1)
            async let kept: Void = store.keepLogShort()
            await eventually { turnstile.isHolding }
            let before = try Self.checkpointRecords(store)
            isFull.withLock { $0 = true }
            disk.trouble.withLock { $0 = .full }
            let error = await #expect(throws: StoreError.self) { try await store.put(message("refused"), account) }
            #expect(error?.code == .diskFull)
            // The reserve's octets are there.
            disk.trouble.withLock { $0 = .none }
            turnstile.open()
            try await kept
            #expect(try Self.checkpointRecords(store) == before)
            isFull.withLock { $0 = false }
            // The first of these may still be one that makes room.
            for _ in 0..<4 { try await store.keepLogShort() }
            try await store.put(message("after"), account)
            #expect(try Self.checkpointRecords(store) > before)
        }
    }

    private static func checkpointRecords(_ store: IndexedStore) throws -> Int {
        var count = 0
        try store.volume.log.replay(from: .first) { logged in
            if logged.kind == StoreRecord.Kind.checkpoint.rawValue { count += 1 }
            return .next
        }
        return count
    }
}

/// A file system of a fixed size, as the log sees it: what is in a directory counts, the index excepted.
private struct SmallDisk: Sendable {
    let directory: String
    let octets: Int

    init(_ directory: String, octets: Int) {
        self.directory = directory
        self.octets = octets
    }

    private var used: Int {
        [self.directory, self.directory + "/log"].reduce(0) { sum, place in
            Shell.names(place).reduce(sum) { sum, name in
                var status = stat()
                guard stat("\(place)/\(name)", &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return sum }
                return sum + Int(status.st_size)
            }
        }
    }

    var files: FileOperations {
        var files = FileOperations.system
        let system = FileOperations.system
        files.write = { file, bytes, offset in
            var status = stat()
            let growth = fstat(file, &status) == 0 ? max(0, offset + bytes.count - Int(status.st_size)) : 0
            guard growth == 0 || self.used + growth <= self.octets else {
                errno = ENOSPC
                return -1
            }
            return system.write(file, bytes, offset)
        }
        files.space = { _ in (UInt64(max(0, self.octets - self.used)), UInt64(self.octets)) }
        return files
    }
}
