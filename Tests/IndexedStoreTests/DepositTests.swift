import Glibc
import IndexedStore
import MIMECore
import MailCore
import MailStore
import Synchronization
import Testing

@Suite struct DepositTests {
    @Test(arguments: TestFormat.allCases) func storedMessageIsRead(_ format: TestFormat) async throws {
        let volume = try TestVolume(format)
        try await volume.with { store in
            let account = try await store.account(volume.identity("anna"))
            let stored = try await store.put(message("one"), account)
            #expect(stored.uid == .first)
            let inbox = try await account.open(.inbox, .readWrite, onChange: {})
            defer { inbox.close() }
            #expect(inbox.snapshot().count == 1)
            #expect(inbox.snapshot().uidNext == UID(nonZero: 2))
            #expect(try await inbox.subjects() == ["one"])
            #expect(inbox.takeRecent() == [.first])
            #expect(inbox.takeRecent().isEmpty)
            let status = try await account.status(of: .inbox)
            #expect(status.messages == 1)
            #expect(status.unseen == 1)
            #expect(status.uidValidity == stored.uidValidity)
        }
    }

    @Test(arguments: TestFormat.allCases) func openSessionSeesArrivals(_ format: TestFormat) async throws {
        let volume = try TestVolume(format)
        try await volume.with { store in
            let account = try await store.account(volume.identity("anna"))
            let inbox = try await account.open(.inbox, .readOnly, onChange: {})
            defer { inbox.close() }
            for number in 1...5 { try await store.put(message("m\(number)"), account) }
            #expect(try await inbox.subjects() == ["m1", "m2", "m3", "m4", "m5"])
            var sizes: [Int] = []
            try await inbox.caches(of: inbox.snapshot().records) { record, view in
                if let view, view.size == Int(record.size) { sizes.append(view.size) }
                return true
            }
            #expect(sizes.count == 5)
        }
    }

    /// A message whose file is in place before that of the one before it is answered for when it can be found.
    @Test func answeredMessageIsFound() async throws {
        let volume = try TestVolume(.maildir)
        let turnstile = Turnstile(1)
        let placed = Mutex(0)
        try await volume.with {
            $0.crashPoint = { point in
                if point == .beforePublish { turnstile.pass() }
                if point == .afterPublish { placed.withLock { $0 += 1 } }
            }
        } _: { store in
            let account = try await store.account(volume.identity("anna"))
            let inbox = try await account.open(.inbox, .readOnly, onChange: {})
            defer { inbox.close() }
            async let slow = store.put(message("slow"), account)
            await eventually { turnstile.isHolding }
            let isAnswered = Mutex(false)
            async let quick: Int = {
                try await store.put(message("quick"), account)
                isAnswered.withLock { $0 = true }
                return inbox.snapshot().count
            }()
            await eventually { placed.withLock { $0 } == 1 }
            #expect(inbox.snapshot().count == 0)
            #expect(!isAnswered.withLock { $0 })
            turnstile.open()
            #expect(try await quick == 2)
            _ = try await slow
            #expect(try await inbox.subjects() == ["slow", "quick"])
        }
    }

