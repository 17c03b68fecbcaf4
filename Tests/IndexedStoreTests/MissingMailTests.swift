import Glibc
import IndexedStore
import MailCore
import MailStore
import MaildirFormat
import Synchronization
import Testing

/// Accounts whose Maildir is not there, as when its file system is not mounted.
@Suite struct MissingMailTests {
    /// What is in the Maildir's place meanwhile.
    enum Place: String, CaseIterable, Sendable {
        case nothing, emptyDirectory, directoryWithNote
    }

    private static let work = MailboxName("Work")

    private func takeAway(_ volume: TestVolume, _ place: Place) {
        let maildir = "\(volume.directory)/anna"
        rename(maildir, "\(volume.directory)/unmounted")
        if place != .nothing { mkdir(maildir, 0o700) }
        if place == .directoryWithNote { Shell.write([], "\(maildir)/NOT-MOUNTED") }
    }

    private func bringBack(_ volume: TestVolume) {
        let maildir = "\(volume.directory)/anna"
        // Nothing may have been made there that hides the mail or would be mixed with it.
        #expect(Shell.names(maildir).filter { $0 != "NOT-MOUNTED" } == [])
        Shell.remove(maildir)
        rename("\(volume.directory)/unmounted", maildir)
    }

    private func fill(_ store: IndexedStore, _ volume: TestVolume) async throws {
        let account = try await store.account(volume.identity("anna"))
        for number in 1...3 { try await store.put(message("m\(number)"), account, flags: [.deleted]) }
        let inbox = try await account.open(.inbox, .readWrite, onChange: {})
        _ = try await inbox.expunge(UIDSet(UID.first...UID.first))
        inbox.close()
        let work = try #require(Self.work)
        try await account.create(work, specialUse: nil)
        try await store.put(message("w"), account, work)
        try await store.finishFileWork()
    }

    private struct Seen: Equatable {
        var inbox: MailboxStatus
        var work: MailboxStatus
    }

