import Glibc
import MailCore
import MailStore
import Synchronization
import Testing

@testable import IndexedStore

/// Flags that each reader of a shared mailbox has of his own.
@Suite struct PrivateFlagTests {
    private static let work = MailboxName("Work") ?? .inbox

    private func uids(_ numbers: UInt32...) -> UIDSet { UIDSet(numbers.compactMap { UID(rawValue: $0) }) }

    private final class Counter: Sendable {
        private let number = Mutex(0)
        var value: Int { self.number.withLock { $0 } }
        func count() { self.number.withLock { $0 += 1 } }
    }

    /// Anna's mailbox, and two who read it.
    private struct Site {
        let store: IndexedStore
        let anna: any MailAccount
        let bert: PrivateFlags
        let carl: PrivateFlags

        init(_ volume: TestVolume, _ store: IndexedStore, includesKeywords: Bool = false) async throws {
            self.store = store
            self.anna = try await store.account(volume.identity("anna"))
            self.bert = PrivateFlags(
                of: try await store.account(volume.identity("bert")), .seen, includesKeywords: includesKeywords)
            self.carl = PrivateFlags(
                of: try await store.account(volume.identity("carl")), .seen, includesKeywords: includesKeywords)
        }

        func fill(_ count: Int) async throws {
            for number in 0..<count { try await self.store.put(message("m\(number + 1)"), self.anna) }
        }

        func open(
            _ own: PrivateFlags?, _ name: MailboxName = .inbox, onChange: @escaping @Sendable () -> Void = {}
        ) async throws -> any Mailbox {
            try await self.anna.open(name, .readWrite, as: own, onChange: onChange)
        }

        func unseen(_ own: PrivateFlags?, _ name: MailboxName = .inbox) async throws -> Int {
            try await self.anna.status(of: name, as: own).unseen
        }
    }

    private func seen(_ mailbox: any Mailbox) -> [UInt32] {
        mailbox.snapshot().records.filter { $0.flags.contains(.seen) }.map(\.uid.rawValue)
    }

    @Test(arguments: TestFormat.allCases) func eachHasHisOwn(_ format: TestFormat) async throws {
        let volume = try TestVolume(format)
        try await volume.with { store in
            let site = try await Site(volume, store)
            try await site.fill(700)
            let told = (bert: Counter(), carl: Counter())
            let anna = try await site.open(nil)
            let bert = try await site.open(site.bert, onChange: { told.bert.count() })
            let other = try await site.open(site.bert)
            let carl = try await site.open(site.carl, onChange: { told.carl.count() })
            let before = carl.snapshot()
            let result = try await bert.store(FlagChange(.add, [.seen]), self.uids(2, 600), unchangedSince: nil)
            let modSeq = try #require(result.modSeq)
            #expect(self.seen(bert) == [2, 600])
            #expect(self.seen(other) == [2, 600])
            #expect(self.seen(carl) == [] && self.seen(anna) == [])
            #expect(told.bert.value == 1)
            #expect(told.carl.value == 0)
            #expect(bert.snapshot().record(of: UID(nonZero: 2))?.modSeq == modSeq)
            #expect(bert.snapshot().highestModSeq == modSeq)
            // To the others nothing changed but that a MODSEQ was given.
            #expect(MailboxChanges(from: before, to: carl.snapshot()).isEmpty)
            #expect(carl.snapshot().highestModSeq == modSeq)
            #expect(try await site.unseen(site.bert) == 698)
            #expect(try await site.unseen(site.carl) == 700)
            #expect(try await site.unseen(nil) == 700)
            // What all share, and the reader's own, in one change with one MODSEQ.
            let both = try await carl.store(
                FlagChange(.replace, [.seen, .flagged]), self.uids(3), unchangedSince: nil)
            #expect(told.carl.value == 1)
            #expect(told.bert.value == 2)
            #expect(carl.snapshot().record(of: UID(nonZero: 3))?.flags == [.seen, .flagged])
            #expect(bert.snapshot().record(of: UID(nonZero: 3))?.flags == [.flagged])
            #expect(bert.snapshot().record(of: UID(nonZero: 3))?.modSeq == both.modSeq)
            // The owner's \Seen is the owner's.
            _ = try await anna.store(FlagChange(.add, [.seen]), self.uids(2, 5), unchangedSince: nil)
            #expect(self.seen(bert) == [2, 600] && self.seen(carl) == [3])
            _ = try await bert.store(FlagChange(.remove, [.seen]), self.uids(2), unchangedSince: nil)
            #expect(self.seen(anna) == [2, 5] && self.seen(bert) == [600])
            // UNCHANGEDSINCE asks for what the reader has seen.
            let late = try await bert.store(
                FlagChange(.add, [.seen]), self.uids(2, 4), unchangedSince: modSeq)
            #expect(late.modified == self.uids(2))
            #expect(self.seen(bert) == [4, 600])
            #expect(try await site.unseen(site.bert) == 698)
            for mailbox in [anna, bert, other, carl] { mailbox.close() }
            // From the index, too.
            #expect(try await site.unseen(site.bert) == 698)
            #expect(try await site.unseen(site.carl) == 699)
            let again = try await site.open(site.bert)
            #expect(self.seen(again) == [4, 600])
            #expect(again.snapshot().record(of: UID(nonZero: 2))?.modSeq ?? .zero > modSeq)
            again.close()
        }
        #expect(volume.problems == [])
    }

