import Glibc
import MailCore
import MailStore
import Testing

@testable import IndexedStore

/// Entries that no client sees: the keys behind signed URLs.
@Suite struct SecretTests {
    private let entry = MetadataEntry("/private/vendor/vendor.dovecot/pvt/imap-urlauth/00ff")
    private let box = MailboxName("Box")

    @Test(arguments: [
        ("/private/vendor/vendor.dovecot/pvt", true), ("/shared/vendor/vendor.dovecot/pvt/x", true),
        ("/private/Vendor/Vendor.Dovecot/PVT/x", true), ("/private/vendor/vendor.dovecot/pvt2", false),
        ("/private/vendor/vendor.dovecot", false), ("/private/comment", false),
    ])
    func internalNames(_ name: String, _ isInternal: Bool) {
        #expect(MetadataEntry(name)?.isInternal == isInternal)
    }

    /// With the index, without it, from a checkpoint, and for a Maildir without the log too.
    @Test(arguments: TestFormat.allCases) func outlivesTheIndex(_ format: TestFormat) async throws {
        let volume = try TestVolume(format)
        let box = try #require(self.box)
        let entry = try #require(self.entry)
        let kept = try await volume.with { store in
            let anna = try await store.account(volume.identity("anna"))
            try await anna.create(box, specialUse: nil)
            #expect(try await anna.secret(entry, of: .mailbox(box), orElse: nil) == nil)
            let made = try await anna.secret(entry, of: .mailbox(box), orElse: [1, 2, 3])
            #expect(made == [1, 2, 3])
            // The first one stays.
            #expect(try await anna.secret(entry, of: .mailbox(box), orElse: [4]) == [1, 2, 3])
            try await anna.setSecret(entry, [7, 7], of: .mailbox(box))
            #expect(try await anna.secret(entry, of: .server, orElse: [8]) == [8])
            #expect(try await anna.secret(entry, of: .mailbox(.inbox), orElse: nil) == nil)
            try await store.keepLogShort()
            return try await anna.secret(entry, of: .mailbox(box), orElse: nil)
        }
        #expect(kept == [7, 7])
        for path in ["", "/volume/index"] + (format == .maildir ? ["/volume"] : []) {
            if !path.isEmpty { Shell.remove(volume.directory + path) }
            try await volume.with { store in
                let anna = try await store.account(volume.identity("anna"))
                #expect(try await anna.secret(entry, of: .mailbox(box), orElse: nil) == [7, 7])
                #expect(try await anna.secret(entry, of: .server, orElse: nil) == [8])
            }
        }
        // It goes with its mailbox.
        try await volume.with { store in
            let anna = try await store.account(volume.identity("anna"))
            try await anna.delete(box)
            try await anna.create(box, specialUse: nil)
            #expect(try await anna.secret(entry, of: .mailbox(box), orElse: nil) == nil)
        }
    }

    @Test func metadataHasNoneOfIt() async throws {
        let volume = try TestVolume()
        let entry = try #require(self.entry)
        try await volume.with { store in
            let anna = try await store.account(volume.identity("anna"))
            let watch = anna.feed.watch(onChange: {})
            _ = try await anna.secret(entry, of: .mailbox(.inbox), orElse: [1])
            #expect(watch.take().isEmpty)
            watch.stop()
            #expect(try await anna.metadata(of: .mailbox(.inbox)).isEmpty)
            let refused = await #expect(throws: StoreError.self) {
                try await anna.setMetadata([MetadataChange(entry, [2])], of: .mailbox(.inbox))
            }
            #expect(refused?.code == .noPermission)
            // Nor does it take the place of what clients write.
            for number in 0..<MetadataLimits.maximumEntries {
                let name = try #require(MetadataEntry("/private/e\(number)"))
                try await anna.setMetadata([MetadataChange(name, [1])], of: .mailbox(.inbox))
            }
            try await anna.setSecret(entry, [3], of: .mailbox(.inbox))
            // Of INBOX, which stays when it is renamed, the mailbox it becomes has no secret.
            let box = try #require(self.box)
            try await anna.rename(.inbox, to: box)
            #expect(try await anna.secret(entry, of: .mailbox(box), orElse: nil) == nil)
            #expect(try await anna.secret(entry, of: .mailbox(.inbox), orElse: nil) == [3])
        }
    }

    /// Two sessions that need a key at the same time get the same one.
    @Test func oneOfTwo() async throws {
        let volume = try TestVolume()
        let entry = try #require(self.entry)
        try await volume.with { store in
            let anna = try await store.account(volume.identity("anna"))
            let values = try await withThrowingTaskGroup(of: [UInt8]?.self) { group in
                for number in 0..<20 {
                    group.addTask { try await anna.secret(entry, of: .mailbox(.inbox), orElse: [UInt8(number)]) }
                }
                return try await group.reduce(into: Set<[UInt8]?>()) { $0.insert($1) }
            }
            #expect(values.count == 1)
        }
    }
}