    /// Of messages that are stored all or none, none is seen when the file of one cannot be put in its place.
    @Test func noneIsStoredWhenOneCannotBe() async throws {
        let volume = try TestVolume(.maildir)
        let root = "\(volume.directory)/anna"
        let isBroken = Mutex(false)
        try await volume.with {
            $0.crashPoint = { point in
                guard point == .beforePublish, isBroken.withLock({ $0 }) else { return }
                // Where messages with flags go, there is a file.
                rename("\(root)/cur", "\(root)/away")
                close(open("\(root)/cur", O_CREAT | O_WRONLY, 0o600))
            }
        } _: { store in
            let account = try await store.account(volume.identity("anna"))
            try await store.put(message("before"), account)
            let inbox = try await account.open(.inbox, .readOnly, onChange: {})
            defer { inbox.close() }
            isBroken.withLock { $0 = true }
            let deposits = [
                Deposit(message: message("new"), account: account, mailbox: .inbox),
                Deposit(message: message("flagged"), account: account, mailbox: .inbox, flags: [.flagged]),
            ]
            await #expect(throws: StoreError.self) { try await store.depositAll(deposits) }
            isBroken.withLock { $0 = false }
            unlink("\(root)/cur")
            rename("\(root)/away", "\(root)/cur")
            #expect(try await inbox.subjects() == ["before"])
            try await store.put(message("after"), account)
            #expect(try await inbox.subjects() == ["before", "after"])
        }
        try await volume.with { store in
            let account = try await store.account(volume.identity("anna"))
            let inbox = try await account.open(.inbox, .readOnly, onChange: {})
            #expect(try await inbox.subjects() == ["before", "after"])
            inbox.close()
        }
        #expect(Shell.names("\(root)/new").count + Shell.names("\(root)/cur").count == 2)
    }

    @Test(arguments: TestFormat.allCases) func manyRecipientsInOneCall(_ format: TestFormat) async throws {
        let volume = try TestVolume(format)
        try await volume.with { store in
            let shared = message("shared")
            var deposits: [Deposit] = []
            for number in 0..<8 {
                let account = try await store.account(volume.identity("user\(number)"))
                deposits.append(Deposit(message: shared, account: account, mailbox: .inbox))
            }
            // One of them to a mailbox that is not there.
            deposits[3].mailbox = try #require(MailboxName("Absent"))
            let results = await store.deposit(deposits)
            #expect(results.count == 8)
            for (index, result) in results.enumerated() {
                switch result {
                case .success(let stored):
                    #expect(index != 3)
                    #expect(stored.uid == .first)
                case .failure(let error):
                    #expect(index == 3)
                    #expect(error.code == .notFound)
                }
            }
            for number in [0, 7] {
                let account = try await store.account(volume.identity("user\(number)"))
                let inbox = try await account.open(.inbox, .readOnly, onChange: {})
                #expect(try await inbox.subjects() == ["shared"])
                inbox.close()
            }
        }
    }

    @Test(arguments: TestFormat.allCases) func allOrNone(_ format: TestFormat) async throws {
        let volume = try TestVolume(format)
        try await volume.with { store in
            let account = try await store.account(volume.identity("anna"))
            let absent = try #require(MailboxName("Absent"))
            let deposits = [
                Deposit(message: message("a"), account: account, mailbox: .inbox),
                Deposit(message: message("b"), account: account, mailbox: absent),
            ]
            await #expect(throws: StoreError.self) { try await store.depositAll(deposits) }
            #expect(try await account.status(of: .inbox).messages == 0)
            let both = try await store.depositAll([
                Deposit(message: message("c"), account: account, mailbox: .inbox, flags: [.seen]),
                Deposit(message: message("d"), account: account, mailbox: .inbox, internalDate: 1_000_000),
            ])
            #expect(both.map(\.uid.rawValue) == [1, 2])
            let inbox = try await account.open(.inbox, .readOnly, onChange: {})
            #expect(try await inbox.subjects() == ["c", "d"])
            #expect(inbox.snapshot()[0].flags == [.seen])
            #expect(inbox.snapshot()[1].internalDate == 1_000_000)
            inbox.close()
        }
    }