    @Test(arguments: TestFormat.allCases) func newAndGoneMessages(_ format: TestFormat) async throws {
        let volume = try TestVolume(format)
        try await volume.with { store in
            let site = try await Site(volume, store)
            try await site.fill(3)
            let bert = try await site.open(site.bert)
            _ = try await bert.store(FlagChange(.add, [.seen]), self.uids(1, 2, 3), unchangedSince: nil)
            try await site.store.put(message("m4"), site.anna, flags: [.seen])
            #expect(self.seen(bert) == [1, 2, 3])
            #expect(try await site.unseen(site.bert) == 1)
            let anna = try await site.open(nil)
            _ = try await anna.remove(self.uids(2, 4))
            #expect(try await site.unseen(site.bert) == 0)
            #expect(bert.snapshot().uids == [1, 3])
            bert.close()
            #expect(try await site.unseen(site.bert) == 0)
            _ = try await anna.remove(self.uids(1))
            anna.close()
            #expect(try await site.unseen(site.bert) == 0)
            let schema = store.volume.schema
            try await store.finishFileWork()
            let key = MailboxKey(account: 1, mailbox: 1)
            #expect(try schema.privateFlags(key, reader: "bert").map(\.uid.rawValue) == [3])
            #expect(try schema.seenCount(key, reader: "bert") == 1)
        }
        #expect(volume.problems == [])
    }

    @Test(arguments: TestFormat.allCases) func depositsAreTheDepositorsOwn(_ format: TestFormat) async throws {
        let volume = try TestVolume(format)
        try await volume.with { store in
            let site = try await Site(volume, store)
            let bert = try await site.open(site.bert)
            let deposit = Deposit(
                message: message("m1"), account: Destination(site.anna, site.bert), mailbox: .inbox,
                flags: [.seen, .flagged])
            _ = try await store.depositAll([deposit])
            #expect(bert.snapshot().records.map(\.flags) == [[.seen, .flagged]])
            let anna = try await site.open(nil)
            #expect(anna.snapshot().records.map(\.flags) == [[.flagged]])
            #expect(try await site.unseen(site.bert) == 0)
            bert.close()
            anna.close()
            // Nobody has it open.
            let other = Deposit(
                message: message("m2"), account: Destination(site.anna, site.carl), mailbox: .inbox, flags: [.seen])
            _ = try await store.depositAll([other])
            #expect(try await site.unseen(site.bert) == 1)
            #expect(try await site.unseen(site.carl) == 1)
            let carl = try await site.open(site.carl)
            #expect(self.seen(carl) == [2])
            carl.close()
        }
        #expect(volume.problems == [])
    }

