import Glibc
import IndexedStore
import MailCore
import MailStore
import Testing

/// A broken `dovecot-uidlist`, with the index there, and with nothing there but files as another server left them.
@Suite struct UIDListSalvageTests {
    enum Harm: String, CaseIterable, Sendable {
        case unordered, repeated, claimedTwice, zeroHeader, noHeader, cutInARow, garbage, nulls, emptied
    }

    /// Whether this server has seen the mailbox before.
    enum Memory: CaseIterable, Sendable { case index, none }

    @Test(arguments: Harm.allCases, Memory.allCases) func uidsAreKept(_ harm: Harm, _ memory: Memory) async throws {
        let volume = try TestVolume()
        let path = "\(volume.directory)/anna/dovecot-uidlist"
        let before = try await volume.with { store in
            let account = try await store.account(volume.identity("anna"))
            for number in 1...8 { try await store.put(message("m\(number)"), account, flags: [.seen]) }
            let inbox = try await account.open(.inbox, .readWrite, onChange: {})
            _ = try await inbox.remove([UID(nonZero: 3)])
            defer { inbox.close() }
            return (inbox.snapshot().uidValidity, inbox.guid)
        }
        var lines = String(decoding: try #require(Shell.read(path)), as: UTF8.self).split(separator: "\n").map(
            String.init)
        // The header, and the row of a message that is gone, too.
        #expect(lines.count == 9)
        // Subjects that may have another UID afterwards, when only the file knew.
        var lost: Set<String> = []
        var keepsValidity = true
        switch harm {
        case .unordered: lines.swapAt(2, 6)
        case .repeated: lines.insert(lines[4], at: 5)
        case .claimedTwice:
            let name = try #require(lines[5].split(separator: " ").last)
            lines[5] = "\(try #require(lines[4].split(separator: " ").first)) \(name)"
            lost = ["m4", "m5"]
        case .zeroHeader:
            lines[0] = "3 V0 N0"
            keepsValidity = false
        case .noHeader:
            lines.removeFirst()
            keepsValidity = false
        case .cutInARow:
            lines[8] = String(lines[8].prefix(6))
            lost = ["m8"]
        case .garbage:
            lines.insert("what is this", at: 3)
            lines.insert("4294967295 :x", at: 5)
        case .nulls: lines.insert(String(repeating: "\0", count: 512), at: 4)
        case .emptied:
            lines = []
            keepsValidity = false
            lost = Set((1...8).map { "m\($0)" })
        }
        Shell.write(
            Array(lines.joined(separator: "\n").utf8) + (harm == .cutInARow || lines.isEmpty ? [] : [0x0A]), path)
        if memory == .none { Shell.remove("\(volume.directory)/volume") }
        for _ in 0..<2 {
            try await volume.with { store in
                let account = try await store.account(volume.identity("anna"))
                let inbox = try await account.open(.inbox, .readOnly, onChange: {})
                let subjects = try await inbox.subjects()
                #expect(Set(subjects) == ["m1", "m2", "m4", "m5", "m6", "m7", "m8"])
                for (record, subject) in zip(inbox.snapshot().records, subjects)
                where memory == .index || !lost.contains(subject) {
                    #expect("m\(record.uid.rawValue)" == subject)
                }
                if memory == .index || keepsValidity { #expect(inbox.snapshot().uidValidity == before.0) }
                if memory == .index { #expect(inbox.guid == before.1) }
                // A UID that somebody may know is not given to another message.
                let highest = harm == .emptied || harm == .cutInARow && memory == .none ? 0 : 8
                #expect(inbox.snapshot().uidNext.rawValue > highest)
                inbox.close()
                try await store.finishFileWork()
                #expect(try await VerifyTests.findings(store, account) == [])
            }
        }
        // The file is whole again.
        let text = String(decoding: try #require(Shell.read(path)), as: UTF8.self)
        #expect(text.hasPrefix("3 V") && text.hasSuffix("\n") && !text.contains("\0"))
        #expect(text.split(separator: "\n").count >= 8)
    }
}
