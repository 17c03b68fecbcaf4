import Glibc
import IndexedStore
import MailCore
import MailStore
import Testing

/// A volume and its Maildirs copied file by file, as rsync does, while a server works there.
@Suite struct CopiedVolumeTests {
    /// Which directory comes first.
    enum Order: CaseIterable, Sendable { case maildirFirst, volumeFirst }

    @Test(arguments: TestFormat.allCases, Order.allCases)
    func everythingAnsweredBeforeIsThere(_ format: TestFormat, _ order: Order) async throws {
        for seed in 0..<2 as Range<UInt64> {
            let volume = try TestVolume(format)
            let work = Work(volume, seed)
            let copy = "\(volume.directory).copy"
            try await volume.with { configuration in
                configuration.logSegmentSize = 32_768
                configuration.segmentRetention = 3600
            } _: { store in
                let account = try await store.account(volume.identity("anna"))
                try await work.begin(store, account)
                let parts = order == .maildirFirst ? ["anna", "volume"] : ["volume", "anna"]
                mkdir(copy, 0o700)
                for pass in 0..<20 {
                    var hasVanished = false
                    for part in parts {
                        hasVanished =
                            try await Self.copy("\(volume.directory)/\(part)", "\(copy)/\(part)") {
                                // The first pass meets everything; later ones, as after exit status 24, less.
                                if pass == 0 { try await work.step(store, account) }
                            } || hasVanished
                    }
                    if format == .pack { #expect(!hasVanished) }
                    if !hasVanished { break }
                    #expect(pass < 19)
                }
            }
            // The original burns; the copy takes its place.
            Shell.remove(volume.directory)
            rename(copy, volume.directory)
            for round in 0..<2 {
                try await volume.with { store in
                    #expect(store.openReport.isIndexNew == (round == 0))
                    let account = try await store.account(volume.identity("anna"))
                    try await work.check(account)
                    if round == 0, format == .pack {
                        // Of another message than any that a client can have been told of.
                        #expect(try await account.status(of: .inbox).uidNext.rawValue > 10_000)
                    }
                    try await store.finishFileWork()
                    #expect(try await VerifyTests.findings(store, account) == [])
                }
            }
            #expect(volume.problems.filter { $0.contains("damaged") || $0.contains("missing") } == [])
        }
    }

    /// Copies as rsync: the files of a directory in order of their names, then its directories; what has the size and
    /// time of its copy is left out. `true`: something listed was gone when its turn came.
    private static func copy(
        _ source: String, _ target: String, _ step: () async throws -> Void
    ) async throws -> Bool {
        mkdir(target, 0o700)
        var directories: [String] = []
        var hasVanished = false
        // Spare segments hold nothing, and come and go.
        for name in Shell.names(source) where !name.hasPrefix("spare-") {
            let from = "\(source)/\(name)"
            let to = "\(target)/\(name)"
            var status = stat()
            guard lstat(from, &status) == 0 else {
                hasVanished = true
                continue
            }
            if status.st_mode & S_IFMT == S_IFDIR {
                directories.append(name)
                continue
            }
            var known = stat()
            if stat(to, &known) == 0, known.st_size == status.st_size,
                known.st_mtim.tv_sec == status.st_mtim.tv_sec, known.st_mtim.tv_nsec == status.st_mtim.tv_nsec
            {
                continue
            }
            let descriptor = open(from, O_RDONLY)
            guard descriptor >= 0 else {
                hasVanished = true
                continue
            }
            defer { close(descriptor) }
            var octets: [UInt8] = []
            var piece = [UInt8](repeating: 0, count: 8192)
            while true {
                let count = read(descriptor, &piece, piece.count)
                guard count > 0 else { break }
                octets += piece[..<count]
                if octets.count % 32_768 == 0 { try await step() }
            }
            Shell.write(octets, to)
            var times = [status.st_atim, status.st_mtim]
            utimensat(AT_FDCWD, to, &times, 0)
            try await step()
        }
        for name in directories {
            hasVanished = try await self.copy("\(source)/\(name)", "\(target)/\(name)", step) || hasVanished
        }
        return hasVanished
    }

    /// What the server does meanwhile, and what must be there afterwards.
    private final class Work {
        let volume: TestVolume
        var random: ModelTests.Seeded
        /// Mailbox and UID -> subject, of messages answered before the copy began and left alone since.
        var kept: [String: String] = [:]
        var count = 0
        let other = MailboxName("Other") ?? .inbox

        init(_ volume: TestVolume, _ seed: UInt64) {
            self.volume = volume
            self.random = ModelTests.Seeded(state: seed &* 7919 &+ 3)
        }

        func begin(_ store: IndexedStore, _ account: any MailAccount) async throws {
            try await account.create(self.other, specialUse: nil)
            for number in 0..<120 {
                let name = number % 3 == 0 ? self.other : .inbox
                let subject = "kept\(number)"
                let stored = try await store.put(message(subject, lines: 30), account, name)
                self.kept["\(name) \(stored.uid)"] = subject
                if number == 60 { try await store.keepLogShort(.holds) }
            }
        }

        func step(_ store: IndexedStore, _ account: any MailAccount) async throws {
            self.count += 1
            guard self.count <= 80 else { return }
            switch self.random.next() % 10 {
            case 0...3:
                for number in 0..<3 { try await store.put(message("new\(self.count)-\(number)", lines: 40), account) }
            case 4:
                // Sparse segments come from removals: of every second of those that were kept so far.
                let inbox = try await account.open(.inbox, .readWrite, onChange: {})
                var gone = UIDSet()
                for record in inbox.snapshot().records where self.random.next() % 8 == 0 {
                    gone.insert(record.uid)
                    self.kept["INBOX \(record.uid)"] = nil
                }
                _ = try await inbox.remove(gone)
                inbox.close()
            case 5:
                let inbox = try await account.open(.inbox, .readWrite, onChange: {})
                if let last = inbox.snapshot().last {
                    self.kept["INBOX \(last.uid)"] = nil
                    _ = try await inbox.move([last.uid], to: self.other)
                }
                inbox.close()
            case 6:
                let inbox = try await account.open(.inbox, .readWrite, onChange: {})
                let some = UIDSet(inbox.snapshot().records.prefix(3).map(\.uid))
                _ = try await inbox.store(FlagChange(.add, [.seen]), some, unchangedSince: nil)
                inbox.close()
                try await store.finishFileWork()
            case 7:
                let name = try #require(MailboxName("Box\(self.count)"))
                try await account.create(name, specialUse: nil)
                try await store.put(message("in\(self.count)"), account, name)
            default:
                try await store.keepLogShort(.holds)
            }
        }

        func check(_ account: any MailAccount) async throws {
            for name in [MailboxName.inbox, self.other] {
                let mailbox = try await account.open(name, .readOnly, onChange: {})
                let records = mailbox.snapshot().records
                let subjects = try await mailbox.subjects()
                var found: [String: String] = [:]
                for (record, subject) in zip(records, subjects) { found["\(name) \(record.uid)"] = subject }
                for (place, subject) in self.kept where place.hasPrefix("\(name) ") {
                    #expect(found[place] == subject, "\(place)")
                }
                mailbox.close()
            }
        }
    }
}