    @Test(arguments: TestFormat.allCases) func copyAndMove(_ format: TestFormat) async throws {
        let volume = try TestVolume(format)
        try await volume.with { store in
            let site = try await Site(volume, store)
            try await site.anna.create(Self.work, specialUse: nil)
            try await site.fill(4)
            let anna = try await site.open(nil)
            let bert = try await site.open(site.bert)
            let carl = try await site.open(site.carl)
            _ = try await anna.store(FlagChange(.add, [.seen]), self.uids(1, 2), unchangedSince: nil)
            _ = try await bert.store(FlagChange(.add, [.seen]), self.uids(2, 3), unchangedSince: nil)
            _ = try await carl.store(FlagChange(.add, [.seen]), self.uids(3, 4), unchangedSince: nil)
            carl.close()
            let work = DepositDestination(
                account: site.anna, name: Self.work, rights: .all, privateFlags: site.bert)
            let target = try await site.open(site.bert, Self.work)
            // A copy is new to the others, and to the owner what it is a copy of.
            _ = try await bert.transfer(self.uids(2, 3), to: work, .copy)
            #expect(self.seen(target) == [1, 2])
            #expect(try await site.unseen(nil, Self.work) == 1)
            #expect(try await site.unseen(site.carl, Self.work) == 2)
            // Moved, it is read by all who had read it.
            _ = try await bert.transfer(self.uids(1, 3, 4), to: work, .move)
            #expect(self.seen(target) == [1, 2, 4])
            let others = try await site.open(site.carl, Self.work)
            #expect(self.seen(others) == [4, 5])
            let owner = try await site.open(nil, Self.work)
            #expect(self.seen(owner) == [1, 3])
            // Out of it: what the mover sees. Into it from elsewhere: the owner has not read it.
            let own = DepositDestination(account: site.bert.reader, name: .inbox, rights: .all)
            _ = try await target.transfer(self.uids(1, 3, 4), to: own, .move)
            let bertsOwn = try await site.bert.reader.open(.inbox, .readWrite, onChange: {})
            #expect(self.seen(bertsOwn) == [1, 3])
            _ = try await bertsOwn.transfer(self.uids(1, 2), to: work, .move)
            #expect(self.seen(target) == [2, 6])
            #expect(self.seen(owner) == [])
            #expect(target.snapshot().uids == [2, 5, 6, 7])
            // By the owner herself.
            let inbox = DepositDestination(account: site.anna, name: .inbox, rights: .all)
            _ = try await owner.transfer(self.uids(5, 6), to: inbox, .move)
            #expect(self.seen(bert) == [2, 6])
            for mailbox in [anna, bert, target, others, owner, bertsOwn] { mailbox.close() }
            let carls = try await site.open(site.carl)
            #expect(self.seen(carls) == [5])
            carls.close()
        }
        #expect(volume.problems == [])
    }