    private func look(_ store: IndexedStore, _ volume: TestVolume) async throws -> Seen {
        let account = try await store.account(volume.identity("anna"))
        return Seen(
            inbox: try await account.status(of: .inbox),
            work: try await account.status(of: try #require(Self.work)))
    }

    private func expectRefusal(_ what: String, _ body: () async throws -> Void) async {
        do {
            try await body()
            Issue.record("\(what) was not refused")
        } catch {
            #expect((error as? StoreError)?.code == .temporary, "\(what): \(error)")
        }
    }

    @Test(arguments: Place.allCases) func isRefusedAndNothingIsForgotten(_ place: Place) async throws {
        let volume = try TestVolume()
        let before = try await volume.with { store in
            try await self.fill(store, volume)
            return try await self.look(store, volume)
        }
        self.takeAway(volume, place)
        try await volume.with { store in
            for _ in 0..<2 {
                do {
                    _ = try await store.account(volume.identity("anna"))
                    Issue.record("the account was opened")
                } catch let error as StoreError {
                    #expect(error.code == .temporary)
                    #expect(error.detail.contains("\(volume.directory)/anna"))
                }
            }
            // Others are not concerned.
            _ = try await store.account(volume.identity("bert"))
        }
        self.bringBack(volume)
        let after = try await volume.with { store in try await self.look(store, volume) }
        #expect(after == before)
        #expect(volume.problems == [])
    }

    /// The file system goes away while sessions are there.
    @Test(arguments: [Place.emptyDirectory, .directoryWithNote]) func openAccountWaits(_ place: Place) async throws {
        let volume = try TestVolume()
        try await volume.with { store in
            try await self.fill(store, volume)
            let before = try await self.look(store, volume)
            let account = try await store.account(volume.identity("anna"))
            let inbox = try await account.open(.inbox, .readWrite, onChange: {})
            self.takeAway(volume, place)
            await self.expectRefusal("LIST") { _ = try await account.mailboxes() }
            await self.expectRefusal("a resync") { try await account.resync(.inbox) }
            await self.expectRefusal("a delivery") { try await store.put(message("late"), account) }
            await self.expectRefusal("FETCH") { _ = try await inbox.subjects() }
            #expect(inbox.snapshot().count == 2)
            self.bringBack(volume)
            #expect(try await self.look(store, volume) == before)
            #expect(try await inbox.subjects() == ["m2", "m3"])
            inbox.close()
        }
    }

    @Test(arguments: [true, false]) func anAdministratorLetsItBeginAnew(_ isOpen: Bool) async throws {
        let volume = try TestVolume()
        let identity = volume.identity("anna")
        let before = try await volume.with { store in
            try await self.fill(store, volume)
            #expect(try await store.beginAnew(identity) == false)
            if isOpen {
                self.takeAway(volume, .nothing)
                #expect(try await store.beginAnew(identity))
                let account = try await store.account(identity)
                #expect(try await account.status(of: .inbox).messages == 0)
                #expect(try await account.mailboxes().map(\.name) == [.inbox])
            }
            return try await store.account(identity).status(of: .inbox)
        }
        if !isOpen { self.takeAway(volume, .emptyDirectory) }
        try await volume.with { store in
            if !isOpen { #expect(try await store.beginAnew(identity)) }
            let account = try await store.account(identity)
            #expect(try await account.status(of: .inbox).messages == 0)
            let stored = try await store.put(message("new"), account)
            #expect(stored.uid.rawValue >= before.uidNext.rawValue)
            #expect(try await account.mailboxes().map(\.name) == [.inbox])
            #expect(try await store.beginAnew(identity) == false)
            await #expect(throws: StoreError.self) { _ = try await store.beginAnew(volume.identity("nobody")) }
        }
    }

    /// That an open account cannot list its files now, as for want of descriptors, does not mean that they are away.
    @Test func whatCannotBeListedIsNotAway() async throws {
        let volume = try TestVolume()
        let identity = volume.identity("anna")
        var format = UnsyncedFormat(format: MaildirFormat(MaildirOptions()))
        format.isSynced = true
        try await volume.with { [format] in
            $0.bodyFormats["maildir"] = format
        } _: { store in
            let account = try await store.account(identity)
            try await store.put(message("m"), account)
            format.listing.isThere.withLock { $0 = true }
            #expect(try await store.beginAnew(identity) == false)
            format.listing.isThere.withLock { $0 = false }
            #expect(try await account.status(of: .inbox).messages == 1)
        }
    }

    /// The index knows of no mail in it, the open account knows that there was some.
    @Test func anEmptiedOpenAccountBeginsAnew() async throws {
        let volume = try TestVolume()
        let identity = volume.identity("anna")
        try await volume.with { store in
            let account = try await store.account(identity)
            try await store.put(message("m"), account)
            let inbox = try await account.open(.inbox, .readWrite, onChange: {})
            _ = try await inbox.remove([.first])
            inbox.close()
            try await store.finishFileWork()
            self.takeAway(volume, .emptyDirectory)
            await self.expectRefusal("a delivery") { try await store.put(message("late"), account) }
            #expect(try await store.beginAnew(identity))
            #expect(try await store.put(message("new"), account).uid > .first)
            #expect(try await store.beginAnew(identity) == false)
        }
    }

    @Test func anAccountWithoutMailIsMadeAgain() async throws {
        let volume = try TestVolume()
        let draft = IndexedStore.MailboxDefault(name: try #require(MailboxName("Drafts")), creation: .create)
        try await volume.with {
            $0.mailboxDefaults = [draft]
        } _: { store in
            _ = try await store.account(volume.identity("anna"))
        }
        Shell.remove("\(volume.directory)/anna")
        try await volume.with {
            $0.mailboxDefaults = [draft]
        } _: { store in
            let account = try await store.account(volume.identity("anna"))
            try await store.put(message("first"), account)
            #expect(try await account.mailboxes().count == 2)
        }
    }

    private static let unsynced: @Sendable (inout IndexedStore.Configuration) -> Void = {
        var options = MaildirOptions()
        options.syncTextFiles = false
        $0.bodyFormats["maildir"] = UnsyncedFormat(format: MaildirFormat(options))
    }

    /// Puts what was copied as `crashed` in the volume's place.
    private func crash(_ volume: TestVolume) {
        // What tells a copied volume from one that is where it was.
        rename("\(volume.directory)/volume/log/place", "\(volume.directory)/crashed/log/place")
        Shell.remove("\(volume.directory)/volume")
        rename("\(volume.directory)/crashed", "\(volume.directory)/volume")
    }

    /// What a crash left to be done to message files is done when they are there, and not at the next start alone.
    @Test func workFromBeforeTheStartIsDoneLater() async throws {
        let volume = try TestVolume()
        let mail = volume.directory
        try await volume.with { store in try await self.fill(store, volume) }
        Shell.copy("\(mail)/anna", "\(mail)/before")
        try await volume.with(Self.unsynced) { store in
            let anna = try await store.account(volume.identity("anna"))
            let inbox = try await anna.open(.inbox, .readWrite, onChange: {})
            let uids = inbox.snapshot().records.map(\.uid)
            _ = try await inbox.store(
                FlagChange(.add, [.seen]), UIDSet(uids[1]...uids[1]), unchangedSince: nil)
            _ = try await inbox.expunge(UIDSet(uids[0]...uids[0]))
            inbox.close()
            try await store.put(message("late"), anna)
            Shell.copy("\(mail)/volume", "\(mail)/crashed")
        }
        self.crash(volume)
        // The file system has none of this.
        Shell.remove("\(mail)/anna")
        rename("\(mail)/before", "\(mail)/unmounted")
        try await volume.with { store in
            await self.expectRefusal("the account") { _ = try await store.account(volume.identity("anna")) }
            self.bringBack(volume)
            let anna = try await store.account(volume.identity("anna"))
            let inbox = try await anna.open(.inbox, .readOnly, onChange: {})
            try await store.finishFileWork()
            #expect(try await inbox.subjects() == ["m3", "late"])
            inbox.close()
            let names = Shell.names("\(mail)/anna/cur")
            #expect(names.count == 1 && names[0].hasSuffix(":2,ST"), "\(names)")
        }
        try await volume.with { store in
            let anna = try await store.account(volume.identity("anna"))
            #expect(try await anna.status(of: .inbox).messages == 2)
        }
    }

    /// Changes from before a crash that are still to be made to an account whose mail is away are made when it is back, and
    /// not once more to other accounts, which are in use.
    @Test func eachAccountIsRestoredByItself() async throws {
        let volume = try TestVolume()
        let mail = volume.directory
        let work = try #require(Self.work)
        try await volume.with { store in
            try await self.fill(store, volume)
            try await store.put(message("m"), try await store.account(volume.identity("bert")))
        }
        try await volume.with(Self.unsynced) { store in
            for name in ["anna", "bert"] {
                let account = try await store.account(volume.identity(name))
                if name == "bert" { try await account.create(work, specialUse: nil) }
                try await account.subscribe(work)
                try await store.put(message("late"), account, work)
            }
            Shell.copy("\(mail)/volume", "\(mail)/crashed")
        }
        self.crash(volume)
        // The file system has nothing of it.
        Shell.remove("\(mail)/bert/.Work")
        for name in ["anna", "bert"] { Shell.remove("\(mail)/\(name)/subscriptions") }
        self.takeAway(volume, .nothing)
        let looks = LookCount()
        try await volume.with {
            var options = MaildirOptions()
            options.syncTextFiles = false
            $0.bodyFormats["maildir"] = UnsyncedFormat(format: MaildirFormat(options), isSynced: true, looks: looks)
        } _: { store in
            let bert = try await store.account(volume.identity("bert"))
            #expect(try await bert.subscriptions() == [work])
            #expect(try await bert.status(of: work).messages == 1)
            try await bert.unsubscribe(work)
            try await bert.delete(work)
            // What looks for it is one attempt each second.
            let before = looks.count
            let end = ContinuousClock.now + .seconds(20)
            while looks.count < before + 2, ContinuousClock.now < end { _ = try await bert.subscriptions() }
            #expect(try await bert.subscriptions() == [])
            #expect(try await bert.mailboxes().map(\.name) == [.inbox])
            await self.expectRefusal("the account") { _ = try await store.account(volume.identity("anna")) }
            self.bringBack(volume)
            try await store.finishFileWork()
            let anna = try await store.account(volume.identity("anna"))
            #expect(try await anna.subscriptions() == [work])
            #expect(try await anna.status(of: work).messages == 2)
            #expect(try await bert.subscriptions() == [])
        }
    }

    /// A checkpoint knows of messages whose files are still to be written: without the index, the log has them.
    @Test func anIndexMadeAgainKnowsWhatIsLeft() async throws {
        let volume = try TestVolume()
        let mail = volume.directory
        try await volume.with { store in try await self.fill(store, volume) }
        try await volume.with(Self.unsynced) { store in
            try await store.put(message("late"), try await store.account(volume.identity("anna")))
            Shell.copy("\(mail)/volume", "\(mail)/crashed")
        }
        self.crash(volume)
        for folder in ["new", "cur"] {
            for name in Shell.names("\(mail)/anna/\(folder)") {
                let path = "\(mail)/anna/\(folder)/\(name)"
                let text = Shell.read(path).map { String(decoding: $0, as: UTF8.self) } ?? ""
                if text.contains("Subject: late") { unlink(path) }
            }
        }
        self.takeAway(volume, .nothing)
        try await volume.with { store in
            for number in 0..<3 {
                try await store.put(message("b\(number)"), try await store.account(volume.identity("bert")))
            }
            try await store.keepLogShort()
        }
        Shell.remove("\(mail)/volume/index")
        self.bringBack(volume)
        try await volume.with { store in
            let anna = try await store.account(volume.identity("anna"))
            try await store.finishFileWork()
            let inbox = try await anna.open(.inbox, .readOnly, onChange: {})
            #expect(try await inbox.subjects() == ["m2", "m3", "late"])
            inbox.close()
            let bert = try await store.account(volume.identity("bert"))
            #expect(try await bert.status(of: .inbox).messages == 3)
        }
    }

    /// While the mail of one account is away, what others did is not repeated by each start: a mailbox that was deleted then,
    /// and made again by another program, stays.
    @Test func aStartRepeatsOnlyWhatWasLeftUndone() async throws {
        let volume = try TestVolume()
        let mail = volume.directory
        let work = try #require(Self.work)
        try await volume.with { store in try await self.fill(store, volume) }
        try await volume.with(Self.unsynced) { store in
            let anna = try await store.account(volume.identity("anna"))
            try await store.put(message("late"), anna)
            try await anna.subscribe(work)
            Shell.copy("\(mail)/volume", "\(mail)/crashed")
        }
        self.crash(volume)
        self.takeAway(volume, .nothing)
        try await volume.with { store in
            let bert = try await store.account(volume.identity("bert"))
            try await bert.create(work, specialUse: nil)
            try await store.put(message("m"), bert, work)
            try await bert.delete(work)
            await self.expectRefusal("the account") { _ = try await store.account(volume.identity("anna")) }
        }
        for folder in ["", "/cur", "/new", "/tmp"] { mkdir("\(mail)/bert/.Work\(folder)", 0o700) }
        Shell.write(Array("Subject: theirs\n\nx\n".utf8), "\(mail)/bert/.Work/new/1700000000.M1P1.elsewhere")
        for _ in 0..<2 {
            try await volume.with { store in
                let bert = try await store.account(volume.identity("bert"))
                #expect(try await bert.status(of: work).messages == 1)
            }
        }
        self.bringBack(volume)
        try await volume.with { store in
            let anna = try await store.account(volume.identity("anna"))
            #expect(try await anna.status(of: .inbox).messages == 3)
            #expect(try await anna.subscriptions() == [work])
        }
    }

    /// The power fails before the file system has a new account's directory; that of an old one is not mounted at the
    /// next start.
    @Test func powerLossIsToldFromAMissingMount() async throws {
        let volume = try TestVolume()
        let mail = volume.directory
        try await volume.with { store in try await self.fill(store, volume) }
        try await volume.with(Self.unsynced) { store in
            let anna = try await store.account(volume.identity("anna"))
            try await store.put(message("late"), anna)
            let bert = try await store.account(volume.identity("bert"))
            try await bert.create(try #require(Self.work), specialUse: nil)
            try await store.put(message("hello"), bert)
            Shell.copy("\(mail)/volume", "\(mail)/crashed")
        }
        self.crash(volume)
        Shell.remove("\(mail)/bert")
        self.takeAway(volume, .emptyDirectory)
        try await volume.with { store in
            let bert = try await store.account(volume.identity("bert"))
            #expect(try await bert.status(of: .inbox).messages == 1)
            #expect(try await bert.mailboxes().map(\.name.text) == ["INBOX", "Work"])
            await self.expectRefusal("the account") { _ = try await store.account(volume.identity("anna")) }
            self.bringBack(volume)
            let anna = try await store.account(volume.identity("anna"))
            #expect(try await anna.status(of: .inbox).messages == 3)
        }
        try await volume.with { store in
            let anna = try await store.account(volume.identity("anna"))
            let inbox = try await anna.open(.inbox, .readOnly, onChange: {})
            #expect(try await inbox.subjects() == ["m2", "m3", "late"])
            inbox.close()
        }
    }
}