    /// What is refused with others gives no keyword a number: nothing would name it after a restart.
    @Test(arguments: TestFormat.allCases) func keywordsOfWhatIsRefused(_ format: TestFormat) async throws {
        let volume = try TestVolume(format)
        let (early, late) = (try #require(Keyword("early")), try #require(Keyword("late")))
        func names(_ snapshot: MailboxSnapshot) -> [[String]] {
            snapshot.records.map { record in
                snapshot.keywords.numbers(in: record.keywords).map { snapshot.keywords.keywords[Int($0)].name }
            }
        }
        try await volume.with { store in
            let account = try await store.account(volume.identity("anna"))
            account.apply(QuotaTests.rules(messages: 1))
            await #expect(throws: StoreError.self) {
                try await store.depositAll([
                    Deposit(
                        message: message("a"), account: account, mailbox: .inbox, keywords: [early], strictness: .exact),
                    Deposit(message: message("b"), account: account, mailbox: .inbox, strictness: .exact),
                ])
            }
            account.apply(QuotaTests.rules())
            try await store.put(message("c"), account, keywords: [late])
            try await store.put(message("d"), account, keywords: [early])
            try await store.put(message("e"), account, keywords: [early, late])
            let inbox = try await account.open(.inbox, .readOnly, onChange: {})
            #expect(names(inbox.snapshot()).map(Set.init) == [["late"], ["early"], ["early", "late"]])
            inbox.close()
        }
        try await volume.with { store in
            let account = try await store.account(volume.identity("anna"))
            let inbox = try await account.open(.inbox, .readOnly, onChange: {})
            #expect(names(inbox.snapshot()).map(Set.init) == [["late"], ["early"], ["early", "late"]])
            inbox.close()
        }
    }

    @Test(arguments: TestFormat.allCases) func parallelDeliveries(_ format: TestFormat) async throws {
        let volume = try TestVolume(format)
        try await volume.with { store in
            let accounts = [
                try await store.account(volume.identity("anna")),
                try await store.account(volume.identity("bert")),
            ]
            let inbox = try await accounts[0].open(.inbox, .readWrite, onChange: {})
            await withTaskGroup(of: Void.self) { group in
                for task in 0..<32 {
                    group.addTask {
                        for number in 0..<5 {
                            let results = await store.deposit([
                                Deposit(
                                    message: message("t\(task)-\(number)"), account: accounts[task % 2],
                                    mailbox: .inbox)
                            ])
                            for result in results { #expect(throws: Never.self) { try result.get() } }
                        }
                    }
                }
            }
            #expect(inbox.snapshot().uids == Array(1...80))
            #expect(Set(try await inbox.subjects()).count == 80)
            #expect(try await accounts[1].status(of: .inbox).messages == 80)
            inbox.close()
        }
    }

    @Test(arguments: TestFormat.allCases) func reopenedVolumeHasEverything(_ format: TestFormat) async throws {
        let volume = try TestVolume(format)
        let (validity, modSeq) = try await volume.with { store in
            let account = try await store.account(volume.identity("anna"))
            for number in 1...3 {
                try await store.put(
                    message("m\(number)"), account, keywords: [try #require(Keyword("$k\(number)"))])
            }
            let inbox = try await account.open(.inbox, .readWrite, onChange: {})
            _ = try await inbox.store(FlagChange(.add, [.seen]), [UID(nonZero: 2)], unchangedSince: nil)
            _ = try await inbox.remove([UID(nonZero: 1)])
            defer { inbox.close() }
            return (inbox.snapshot().uidValidity, inbox.snapshot().highestModSeq)
        }
        try await volume.with { store in
            #expect(store.openReport.wasClean)
            #expect(store.openReport.replayedRecords == 0)
            let account = try await store.account(volume.identity("anna"))
            let inbox = try await account.open(.inbox, .readWrite, onChange: {})
            let snapshot = inbox.snapshot()
            #expect(snapshot.uids == [2, 3])
            #expect(snapshot.uidValidity == validity)
            #expect(snapshot.highestModSeq == modSeq)
            #expect(snapshot[0].flags == [.seen])
            #expect(
                snapshot.keywords.numbers(in: snapshot[0].keywords).map {
                    snapshot.keywords.keywords[Int($0)].name
                } == ["$k2"])
            #expect(try await inbox.subjects() == ["m2", "m3"])
            #expect(inbox.takeRecent().map(\.rawValue) == [2, 3])
            inbox.close()
            #expect(try await store.accountNames() == ["anna"])
        }
        #expect(volume.messages.withLock { $0 } == [])
    }
}