    @Test(arguments: TestFormat.allCases) func keywordsToo(_ format: TestFormat) async throws {
        let volume = try TestVolume(format)
        let (mine, yours) = (try #require(Keyword("mine")), try #require(Keyword("yours")))
        func names(_ mailbox: any Mailbox) -> [[String]] {
            let snapshot = mailbox.snapshot()
            return snapshot.records.map { record in
                snapshot.keywords.numbers(in: record.keywords).map { snapshot.keywords.keywords[Int($0)].name }
            }
        }
        try await volume.with { store in
            let site = try await Site(volume, store, includesKeywords: true)
            try await site.fill(2)
            let anna = try await site.open(nil)
            let bert = try await site.open(site.bert)
            let carl = try await site.open(site.carl)
            _ = try await anna.store(FlagChange(.add, [], [yours]), self.uids(1), unchangedSince: nil)
            _ = try await bert.store(FlagChange(.add, [.flagged], [mine, yours]), self.uids(1, 2), unchangedSince: nil)
            _ = try await bert.store(FlagChange(.remove, [], [mine]), self.uids(2), unchangedSince: nil)
            #expect(names(bert) == [["mine", "yours"], ["yours"]])
            #expect(names(carl) == [[], []])
            #expect(carl.snapshot().keywords.keywords == [])
            #expect(carl.snapshot().records.map(\.flags) == [[.flagged], [.flagged]])
            #expect(names(anna) == [["yours"], []])
            let deposit = Deposit(
                message: message("m3"), account: Destination(site.anna, site.bert), mailbox: .inbox, keywords: [mine])
            _ = try await store.depositAll([deposit])
            #expect(names(bert).last == ["mine"])
            #expect(names(anna).last == [])
            for mailbox in [anna, bert, carl] { mailbox.close() }
        }
        try await volume.with { store in
            let site = try await Site(volume, store, includesKeywords: true)
            let bert = try await site.open(site.bert)
            #expect(names(bert).prefix(3).map(Set.init) == [["mine", "yours"], ["yours"], ["mine"]])
            bert.close()
        }
        #expect(volume.problems == [])
    }

    /// How the index was lost.
    enum Loss: CaseIterable, Sendable { case none, gone, goneBehindCheckpoint }

    @Test(arguments: TestFormat.allCases, Loss.allCases) func rebuilt(_ format: TestFormat, _ loss: Loss) async throws {
        let volume = try TestVolume(format)
        let modSeqs = try await volume.with { store in
            let site = try await Site(volume, store)
            try await site.anna.create(Self.work, specialUse: nil)
            try await site.fill(6)
            let bert = try await site.open(site.bert)
            _ = try await bert.store(FlagChange(.add, [.seen]), self.uids(1, 2, 3), unchangedSince: nil)
            if loss == .goneBehindCheckpoint { try await store.keepLogShort() }
            _ = try await bert.store(FlagChange(.remove, [.seen]), self.uids(1), unchangedSince: nil)
            _ = try await bert.store(FlagChange(.add, [.seen]), self.uids(4, 5), unchangedSince: nil)
            _ = try await bert.remove(self.uids(2))
            let work = DepositDestination(account: site.anna, name: Self.work, rights: .all, privateFlags: site.bert)
            _ = try await bert.transfer(self.uids(5), to: work, .move)
            let modSeqs = bert.snapshot().records.map(\.modSeq)
            bert.close()
            return modSeqs
        }
        if loss != .none { unlink("\(volume.directory)/volume/index/data.mdb") }
        for _ in 0..<2 {
            try await volume.with { store in
                let site = try await Site(volume, store)
                #expect(try await site.unseen(site.bert) == 2)
                #expect(try await site.unseen(site.carl) == 4)
                #expect(try await site.unseen(site.bert, Self.work) == 0)
                let bert = try await site.open(site.bert)
                #expect(self.seen(bert) == [3, 4])
                #expect(bert.snapshot().records.map(\.modSeq) == modSeqs)
                bert.close()
                let work = try await site.open(site.bert, Self.work)
                #expect(self.seen(work) == [1])
                work.close()
            }
        }
    }

    @Test(arguments: TestFormat.allCases) func archived(_ format: TestFormat) async throws {
        let volume = try TestVolume(format)
        try await volume.with { store in
            let site = try await Site(volume, store, includesKeywords: true)
            try await site.fill(4)
            let keyword = try #require(Keyword("k"))
            let bert = try await site.open(site.bert)
            _ = try await bert.store(FlagChange(.add, [.seen]), self.uids(1, 2, 4), unchangedSince: nil)
            _ = try await bert.store(FlagChange(.add, [], [keyword]), self.uids(4), unchangedSince: nil)
            _ = try await bert.store(FlagChange(.remove, [.seen]), self.uids(1), unchangedSince: nil)
            bert.close()
            let archive = try await store.archive(site.anna)
            #expect(
                try await archive.privateFlags(of: 0) == [
                    ArchivedFlags(reader: "bert", flags: [.seen], keywords: [], uids: self.uids(2)),
                    ArchivedFlags(reader: "bert", flags: [.seen], keywords: [keyword], uids: self.uids(4)),
                ])
            #expect(try await archive.privateFlags(of: 1).isEmpty)
        }
        #expect(volume.problems == [])
    }

