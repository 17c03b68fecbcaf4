import Glibc
import IndexedStore
import MailCore
import MailStore
import Testing

@Suite struct AccessListStoreTests {
    private func uids(_ numbers: UInt32...) -> UIDSet { UIDSet(numbers.compactMap { UID(rawValue: $0) }) }

    @Test(arguments: TestFormat.allCases) func listsSurviveARestart(_ format: TestFormat) async throws {
        let volume = try TestVolume(format)
        let name = try #require(MailboxName("Projects"))
        try await volume.with { store in
            let account = try await store.account(volume.identity("anna"))
            try await account.create(name, specialUse: nil)
            #expect(try await account.accessList(of: name).isEmpty)
            try await account.changeAccessList(of: name) { (list) throws(StoreError) in
                list.set(.user("ben"), isNegative: false, .replace, [.lookup, .read])
            }
            #expect(try await store.accountsSharing(with: [.user("ben")]) == ["anna"])
            #expect(try await store.accountsSharing(with: [.user("carl"), .anyone]) == [])
        }
        try await volume.with { store in
            // Known before the account is opened.
            #expect(try await store.accountsSharing(with: [.user("ben")]) == ["anna"])
            let account = try await store.account(volume.identity("anna"))
            #expect(try await account.accessLists()[name]?.rows == [.init(.user("ben"), [.lookup, .read])])
            try await account.delete(name)
            #expect(try await store.accountsSharing(with: [.user("ben")]) == [])
            try await account.create(name, specialUse: nil)
            #expect(try await account.accessList(of: name).isEmpty)
        }
        #expect(volume.problems == [])
    }

    @Test func filesOfOtherProgramsCount() async throws {
        let volume = try TestVolume()
        let name = try #require(MailboxName("Projects"))
        try await volume.with { store in
            let account = try await store.account(volume.identity("anna"))
            try await account.create(name, specialUse: nil)
            let path = "\(volume.directory)/anna/.Projects/dovecot-acl"
            let text = "user=ben lr\n"
            let file = open(path, O_WRONLY | O_CREAT, 0o600)
            #expect(write(file, text, text.utf8.count) == text.utf8.count)
            close(file)
            #expect(try await account.accessList(of: name).rows == [.init(.user("ben"), [.lookup, .read])])
            #expect(try await store.accountsSharing(with: [.user("ben")]) == ["anna"])
            unlink(path)
            #expect(try await account.accessLists()[name] == nil)
            #expect(try await store.accountsSharing(with: [.user("ben")]) == [])
        }
        #expect(volume.problems == [])
    }

    /// One mailbox's file must not hide the others; only the owner has access to that mailbox.
    @Test func tooLargeListGivesNothing() async throws {
        let volume = try TestVolume()
        let name = try #require(MailboxName("Projects"))
        let other = try #require(MailboxName("Other"))
        try await volume.with { store in
            let account = try await store.account(volume.identity("anna"))
            for name in [name, other] {
                try await account.create(name, specialUse: nil)
                try await account.changeAccessList(of: name) { (list) throws(StoreError) in
                    list.set(.user("ben"), isNegative: false, .replace, [.lookup, .read])
                }
            }
            let row = Array("user=somebody-else lr\n".utf8)
            Shell.write(
                Array("user=ben lr\n".utf8)
                    + Array(repeatElement(row, count: AccessList.maximumTextSize / row.count + 1).joined()),
                "\(volume.directory)/anna/.Projects/dovecot-acl")
            let lists = try await account.accessLists()
            #expect(lists[name]?.isDamaged == true)
            #expect(lists[other]?.rows.count == 1)
            let error = await #expect(throws: StoreError.self) {
                try await account.changeAccessList(of: other) { (list) throws(StoreError) in
                    let long = String(repeating: "x", count: 490)
                    for number in 0..<600 { list.set(.user("\(long)\(number)"), isNegative: false, .replace, [.lookup]) }
                }
            }
            #expect(error?.code == .limit)
        }
        #expect(volume.problems.count == 1)
        #expect(volume.problems.allSatisfy { $0.contains("access control list of Projects cannot be read") })
    }

    @Test(arguments: TestFormat.allCases) func otherNamesHaveTheList(_ format: TestFormat) async throws {
        let volume = try TestVolume(format)
        let junk = try #require(MailboxName("Junk"))
        let spam = try #require(MailboxName("Spam"))
        let defaults = [
            IndexedStore.MailboxDefault(name: junk, specialUse: .junk, creation: .create, aliases: [spam])
        ]
        try await volume.with({ $0.mailboxDefaults = defaults }) { store in
            let account = try await store.account(volume.identity("anna"))
            #expect(try await account.accessList(of: spam).isEmpty)
            try await account.changeAccessList(of: spam) { (list) throws(StoreError) in
                list.set(.user("ben"), isNegative: false, .replace, [.lookup, .read])
            }
            #expect(try await account.accessList(of: spam).rows == [.init(.user("ben"), [.lookup, .read])])
            #expect(try await account.accessLists().map(\.key) == [junk])
        }
        #expect(volume.problems == [])
    }

    @Test(arguments: TestFormat.allCases) func messagesGoFromAccountToAccount(_ format: TestFormat) async throws {
        let volume = try TestVolume(format)
        try await volume.with { store in
            let anna = try await store.account(volume.identity("anna"))
            let ben = try await store.account(volume.identity("ben"))
            for number in 1...3 { try await store.put(message("m\(number)"), anna, flags: [.seen, .flagged]) }
            let source = try await anna.open(.inbox, .readWrite, onChange: {})
            let target = try await ben.open(.inbox, .readWrite, onChange: {})
            let copied = try await source.transfer(
                self.uids(1, 2), to: DepositDestination(account: ben, name: .inbox, rights: .writeSeen), .copy)
            #expect(copied.source == self.uids(1, 2))
            #expect(copied.target == self.uids(1, 2))
            let moved = try await source.transfer(
                self.uids(3), to: DepositDestination(account: ben, name: .inbox, rights: .all), .move)
            #expect(moved.target == self.uids(3))
            #expect(try await source.subjects() == ["m1", "m2"])
            #expect(try await target.subjects() == ["m1", "m2", "m3"])
            let snapshot = target.snapshot()
            #expect(snapshot.record(of: .first)?.flags == [.seen])
            #expect(snapshot.last?.flags == [.seen, .flagged])
            source.close()
            target.close()
        }
        try await volume.with { store in
            let ben = try await store.account(volume.identity("ben"))
            let target = try await ben.open(.inbox, .readWrite, onChange: {})
            #expect(try await target.subjects() == ["m1", "m2", "m3"])
            target.close()
        }
        #expect(volume.problems == [])
    }
}
