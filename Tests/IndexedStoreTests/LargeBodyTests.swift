import MailCore
import MailStore
import Testing

@testable import IndexedStore

/// Messages that are not read into memory.
@Suite struct LargeBodyTests {
    @Test(arguments: TestFormat.allCases) func staysWhereItIsWhileItIsRead(_ format: TestFormat) async throws {
        let volume = try TestVolume(format)
        let identity = volume.identity("anna")
        let large = message("large", lines: 150_000)
        let count = large.octets.count
        #expect(count > 3 << 20)
        try await volume.with { store in
            let account = try await store.account(identity)
            try await store.put(message("a"), account)
            try await store.put(large, account)
            try await store.put(message("b"), account)
            let inbox = try await account.open(.inbox, .readWrite, onChange: {})
            let record = inbox.snapshot()[1]
            let read = try await inbox.octets(of: [record], limit: 1 << 20)[0].get()
            #expect(read.count == count)
            // The same again, without a look at the disk.
            let again = try await inbox.octets(of: [record], limit: 1 << 20)[0].get()
            #expect(again === read)
            // Removed and cleaned away, it is there for who has it.
            _ = try await inbox.remove([record.uid])
            inbox.close()
            for number in 0..<40 { try await store.put(message("m\(number)", lines: 2000), account) }
            try await store.keepLogShort()
            try await store.keepLogShort()
            for number in 0..<40 { try await store.put(message("n\(number)", lines: 2000), account) }
            let isSame = large.octets.withUnsafeBytes { wanted in
                read.withUnsafeBytes { wanted.elementsEqual($0) }
            }
            #expect(isSame)
        }
        // After a crash, too, it comes back whole.
        _ = try await volume.with { store in try await store.put(large, try await store.account(identity)) }
        if format == .pack { Shell.remove("\(volume.directory)/volume/index") }
        try await volume.with { store in
            let inbox = try await store.account(identity).open(.inbox, .readOnly, onChange: {})
            let last = try #require(inbox.snapshot().records.last)
            #expect(try await inbox.octets(of: [last], limit: 1)[0].get().count == count)
            inbox.close()
        }
        #expect(volume.problems.allSatisfy { $0.hasPrefix("the index is gone") })
    }
}