    @Test func goWithTheMailbox() async throws {
        let volume = try TestVolume()
        try await volume.with { store in
            let site = try await Site(volume, store)
            try await site.anna.create(Self.work, specialUse: nil)
            try await store.put(message("m"), site.anna, Self.work)
            let bert = try await site.open(site.bert, Self.work)
            _ = try await bert.store(FlagChange(.add, [.seen]), self.uids(1), unchangedSince: nil)
            try await site.anna.delete(Self.work)
            #expect(bert.isDeleted)
            bert.close()
            try await store.finishFileWork()
            try await store.keepLogShort()
            #expect(try store.volume.schema.privateFlags(MailboxKey(account: 1, mailbox: 2), reader: "bert").isEmpty)
        }
        #expect(volume.problems == [])
    }
}

/// An account as a user sees it who has flags of his own there.
private final class Destination: MailAccount {
    private let account: any MailAccount
    private let own: PrivateFlags

    init(_ account: any MailAccount, _ own: PrivateFlags) {
        self.account = account
        self.own = own
    }

    var identity: AccountIdentity { self.account.identity }
    var namespaces: [Namespace] { self.account.namespaces }
    var quotaNow: QuotaStatus { self.account.quotaNow }

    func destination(
        of name: MailboxName, _ missing: Deposit.MissingMailbox
    ) async throws(StoreError) -> DepositDestination {
        DepositDestination(account: self.account, name: name, rights: .all, privateFlags: self.own)
    }

    private static var unused: StoreError { StoreError(.cannot, "not for deposits") }
    func mailboxes() async throws(StoreError) -> [MailboxListing] { throw Self.unused }
    func resolve(_ name: MailboxName) async throws(StoreError) -> MailboxName { name }
    func subscriptions() async throws(StoreError) -> [MailboxName] { throw Self.unused }
    func create(_ name: MailboxName, specialUse: SpecialUse?) async throws(StoreError) { throw Self.unused }
    func delete(_ name: MailboxName) async throws(StoreError) { throw Self.unused }
    func rename(_ name: MailboxName, to target: MailboxName) async throws(StoreError) { throw Self.unused }
    func subscribe(_ name: MailboxName) async throws(StoreError) { throw Self.unused }
    func unsubscribe(_ name: MailboxName) async throws(StoreError) { throw Self.unused }
    func status(of name: MailboxName) async throws(StoreError) -> MailboxStatus { throw Self.unused }
    func open(
        _ name: MailboxName, _ access: MailboxAccess, onChange: @escaping @Sendable () -> Void
    ) async throws(StoreError) -> any Mailbox { throw Self.unused }
    func watchFiles(of name: MailboxName) async throws(StoreError) -> FileWatch? { nil }
    func metadata(of owner: MetadataOwner) async throws(StoreError) -> [Metadata] { [] }
    func setMetadata(_ changes: [MetadataChange], of owner: MetadataOwner) async throws(StoreError) {}
    func secret(
        _ entry: MetadataEntry, of owner: MetadataOwner, orElse value: [UInt8]?
    ) async throws(StoreError) -> [UInt8]? { nil }
    func setSecret(_ entry: MetadataEntry, _ value: [UInt8]?, of owner: MetadataOwner) async throws(StoreError) {}
    func resync(_ name: MailboxName) async throws(StoreError) {}
}
