import Glibc
import IndexedStore
import MailCore
import MailStore
import Testing

/// What `verify` and the background examination see, and what they mend.
@Suite struct VerifyTests {
    static func findings(
        _ store: IndexedStore, _ account: any MailAccount, _ mode: VerifyMode = .examine
    ) async throws -> [StoreFinding] {
        var findings: [StoreFinding] = []
        for listing in try await account.mailboxes() where listing.isSelectable {
            var next: UInt32?
            repeat {
                let slice = try await store.verify(listing.name, of: account, from: next, mode)
                findings += slice.findings
                next = slice.next
            } while next != nil
        }
        var next: UInt32? = 0
        while let first = next {
            let slice = try await store.verifyLog(from: first)
            findings += slice.findings
            next = slice.next
        }
        return findings
    }

    @Test(arguments: TestFormat.allCases) func soundMailHasNoFindings(_ format: TestFormat) async throws {
        let volume = try TestVolume(format)
        for _ in 0..<2 {
            try await volume.with { store in
                let account = try await store.account(volume.identity("anna"))
                if try await account.status(of: .inbox).messages == 0 {
                    try await RebuildTests.load(store, account, "a")
                    #expect(try await Self.findings(store, account) == [])
                }
                try await store.finishFileWork()
                #expect(try await Self.findings(store, account) == [])
            }
        }
    }

    /// What happens to a Maildir in ways that its directories' times do not tell.
    enum Harm: String, CaseIterable, Sendable {
        case grown, shortened, otherHeader, removed, reflagged, unlisted, renumbered
    }

    @Test(arguments: Harm.allCases) func harmedMaildir(_ harm: Harm) async throws {
        let volume = try TestVolume()
        try await volume.with { store in
            let account = try await store.account(volume.identity("anna"))
            for number in 0..<8 { try await store.put(message("m\(number)", lines: 5), account, flags: [.seen]) }
            try await store.finishFileWork()
            #expect(try await Self.findings(store, account) == [])
            let cur = "\(volume.directory)/anna/cur"
            let victim = Shell.names(cur)[3]
            var octets = try #require(Shell.read("\(cur)/\(victim)"))
            // The directory's time is set back, as if nothing had happened there.
            var times = stat()
            stat(cur, &times)
            let kind: StoreFinding.Kind
            switch harm {
            case .grown:
                octets += Array("more\n".utf8)
                Shell.write(octets, "\(cur)/\(victim)")
                kind = .size
            case .shortened:
                octets.removeLast(10)
                Shell.write(octets, "\(cur)/\(victim)")
                kind = .size
            case .otherHeader:
                let place = try #require(octets.firstIndex(of: UInt8(ascii: "@")))
                octets[place + 1] = UInt8(ascii: "x")
                Shell.write(octets, "\(cur)/\(victim)")
                kind = .cache
            case .removed:
                unlink("\(cur)/\(victim)")
                kind = .missingFile
            case .reflagged:
                rename("\(cur)/\(victim)", "\(cur)/\(victim.dropLast(1))FS")
                kind = .flags
            case .unlisted:
                let path = "\(volume.directory)/anna/dovecot-uidlist"
                let lines = String(decoding: try #require(Shell.read(path)), as: UTF8.self).split(separator: "\n")
                Shell.write(
                    Array((lines.prefix(4) + lines.suffix(from: 5)).joined(separator: "\n").utf8) + [0x0A], path)
                kind = .uidList
            case .renumbered:
                let path = "\(volume.directory)/anna/dovecot-uidlist"
                let text = String(decoding: try #require(Shell.read(path)), as: UTF8.self)
                #expect(text.contains("\n8 :"))
                Shell.write(Array(text.replacing("\n8 :", with: "\n12 :").utf8), path)
                kind = .uidList
            }
            var both = [times.st_atim, times.st_mtim]
            utimensat(AT_FDCWD, cur, &both, 0)
            let found = try await Self.findings(store, account)
            // Where the fingerprint saw it, the ordinary way has mended it already.
            if !found.isEmpty { #expect(found.map(\.kind) == [kind]) }
            if [.size, .cache].contains(kind) { #expect(found.count == 1) }
            #expect(found.allSatisfy { !$0.isRepaired })
            let repaired = try await Self.findings(store, account, .repair)
            #expect(repaired.allSatisfy { $0.isRepaired })
            try await store.finishFileWork()
            #expect(try await Self.findings(store, account) == [])
            let inbox = try await account.open(.inbox, .readOnly, onChange: {})
            #expect(inbox.snapshot().count == (harm == .removed ? 7 : 8))
            // And the index agrees with the octets.
            for record in inbox.snapshot().records {
                let read = try #require(await inbox.octets(of: [record], limit: 1).first).get()
                #expect(read.count == Int(record.size))
            }
            inbox.close()
        }
        #expect(volume.problems.allSatisfy { $0.contains("repaired") })
    }

    /// One octet of a pack.
    @Test func harmedPack() async throws {
        let volume = try TestVolume(.pack)
        try await volume.with { store in
            let account = try await store.account(volume.identity("anna"))
            for number in 0..<8 { try await store.put(message("m\(number)", lines: 5), account) }
        }
        let path = "\(volume.directory)/volume/log/00000001.segment"
        var octets = try #require(Shell.read(path))
        let wanted = Array("Line 3 of m5.".utf8)
        let place = try #require(octets.indices.first { octets[$0...].starts(with: wanted) })
        octets[place] ^= 0x20
        Shell.write(octets, path)
        try await volume.with { store in
            let account = try await store.account(volume.identity("anna"))
            for mode in [VerifyMode.examine, .repair] {
                let found = try await Self.findings(store, account, mode)
                #expect(found.map(\.kind) == [.body, .log])
                #expect(found.first?.uid?.rawValue == 6)
                #expect(found.allSatisfy { !$0.isRepaired })
            }
        }
    }

    @Test func statusIsWrittenDown() async throws {
        let volume = try TestVolume(.pack)
        var status = ScrubStatus()
        status.started = 5
        status.finished = 9
        status.findings = 3
        status.isRunning = true
        status.octets = 1 << 40
        status.messages = 77
        status.position = "anna b"
        #expect(ScrubStatus(text: status.text) == status)
        #expect(ScrubStatus(text: "nonsense") == nil)
        let wanted = status
        try await volume.with { store in
            #expect(store.scrubStatus() == ScrubStatus())
            try await store.save(wanted)
        }
        try await volume.with { store in #expect(store.scrubStatus() == wanted) }
    }
}
