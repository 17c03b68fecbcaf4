import Glibc
import MailCore
import MailStore
import Testing

@testable import IndexedStore

@Suite struct MetadataTests {
    private let comment = MetadataEntry("/private/comment")
    private let box = MailboxName("Box")

    private func change(_ entry: String, _ value: String?) throws -> MetadataChange {
        MetadataChange(try #require(MetadataEntry(entry)), value.map { Array($0.utf8) })
    }

    private func text(_ account: any MailAccount, _ owner: MetadataOwner) async throws -> [String] {
        try await account.metadata(of: owner).map { "\($0.entry)=\(String(decoding: $0.value, as: UTF8.self))" }
    }

    @Test func names() {
        #expect(MetadataEntry("/Private/Comment")?.text == "/private/comment")
        #expect(MetadataEntry("/shared/vendor/x/y")?.isShared == true)
        #expect(MetadataEntry("/shared/vendor/x/y").map { String($0.suffix) } == "vendor/x/y")
        for bad in [
            "", "/", "/private", "/private/", "/private//a", "/other/a", "private/a", "/private/a/", "/private/ä",
            "/private/a%",
        ] {
            #expect(MetadataEntry(bad) == nil, "\(bad)")
        }
        #expect(MetadataEntry("/private/" + String(repeating: "a", count: 392)) == nil)
    }

    /// All of it is there again after the index and the log are gone.
    @Test func outlivesTheIndex() async throws {
        let volume = try TestVolume()
        let box = try #require(self.box)
        let expected = ["/private/comment=in Box", "/private/specialuse=\\Archive"]
        try await volume.with { store in
            let anna = try await store.account(volume.identity("anna"))
            try await anna.create(box, specialUse: .archive)
            try await anna.setMetadata([try self.change("/private/comment", "in Box")], of: .mailbox(box))
            try await anna.setMetadata(
                [try self.change("/shared/vendor/a", "1\n2"), try self.change("/private/gone", "x")], of: .server)
            try await anna.setMetadata([try self.change("/private/gone", nil)], of: .server)
            #expect(try await self.text(anna, .mailbox(box)) == expected)
        }
        // Once with the index, once without, once without both.
        for path in ["", "/volume/index", "/volume"] {
            if !path.isEmpty { Shell.remove(volume.directory + path) }
            try await volume.with { store in
                let anna = try await store.account(volume.identity("anna"))
                let listing = try await anna.mailboxes().first { $0.name == box }
                #expect(listing?.specialUse == .archive)
                #expect(try await self.text(anna, .mailbox(box)) == expected)
                #expect(try await self.text(anna, .server) == ["/shared/vendor/a=1\n2"])
            }
        }
    }

    /// Another server had the files meanwhile.
    @Test func filesOfAnotherServerCount() async throws {
        let volume = try TestVolume()
        let path = volume.directory + "/anna/dovecot-attributes"
        try await volume.with { store in
            let anna = try await store.account(volume.identity("anna"))
            try await anna.setMetadata(
                [try self.change("/private/comment", "old"), try self.change("/private/gone", "x")],
                of: .mailbox(.inbox))
            try await anna.setMetadata([try self.change("/private/vendor/a", "1")], of: .server)
        }
        let text = String(decoding: try #require(Shell.read(path)), as: UTF8.self)
        let guid = try #require(text.split(separator: "/").first { $0.utf8.count == 32 })
        Shell.write(
            Array(
                "priv/\(guid)/comment\nnew\nshared/\(guid)/more\ny\npriv/\(guid)/vendor/vendor.dovecot/pvt/server/vendor/a\n2\n"
                    .utf8), path)
        try await volume.with { store in
            let anna = try await store.account(volume.identity("anna"))
            #expect(try await self.text(anna, .mailbox(.inbox)) == ["/private/comment=new", "/shared/more=y"])
            #expect(try await self.text(anna, .server) == ["/private/vendor/a=2"])
        }
        // A lost file is written again.
        unlink(path)
        try await volume.with { store in
            let anna = try await store.account(volume.identity("anna"))
            #expect(try await self.text(anna, .mailbox(.inbox)) == ["/private/comment=new", "/shared/more=y"])
        }
        let written = String(decoding: try #require(Shell.read(path)), as: UTF8.self)
        #expect(written.contains("priv/\(guid)/comment\nnew\n"))
        #expect(written.contains("shared/\(guid)/more\ny\n"))
        #expect(written.contains("server/vendor/a\n2\n"))
    }

    /// A client that comes back learns from HIGHESTMODSEQ that something changed (RFC 7162 section 3.2).
    @Test func raisesTheModSeqOfItsMailbox() async throws {
        let volume = try TestVolume()
        let told = try await volume.with { store in
            let anna = try await store.account(volume.identity("anna"))
            let session = try await anna.open(.inbox, .readOnly, onChange: {})
            defer { session.close() }
            let before = try await anna.status(of: .inbox).highestModSeq
            try await anna.setMetadata([try self.change("/private/comment", "x")], of: .mailbox(.inbox))
            let after = try await anna.status(of: .inbox).highestModSeq
            #expect(after > before)
            #expect(session.snapshot().highestModSeq == after)
            // Not what is so already, nor the server's, nor what clients do not see.
            try await anna.setMetadata([try self.change("/private/comment", "x")], of: .mailbox(.inbox))
            try await anna.setMetadata([try self.change("/private/comment", "x")], of: .server)
            let secret = try #require(MetadataEntry("/private/vendor/vendor.dovecot/pvt/imap-urlauth"))
            try await anna.setSecret(secret, [1], of: .mailbox(.inbox))
            #expect(try await anna.status(of: .inbox).highestModSeq == after)
            return after
        }
        for path in ["", "/volume/index"] {
            if !path.isEmpty { Shell.remove(volume.directory + path) }
            try await volume.with { store in
                let anna = try await store.account(volume.identity("anna"))
                #expect(try await anna.status(of: .inbox).highestModSeq >= told)
            }
        }
    }

    @Test func isBounded() async throws {
        let volume = try TestVolume()
        try await volume.with { store in
            let anna = try await store.account(volume.identity("anna"))
            let changes = try (0..<MetadataLimits.maximumEntries).map { try self.change("/private/e\($0)", "x") }
            try await anna.setMetadata(changes, of: .server)
            let many = await #expect(throws: StoreError.self) {
                try await anna.setMetadata([try self.change("/private/more", "x")], of: .server)
            }
            #expect(many?.code == .limit)
            // Replacing and removing still work.
            try await anna.setMetadata(
                [try self.change("/private/e1", "y"), try self.change("/private/e2", nil)], of: .server)
            let long = String(repeating: "x", count: MetadataLimits.maximumValue + 1)
            let big = await #expect(throws: StoreError.self) {
                try await anna.setMetadata([try self.change("/private/e1", long)], of: .server)
            }
            #expect(big?.code == .tooBig)
            #expect(try await anna.metadata(of: .server).count == MetadataLimits.maximumEntries - 1)
        }
    }

    @Test func specialUseOverridesSettings() async throws {
        let volume = try TestVolume()
        let box = try #require(self.box)
        let defaults: (inout IndexedStore.Configuration) -> Void = {
            $0.mailboxDefaults = [.init(name: box, specialUse: .junk, creation: .create)]
        }
        try await volume.with(defaults) { store in
            let anna = try await store.account(volume.identity("anna"))
            #expect(try await self.text(anna, .mailbox(box)) == ["/private/specialuse=\\Junk"])
            try await anna.setMetadata([try self.change("/private/specialuse", "")], of: .mailbox(box))
            #expect(try await self.text(anna, .mailbox(box)) == [])
        }
        try await volume.with(defaults) { store in
            let anna = try await store.account(volume.identity("anna"))
            #expect(try await anna.mailboxes().first { $0.name == box }?.specialUse == nil)
            try await anna.setMetadata([try self.change("/private/specialuse", nil)], of: .mailbox(box))
            #expect(try await anna.mailboxes().first { $0.name == box }?.specialUse == .junk)
            let error = await #expect(throws: StoreError.self) {
                try await anna.setMetadata([try self.change("/private/specialuse", "\\Sent \\Junk")], of: .mailbox(box))
            }
            #expect(error?.code == .cannot)
        }
    }

    @Test func deletedMailboxTakesItAlong() async throws {
        let volume = try TestVolume()
        let box = try #require(self.box)
        try await volume.with { store in
            let anna = try await store.account(volume.identity("anna"))
            try await anna.create(box, specialUse: nil)
            try await anna.setMetadata([try self.change("/private/comment", "old")], of: .mailbox(box))
            try await anna.delete(box)
            try await anna.create(box, specialUse: nil)
            #expect(try await anna.metadata(of: .mailbox(box)).isEmpty)
        }
        #expect(Shell.read(volume.directory + "/anna/dovecot-attributes") == [])
    }
}
