import Glibc
import IndexedStore
import MailCore
import MailStore
import MaildirFormat
import Testing

@Suite struct MailboxTests {
    private func name(_ text: String) throws -> MailboxName { try #require(MailboxName(text)) }

    private func code(_ body: () async throws -> Void) async -> StoreError.Code? {
        do {
            try await body()
            return nil
        } catch {
            return (error as? StoreError)?.code
        }
    }

    @Test(arguments: TestFormat.allCases) func createListSubscribe(_ format: TestFormat) async throws {
        let volume = try TestVolume(format)
        try await volume.with { configuration in
            configuration.mailboxDefaults = [
                .init(name: MailboxName("Sent") ?? .inbox, specialUse: .sent, creation: .subscribe),
                .init(name: MailboxName("Junk") ?? .inbox, specialUse: .junk),
            ]
        } _: { store in
            let account = try await store.account(volume.identity("anna"))
            try await account.create(try self.name("A/B/Ünï"), specialUse: nil)
            try await account.create(try self.name("Old"), specialUse: .archive)
            try await account.subscribe(try self.name("A/B/Ünï"))
            try await account.subscribe(try self.name("Nowhere"))
            let list = try await account.mailboxes()
            #expect(list.map(\.name.text) == ["A", "A/B", "A/B/Ünï", "INBOX", "Old", "Sent"])
            #expect(list.map(\.isSelectable) == [false, false, true, true, true, true])
            #expect(list.map(\.hasChildren) == [true, true, false, false, false, false])
            #expect(list.map(\.isSubscribed) == [false, false, true, false, false, true])
            #expect(list.map(\.specialUse) == [nil, nil, nil, nil, .archive, .sent])
            #expect(try await account.subscriptions().map(\.text) == ["A/B/Ünï", "Nowhere", "Sent"])
            try await account.unsubscribe(try self.name("Nowhere"))
            try await account.unsubscribe(try self.name("Nowhere"))
            #expect(try await account.subscriptions().count == 2)
            #expect(
                await self.code { try await account.create(try self.name("Old"), specialUse: nil) }
                    == .alreadyExists)
            #expect(await self.code { try await account.create(.inbox, specialUse: nil) } == .alreadyExists)
            #expect(await self.code { _ = try await account.status(of: try self.name("A/B")) } == .notFound)
            #expect(await self.code { try await account.delete(try self.name("A/B")) } == .cannot)
            #expect(await self.code { _ = try await account.status(of: try self.name("C")) } == .notFound)
            #expect(await self.code { try await account.delete(.inbox) } == .cannot)
        }
        #expect(volume.problems == [])
    }

    /// Names in any normal form find the mailbox (RFC 9051 section 5.1), also for deliveries.
    @Test(arguments: TestFormat.allCases) func findsNamesInAnyNormalForm(_ format: TestFormat) async throws {
        let volume = try TestVolume(format)
        try await volume.with { store in
            let account = try await store.account(volume.identity("anna"))
            let composed = try self.name("\u{E9}")
            let decomposed = try self.name("e\u{301}")
            try await account.create(composed, specialUse: nil)
            #expect(try await account.resolve(decomposed) == composed)
            #expect(
                try await account.resolve(try self.name("e\u{301}/e\u{301}")) == self.name("\u{E9}/\u{E9}"))
            try await store.put(message("a"), account, decomposed)
            #expect(try await account.status(of: composed).messages == 1)
            #expect(try await account.mailboxes().count == 2)
            // Made by somebody else in another form: that is its name.
            try await account.rename(composed, to: decomposed)
            #expect(try await account.resolve(composed) == decomposed)
            try await store.put(message("b"), account, composed)
            #expect(try await account.status(of: decomposed).messages == 2)
        }
    }

    /// Names that are not of Net-Unicode (RFC 9051 section 5.1) are not given; what has one can be used.
    @Test func namesOutsideOfNetUnicode() async throws {
        let volume = try TestVolume()
        let folder = "\(volume.directory)/anna/.&,v8-x"
        let bad = try self.name("\u{FEFF}x")
        try await volume.with { store in
            let account = try await store.account(volume.identity("anna"))
            try await account.create(try self.name("Work"), specialUse: nil)
            #expect(await self.code { try await account.create(bad, specialUse: nil) } == .cannot)
            #expect(await self.code { try await account.rename(try self.name("Work"), to: bad) } == .cannot)
            #expect(await self.code { try await account.rename(.inbox, to: bad) } == .cannot)
            #expect(await !account.mayCreate(bad))
            try await store.finishFileWork()
        }
        for path in [folder, folder + "/cur", folder + "/new", folder + "/tmp"] { mkdir(path, 0o700) }
        try await volume.with { store in
            let account = try await store.account(volume.identity("anna"))
            try await store.put(message("a"), account, bad)
            #expect(try await account.status(of: bad).messages == 1)
            try await account.rename(bad, to: try self.name("Good"))
            #expect(try await account.mailboxes().map(\.name.text) == ["Good", "INBOX", "Work"])
        }
    }

    @Test(arguments: TestFormat.allCases) func deleteAndCreateAgain(_ format: TestFormat) async throws {
        let volume = try TestVolume(format)
        try await volume.with { store in
            let account = try await store.account(volume.identity("anna"))
            let name = try self.name("Work")
            try await account.create(name, specialUse: nil)
            try await account.create(try self.name("Work/Child"), specialUse: nil)
            try await store.put(message("a"), account, name)
            let session = try await account.open(name, .readWrite, onChange: {})
            let old = session.snapshot().uidValidity
            try await account.delete(name)
            #expect(session.isDeleted)
            #expect(session.snapshot().count == 1)
            #expect(
                await self.code {
                    _ = try await session.store(FlagChange(.add, [.seen]), [.first], unchangedSince: nil)
                } == .expunged)
            session.close()
            #expect(await self.code { _ = try await account.status(of: name) } == .notFound)
            #expect(try await account.mailboxes().map(\.name.text) == ["INBOX", "Work", "Work/Child"])
            try await account.create(name, specialUse: nil)
            let status = try await account.status(of: name)
            #expect(status.messages == 0)
            #expect(status.uidValidity > old)
        }
        #expect(volume.problems == [])
    }

    @Test(arguments: TestFormat.allCases) func renameWithChildren(_ format: TestFormat) async throws {
        let volume = try TestVolume(format)
        let validity = try await volume.with { store in
            let account = try await store.account(volume.identity("anna"))
            for text in ["A", "A/x", "A/x/y", "AB"] {
                try await account.create(try self.name(text), specialUse: nil)
            }
            try await store.put(message("deep"), account, try self.name("A/x/y"))
            let session = try await account.open(try self.name("A/x/y"), .readWrite, onChange: {})
            try await account.rename(try self.name("A"), to: try self.name("N/A"))
            #expect(session.name.text == "N/A/x/y")
            #expect(try await session.subjects() == ["deep"])
            try await store.put(message("later"), account, try self.name("N/A/x/y"))
            #expect(try await session.subjects() == ["deep", "later"])
            #expect(
                try await account.mailboxes().map(\.name.text) == [
                    "AB", "INBOX", "N", "N/A", "N/A/x", "N/A/x/y",
                ])
            #expect(
                await self.code { try await account.rename(try self.name("A"), to: try self.name("B")) }
                    == .notFound)
            #expect(
                await self.code { try await account.rename(try self.name("AB"), to: try self.name("N/A")) }
                    == .alreadyExists)
            #expect(
                await self.code { try await account.rename(try self.name("AB"), to: try self.name("AB/c")) }
                    == .cannot)
            defer { session.close() }
            return session.snapshot().uidValidity
        }
        try await volume.with { store in
            let account = try await store.account(volume.identity("anna"))
            let status = try await account.status(of: try self.name("N/A/x/y"))
            #expect(status.messages == 2)
            #expect(status.uidValidity == validity)
        }
        #expect(volume.problems == [])
    }

    /// New names are on the disk before the log has them: of several renames a power loss may take the last ones, and who
    /// then has which name nobody could tell.
    @Test func renameNeedsTheDisk() async throws {
        let volume = try TestVolume()
        let (old, new) = (try self.name("Old"), try self.name("New"))
        try await volume.with { store in
            let account = try await store.account(volume.identity("anna"))
            try await account.create(old, specialUse: nil)
            try await store.put(message("m1"), account, old)
        }
        try await volume.with { configuration in
            configuration.bodyFormats["maildir"] = UnsyncedFormat(format: MaildirFormat(MaildirOptions()))
        } _: { store in
            let account = try await store.account(volume.identity("anna"))
            #expect(await self.code { try await account.rename(old, to: new) } == .temporary)
            #expect(try await account.mailboxes().map(\.name) == [.inbox, old])
        }
        try await volume.with { store in
            let account = try await store.account(volume.identity("anna"))
            #expect(try await account.mailboxes().map(\.name) == [.inbox, old])
            #expect(try await account.status(of: old).messages == 1)
            try await account.rename(old, to: new)
            #expect(try await account.mailboxes().map(\.name) == [.inbox, new])
            #expect(try await account.status(of: new).messages == 1)
        }
    }

    /// What was refused because its file could not be written does not come with the next start.
    @Test func refusedSubscriptionsAndAccessLists() async throws {
        let volume = try TestVolume()
        let name = try self.name("Work")
        try await volume.with { configuration in
            let format = UnsyncedFormat(format: MaildirFormat(MaildirOptions()), writesLists: false)
            configuration.bodyFormats["maildir"] = format
        } _: { store in
            let account = try await store.account(volume.identity("anna"))
            try await account.create(name, specialUse: nil)
            #expect(await self.code { try await account.subscribe(name) } == .temporary)
            let code = await self.code {
                try await account.changeAccessList(of: name) { (list) throws(StoreError) in
                    list = AccessList(text: Array("user=bob lr\n".utf8))
                }
            }
            #expect(code == .temporary)
            #expect(try await account.subscriptions() == [])
            #expect(try await account.accessList(of: name).isEmpty)
        }
        for _ in 0..<2 {
            try await volume.with { store in
                let account = try await store.account(volume.identity("anna"))
                #expect(try await account.subscriptions() == [])
                #expect(try await account.accessList(of: name).isEmpty)
                #expect(try await store.accountsSharing(with: [.user("bob")]) == [])
            }
            Shell.remove("\(volume.directory)/volume/index")
        }
    }

    @Test(arguments: TestFormat.allCases) func renameInboxMovesItsMail(_ format: TestFormat) async throws {
        let volume = try TestVolume(format)
        try await volume.with { store in
            let account = try await store.account(volume.identity("anna"))
            try await store.put(message("a"), account)
            try await store.put(message("b"), account)
            try await account.rename(.inbox, to: try self.name("Saved"))
            #expect(try await account.status(of: .inbox).messages == 0)
            #expect(try await account.status(of: try self.name("Saved")).messages == 2)
        }
        #expect(volume.problems == [])
    }

    @Test(arguments: TestFormat.allCases) func depositCreatesMissingMailbox(_ format: TestFormat) async throws {
        let volume = try TestVolume(format)
        try await volume.with { store in
            let account = try await store.account(volume.identity("anna"))
            let name = try self.name("Lists/swift")
            await withTaskGroup(of: Void.self) { group in
                for number in 0..<8 {
                    group.addTask {
                        _ = await store.deposit([
                            Deposit(
                                message: message("m\(number)"), account: account, mailbox: name,
                                missingMailbox: .create)
                        ])
                    }
                }
            }
            #expect(try await account.status(of: name).messages == 8)
        }
        #expect(volume.problems == [])
    }

    @Test(arguments: TestFormat.allCases) func secondProcessIsRefused(_ format: TestFormat) async throws {
        let volume = try TestVolume(format)
        try await volume.with { _ in
            let error = #expect(throws: StoreError.self) { try volume.open() }
            #expect(error?.code == .inUse)
        }
    }

    @Test(arguments: TestFormat.allCases) func closedStoreRefuses(_ format: TestFormat) async throws {
        let volume = try TestVolume(format)
        let store = try volume.open()
        let account = try await store.account(volume.identity("anna"))
        await store.close()
        #expect(await self.code { try await store.put(message("a"), account) } == .temporary)
        #expect(await self.code { _ = try await account.open(.inbox, .readOnly, onChange: {}) } == .temporary)
        await store.close()
    }

    /// Whether there is one mailbox, without listing all: also one that another program made or removed.
    @Test(arguments: TestFormat.allCases) func asksForOne(_ format: TestFormat) async throws {
        let volume = try TestVolume(format)
        try await volume.with { store in
            let account = try await store.account(volume.identity("anna"))
            try await account.create(try self.name("A/B"), specialUse: nil)
            func has(_ name: String) async throws -> Bool { try await account.hasMailbox(try self.name(name)) }
            #expect(try await has("INBOX"))
            #expect(try await has("A/B"))
            // There for its child alone.
            #expect(try await !has("A"))
            #expect(try await !has("C"))
            guard format == .maildir else { return }
            let path = "\(volume.directory)/anna/.C"
            for part in ["", "/new", "/tmp", "/cur"] { mkdir(path + part, 0o700) }
            #expect(try await has("C"))
            Shell.remove(path)
            #expect(try await !has("C"))
        }
    }
}
